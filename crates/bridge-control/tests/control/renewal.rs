//! Tokens that are got anew, from a token endpoint that is really there.

use std::net::SocketAddr;
use std::sync::Arc;

use bridge_control::api::{
    ClientAuth, NewToolServer, NewUserToken, OAuthChange, SecretText, ToolCredentialKind,
    ToolServerPatch, UpstreamChange, UserView,
};
use bridge_proto::v1::tool_configurator_service_client::ToolConfiguratorServiceClient;
use bridge_proto::v1::{GetToolServersResponse, ToolServerProblemKind};
use bridge_telemetry::discard;
use bridge_telemetry::task::{self, Task};
use bytes::Bytes;
use futures_util::FutureExt as _;
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
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tonic::transport::Channel;

use crate::stage::{Served, Stage};
use crate::tool_answers::{ask, problem, refused, user_token};
use crate::tools::server;

type Client = ToolConfiguratorServiceClient<Channel>;

/// What was asked: `authorization` and body.
type Asked = (Option<String>, String);

/// An authorization server.
#[derive(Clone)]
struct Endpoint(Arc<Inner>);

struct Inner {
    /// Status and body.
    answer: Mutex<(u16, String)>,
    asked: Mutex<Vec<Asked>>,
    /// Answers leave while this is open.
    gate: watch::Sender<bool>,
    progress: watch::Sender<usize>,
}

impl Endpoint {
    fn new() -> Self {
        Self(Arc::new(Inner {
            answer: Mutex::new((500, String::new())),
            asked: Mutex::default(),
            gate: watch::channel(true).0,
            progress: watch::channel(0).0,
        }))
    }

    fn answer(&self, status: u16, body: &str) {
        *self.0.answer.lock() = (status, body.to_owned());
    }

    fn asked(&self) -> Vec<Asked> {
        self.0.asked.lock().clone()
    }

    async fn until_asked(&self, times: usize) {
        let mut progress = self.0.progress.subscribe();
        progress.wait_for(|count| *count >= times).await.unwrap();
    }

