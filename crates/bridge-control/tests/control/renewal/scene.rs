//! An authorization server that is really there, and a control plane that gets tokens from it.

use std::net::SocketAddr;
use std::sync::Arc;

use bridge_control::api::{
    NewToolServer, NewUserToken, OAuthChange, SecretText, ToolCredentialKind, UserView,
};
use bridge_proto::v1::GetToolServersResponse;
use bridge_proto::v1::tool_configurator_service_client::ToolConfiguratorServiceClient;
use bridge_telemetry::discard;
use bridge_telemetry::task::{self, Task};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tonic::transport::Channel;

use crate::stage::{Served, Stage};
use crate::tool_answers::{ask, refused};
use crate::tools::server;

type Client = ToolConfiguratorServiceClient<Channel>;

/// What was asked: `authorization` and body.
type Asked = (Option<String>, String);

/// An authorization server.
#[derive(Clone)]
pub(super) struct Endpoint(Arc<Inner>);

struct Inner {
    /// Status and body.
    answer: Mutex<(u16, String)>,
    asked: Mutex<Vec<Asked>>,
    /// Answers leave while this is open.
    gate: watch::Sender<bool>,
    progress: watch::Sender<usize>,
}

impl Endpoint {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            answer: Mutex::new((500, String::new())),
            asked: Mutex::default(),
            gate: watch::channel(true).0,
            progress: watch::channel(0).0,
        }))
    }

    pub(super) fn answer(&self, status: u16, body: &str) {
        *self.0.answer.lock() = (status, body.to_owned());
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.0.asked.lock().clone()
    }

    /// Answers wait until they are released.
    pub(super) fn hold(&self) {
        self.0.gate.send_replace(false);
    }

    pub(super) fn release(&self) {
        self.0.gate.send_replace(true);
    }

    pub(super) async fn until_asked(&self, times: usize) {
        let mut progress = self.0.progress.subscribe();
        progress.wait_for(|count| *count >= times).await.unwrap();
    }

    pub(super) async fn serve(&self, tls: Option<TlsAcceptor>) -> (SocketAddr, Task<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let this = self.clone();
        let task = task::spawn(&discard(), "authorization server", async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (this, tls) = (this.clone(), tls.clone());
                let work = async move {
                    match tls {
                        None => this.converse(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                this.converse(stream).await;
                            }
                        }
                    }
                };
                // Ends with the connection.
                task::spawn(&discard(), "connection", work).detach();
            }
        });
        (address, task)
    }

    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request: Request<Incoming>| {
            let this = self.clone();
            async move { Ok::<_, hyper::Error>(this.respond(request).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let _broken = connection.await;
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        assert_eq!(
            (request.method().as_str(), request.uri().path()),
            ("POST", "/token")
        );
        let form = "application/x-www-form-urlencoded";
        assert_eq!(request.headers()["content-type"], form);
        let authorization = request.headers().get("authorization");
        let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        self.0.asked.lock().push((authorization, body));
        self.0.progress.send_modify(|count| *count += 1);
        let mut gate = self.0.gate.subscribe();
        gate.wait_for(|is_open| *is_open).await.unwrap();
        let (status, body) = self.0.answer.lock().clone();
        let mut response = Response::builder().status(status);
        if status == 302 {
            response = response.header("location", "http://127.0.0.1:1/token");
        }
        response.body(Full::new(Bytes::from(body))).unwrap()
    }
}

/// A control plane with the tool server `wiki`, whose tokens are got anew at the endpoint, and ada.
pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) client: Client,
    pub(super) ada: UserView,
    pub(super) endpoint: Endpoint,
    _served: Served,
    _endpoint: Option<Task<()>>,
}

pub(super) fn wiki(token_url: String) -> NewToolServer {
    NewToolServer {
        oauth: Some(OAuthChange {
            token_url: Some(token_url),
            client_id: Some("bridged".to_owned()),
            client_secret: Some(Some(SecretText::new("word".to_owned()))),
            ..OAuthChange::default()
        }),
        ..server("wiki", ToolCredentialKind::User)
    }
}

impl Scene {
    pub(super) async fn new() -> Self {
        let endpoint = Endpoint::new();
        let (address, task) = endpoint.serve(None).await;
        let wiki = wiki(format!("http://{address}/token"));
        Self::with(endpoint, Some(task), wiki).await
    }

    pub(super) async fn with(
        endpoint: Endpoint,
        task: Option<Task<()>>,
        wiki: NewToolServer,
    ) -> Self {
        let stage = Stage::new();
        let (channel, served) = stage.gateway().await;
        let ada = stage.user("ada").await;
        stage.control.create_tool_server(wiki).await.unwrap();
        Self {
            stage,
            client: Client::new(channel),
            ada,
            endpoint,
            _served: served,
            _endpoint: task,
        }
    }

    /// Sets a token that is good for so many seconds from now on.
    pub(super) async fn set(&self, token: &str, seconds: i64) {
        let end = Timestamp::now() + SignedDuration::from_secs(seconds);
        let new = NewUserToken {
            token: Some(SecretText::new(token.to_owned())),
            refresh_token: Some(SecretText::new("refresh-0".to_owned())),
            expires_at: Some(end),
        };
        let set = self.stage.control.set_user_token("wiki", "ada", new).await;
        set.unwrap();
    }

    pub(super) async fn ask(&self) -> GetToolServersResponse {
        let mut client = self.client.clone();
        ask(&mut client, &self.ada, "", Vec::new()).await.unwrap()
    }

    /// Asks, and says that the token of this answer was not taken.
    pub(super) async fn ask_again(
        &self,
        answer: &GetToolServersResponse,
    ) -> GetToolServersResponse {
        let mut client = self.client.clone();
        let refused = vec![refused(answer, "wiki")];
        ask(&mut client, &self.ada, "", refused).await.unwrap()
    }
}

pub(super) fn granted(number: u32, seconds: u32) -> String {
    format!(
        r#"{{"access_token":"token-{number}","token_type":"bearer","expires_in":{seconds},"refresh_token":"refresh-{number}"}}"#
    )
}