    async fn serve(&self, tls: Option<TlsAcceptor>) -> (SocketAddr, Task<()>) {
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
struct Scene {
    stage: Stage,
    client: Client,
    ada: UserView,
    endpoint: Endpoint,
    _served: Served,
    _endpoint: Option<Task<()>>,
}

fn wiki(token_url: String) -> NewToolServer {
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
    async fn new() -> Self {
        let endpoint = Endpoint::new();
        let (address, task) = endpoint.serve(None).await;
        let wiki = wiki(format!("http://{address}/token"));
        Self::with(endpoint, Some(task), wiki).await
    }

    async fn with(endpoint: Endpoint, task: Option<Task<()>>, wiki: NewToolServer) -> Self {
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
    async fn set(&self, token: &str, seconds: i64) {
        let end = Timestamp::now() + SignedDuration::from_secs(seconds);
        let new = NewUserToken {
            token: Some(SecretText::new(token.to_owned())),
            refresh_token: Some(SecretText::new("refresh-0".to_owned())),
            expires_at: Some(end),
        };
        let set = self.stage.control.set_user_token("wiki", "ada", new).await;
        set.unwrap();
    }

    async fn ask(&self) -> GetToolServersResponse {
        let mut client = self.client.clone();
        ask(&mut client, &self.ada, "", Vec::new()).await.unwrap()
    }

    /// Asks, and says that the token of this answer was not taken.
    async fn ask_again(&self, answer: &GetToolServersResponse) -> GetToolServersResponse {
        let mut client = self.client.clone();
        let refused = vec![refused(answer, "wiki")];
        ask(&mut client, &self.ada, "", refused).await.unwrap()
    }
}

fn granted(number: u32, seconds: u32) -> String {
    format!(
        r#"{{"access_token":"token-{number}","token_type":"bearer","expires_in":{seconds},"refresh_token":"refresh-{number}"}}"#
    )
}

#[tokio::test]
async fn a_token_that_ends_soon_is_got_anew_and_refresh_tokens_follow_each_other() {
    let scene = Scene::new().await;
    scene.set("token-0", 3_600).await;
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-0");
    assert!(scene.endpoint.asked().is_empty(), "there is time");

    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    let answer = scene.ask().await;
    let first = user_token(&answer, "wiki");
    assert_eq!(first.token, "token-1");
    let left = first.expires_at.unwrap().seconds - Timestamp::now().as_second();
    assert!((3_500..=3_600).contains(&left), "{left}");
    // "bridged:word"
    let basic = Some("Basic YnJpZGdlZDp3b3Jk".to_owned());
    let form = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    assert_eq!(scene.endpoint.asked(), [(basic.clone(), form("refresh-0"))]);
    // It is kept: nobody is asked for it again.
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");

    scene
        .endpoint
        .answer(200, r#"{"access_token":"token-2","expires_in":60}"#);
    let answer = scene.ask_again(&answer).await;
    assert_eq!(user_token(&answer, "wiki").token, "token-2");
    // A server that gives no other refresh token takes the one that there is again.
    scene.endpoint.answer(200, &granted(3, 60));
    let answer = scene.ask_again(&answer).await;
    assert_eq!(user_token(&answer, "wiki").token, "token-3");
    let asked: Vec<_> = scene
        .endpoint
        .asked()
        .into_iter()
        .map(|(_, body)| body)
        .collect();
    assert_eq!(
        asked,
        [form("refresh-0"), form("refresh-1"), form("refresh-1")]
    );
    let (_, listed) = scene.stage.get("/tool-tokens").await;
    assert_eq!(listed["items"][0]["state"], "good");
    assert!(listed["items"][0]["refreshed_at"].is_string());
}

#[tokio::test]
async fn a_refresh_token_alone_is_enough() {
    let scene = Scene::new().await;
    let new = NewUserToken {
        refresh_token: Some(SecretText::new("refresh-0".to_owned())),
        ..NewUserToken::default()
    };
    scene
        .stage
        .control
        .set_user_token("wiki", "ada", new)
        .await
        .unwrap();
    scene.endpoint.answer(200, &granted(1, 3_600));
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");
}

#[tokio::test]
async fn many_gateways_that_ask_at_once_get_one_token_and_the_endpoint_is_asked_once() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.0.gate.send_replace(false);
    let opened = async {
        scene.endpoint.until_asked(1).await;
        scene.endpoint.0.gate.send_replace(true);
    };
    let asking = futures_util::future::join_all((0..20).map(|_| scene.ask()));
    let (answers, ()) = tokio::join!(asking, opened);
    for answer in answers {
        assert_eq!(user_token(&answer, "wiki").token, "token-1");
    }
    assert_eq!(scene.endpoint.asked().len(), 1);
}

/// A refresh token that was exchanged must not be lost with the gateway that asked first.
#[tokio::test]
async fn a_gateway_that_leaves_does_not_lose_the_token() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.0.gate.send_replace(false);
    tokio::select! {
        _ = scene.ask() => panic!("the endpoint has not answered"),
        () = scene.endpoint.until_asked(1) => {}
    }
    scene.endpoint.0.gate.send_replace(true);
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");
    assert_eq!(scene.endpoint.asked().len(), 1);
}

#[tokio::test]
async fn a_refresh_token_that_is_refused_is_not_shown_again() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    let body = r#"{"error":"invalid_grant","error_description":"hidden"}"#;
    scene.endpoint.answer(400, body);
    for _ in 0..3 {
        let told = problem(&scene.ask().await, "wiki");
        let text = "expired or refused: set a new token".to_owned();
        assert_eq!(told, (ToolServerProblemKind::Expired, text));
    }
    assert_eq!(scene.endpoint.asked().len(), 1);
    let (_, listed) = scene.stage.get("/tool-tokens").await;
    assert_eq!(listed["items"][0]["state"], "refused");
    // A new one is tried.
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");
}

/// What was exchanged has to be kept before the process may end.
#[tokio::test]
async fn who_ends_waits_for_tokens_that_are_being_got_anew() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.0.gate.send_replace(false);
    tokio::select! {
        _ = scene.ask() => panic!("the endpoint has not answered"),
        () = scene.endpoint.until_asked(1) => {}
    }
    let mut settled = std::pin::pin!(scene.stage.control.settle());
    assert!(settled.as_mut().now_or_never().is_none());
    scene.endpoint.0.gate.send_replace(true);
    settled.await;
    let (_, listed) = scene.stage.get("/tool-tokens").await;
    assert!(listed["items"][0]["refreshed_at"].is_string(), "{listed}");
    // Nothing runs any more.
    scene.stage.control.settle().await;
}

#[tokio::test]
async fn an_endpoint_is_asked_for_so_many_tokens_at_once() {
    let scene = Scene::new().await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.0.gate.send_replace(false);
    let mut users = Vec::new();
    for number in 0..40 {
        let name = format!("user-{number}");
        users.push(scene.stage.user(&name).await);
        let new = NewUserToken {
            refresh_token: Some(SecretText::new(format!("refresh-{number}"))),
            ..NewUserToken::default()
        };
        let control = &scene.stage.control;
        control.set_user_token("wiki", &name, new).await.unwrap();
    }
    let asking = users.iter().map(|user| {
        let mut client = scene.client.clone();
        async move { ask(&mut client, user, "", Vec::new()).await.unwrap() }
    });
    let opened = async {
        scene.endpoint.until_asked(32).await;
        // Others would be there long before all this is answered.
        for _ in 0..20 {
            scene.stage.get("/tool-tokens").await;
        }
        assert_eq!(scene.endpoint.asked().len(), 32);
        scene.endpoint.0.gate.send_replace(true);
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(asking), opened);
    for answer in answers {
        assert_eq!(user_token(&answer, "wiki").token, "token-1");
    }
    assert_eq!(scene.endpoint.asked().len(), 40);
}

#[tokio::test]
async fn a_token_whose_endpoint_is_taken_away_is_not_called_renewable() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    let state = async || {
        let (_, listed) = scene.stage.get("/tool-tokens").await;
        listed["items"][0]["state"].clone()
    };
    assert_eq!(state().await, "renewable");
    let patch = ToolServerPatch {
        oauth: Some(None),
        ..ToolServerPatch::default()
    };
    let control = &scene.stage.control;
    control.change_tool_server("wiki", patch).await.unwrap();
    let told = problem(&scene.ask().await, "wiki");
    assert_eq!(told.0, ToolServerProblemKind::Expired);
    assert_eq!(state().await, "expired");
}

#[tokio::test]
async fn a_refusal_is_heard_by_all_who_wait_for_it() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(400, r#"{"error":"invalid_grant"}"#);
    scene.endpoint.0.gate.send_replace(false);
    let opened = async {
        scene.endpoint.until_asked(1).await;
        scene.endpoint.0.gate.send_replace(true);
    };
    let asking = futures_util::future::join_all((0..20).map(|_| scene.ask()));
    let (answers, ()) = tokio::join!(asking, opened);
    for answer in answers {
        assert_eq!(problem(&answer, "wiki").0, ToolServerProblemKind::Expired);
    }
    assert_eq!(scene.endpoint.asked().len(), 1);
}

#[tokio::test]
async fn trouble_at_the_endpoint_is_told_and_passes() {
    let big = format!(r#"{{"access_token":"{}"}}"#, "a".repeat(70 << 10));
    for (status, body, part) in [
        (503, "hidden", "status 503"),
        (302, "", "status 302"),
        (200, "hidden", "not understood"),
        (200, big.as_str(), "broke"),
        (401, r#"{"error":"invalid_client"}"#, "invalid_client"),
    ] {
        let scene = Scene::new().await;
        scene.set("token-0", 3_600).await;
        let answer = scene.ask().await;
        scene.endpoint.answer(status, body);
        let again = scene.ask_again(&answer).await;
        let (kind, message) = problem(&again, "wiki");
        assert_eq!(kind, ToolServerProblemKind::NotRefreshed, "{message}");
        assert!(
            message.contains(part) && !message.contains("hidden"),
            "{message}"
        );
        // It is left alone for a while; who has a good token goes on with it.
        let again = scene.ask_again(&answer).await;
        assert_eq!(problem(&again, "wiki").1, message);
        assert_eq!(scene.endpoint.asked().len(), 1, "{message}");
        assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-0");
        let (_, listed) = scene.stage.get("/tool-tokens").await;
        assert_eq!(listed["items"][0]["state"], "good");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_costs_its_own_server_only() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let wiki = wiki(format!("http://{address}/token"));
    let scene = Scene::with(Endpoint::new(), None, wiki).await;
    let open = server("open", ToolCredentialKind::None);
    scene.stage.control.create_tool_server(open).await.unwrap();
    scene.set("token-0", -5).await;
    let answer = scene.ask().await;
    assert_eq!(answer.servers.len(), 2);
    let (kind, message) = problem(&answer, "wiki");
    assert_eq!(kind, ToolServerProblemKind::NotRefreshed);
    assert!(message.contains("cannot be connected to"), "{message}");
}

#[tokio::test]
async fn what_the_operator_sets_meanwhile_wins() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.0.gate.send_replace(false);
    let setting = async {
        scene.endpoint.until_asked(1).await;
        scene.set("of-operator", 3_600).await;
        scene.endpoint.0.gate.send_replace(true);
    };
    let (answer, ()) = tokio::join!(scene.ask(), setting);
    assert_eq!(user_token(&answer, "wiki").token, "of-operator");
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "of-operator");
}

/// A token that was set for where the server is now must not be sent to where it was.
#[tokio::test]
async fn a_server_that_moves_meanwhile_is_told_with_its_new_address() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.0.gate.send_replace(false);
    let moving = async {
        scene.endpoint.until_asked(1).await;
        let patch = ToolServerPatch {
            url: Some("https://moved.example/mcp".to_owned()),
            ..ToolServerPatch::default()
        };
        let control = &scene.stage.control;
        control.change_tool_server("wiki", patch).await.unwrap();
        scene.set("of-operator", 3_600).await;
        scene.endpoint.0.gate.send_replace(true);
    };
    let (answer, ()) = tokio::join!(scene.ask(), moving);
    assert_eq!(user_token(&answer, "wiki").token, "of-operator");
    assert_eq!(answer.servers[0].url, "https://moved.example/mcp");
}

#[tokio::test]
async fn a_token_that_is_removed_meanwhile_does_not_come_back() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    scene.endpoint.0.gate.send_replace(false);
    let removing = async {
        scene.endpoint.until_asked(1).await;
        scene
            .stage
            .control
            .delete_user_token("wiki", "ada")
            .await
            .unwrap();
        scene.endpoint.0.gate.send_replace(true);
    };
    let (answer, ()) = tokio::join!(scene.ask(), removing);
    assert_eq!(problem(&answer, "wiki").0, ToolServerProblemKind::Expired);
    assert_eq!(
        problem(&scene.ask().await, "wiki").0,
        ToolServerProblemKind::NoToken
    );
}

/// A certificate for localhost that signs itself, and the endpoint's side of it.
fn tls() -> (String, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn tokens_are_got_over_tls_from_whom_the_operator_trusts() {
    let (pem, acceptor) = tls();
    let endpoint = Endpoint::new();
    endpoint.answer(200, &granted(1, 3_600));
    let (address, task) = endpoint.serve(Some(acceptor)).await;
    let mut wiki = wiki(format!("https://localhost:{}/token", address.port()));
    wiki.oauth.as_mut().unwrap().client_auth = Some(ClientAuth::Post);
    let scene = Scene::with(endpoint, Some(task), wiki).await;
    scene.set("token-0", -5).await;
    let (kind, message) = problem(&scene.ask().await, "wiki");
    assert_eq!(kind, ToolServerProblemKind::NotRefreshed);
    assert!(message.contains("certificate"), "{message}");
    assert!(scene.endpoint.asked().is_empty());

    let patch = ToolServerPatch {
        upstream: Some(Some(UpstreamChange {
            ca_pem: Some(Some(pem)),
            ..UpstreamChange::default()
        })),
        ..ToolServerPatch::default()
    };
    scene
        .stage
        .control
        .change_tool_server("wiki", patch)
        .await
        .unwrap();
    // A token of another revision is not held back by what failed before.
    scene.set("token-0", -5).await;
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");
    let asked = scene.endpoint.asked();
    assert_eq!(asked[0].0, None);
    assert!(
        asked[0]
            .1
            .ends_with("&client_id=bridged&client_secret=word"),
        "{}",
        asked[0].1
    );
}

#[tokio::test]
async fn what_was_got_anew_is_counted() {
    let scene = Scene::new().await;
    scene.set("token-0", -5).await;
    scene.endpoint.answer(200, &granted(1, 3_600));
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");
    let text = scene.stage.metrics.expose();
    let line = r#"bridge_tool_token_renewals_total{kind="renewed"} 1"#;
    assert!(text.contains(line), "{text}");
}
