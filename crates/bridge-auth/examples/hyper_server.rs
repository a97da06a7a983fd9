//! A small gateway on plain hyper: it reads the organisation's credential, asks whose it is, and
//! sends the request on without it. The provider behind it answers with the headers it received.
//!
//! Run it with `cargo run -p bridge-auth --example hyper_server` and try the lines it prints.
#![expect(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bridge_auth::{
    Actor, ActorId, AuthError, Authorizer, Claim, Grant, HeaderPolicy, RefusalReason, Scrubbed,
    Secret, Standing, Verdict,
};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;
type Body = BoxBody<Bytes, hyper::Error>;

/// Everything a request needs.
struct Gateway {
    policy: HeaderPolicy,
    authorizer: Box<dyn Authorizer>,
    provider: SocketAddr,
}

/// Knows one user and one key. A real one asks a database or a control plane.
struct OneKey {
    key: Secret,
    grant: Arc<Grant>,
}

#[async_trait]
impl Authorizer for OneKey {
    async fn authorize(&self, claim: Claim<'_>) -> Result<Arc<Grant>, AuthError> {
        match claim {
            Claim::Key(key) if *key == self.key => Ok(Arc::clone(&self.grant)),
            Claim::Key(_) | Claim::Delegated(_) => {
                Err(AuthError::Refused(RefusalReason::UnknownKey))
            }
        }
    }
}

impl Gateway {
    /// Admission: values only, until the authorizer is asked.
    async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        let admitted = self.policy.admit(std::mem::take(&mut parts.headers));
        let claim = match admitted.presented.verdict() {
            Verdict::Found(credential) => Claim::Key(credential.secret()),
            Verdict::Absent => return text(StatusCode::BAD_REQUEST, "no key provided\n"),
            Verdict::Malformed => return text(StatusCode::FORBIDDEN, "unauthorized\n"),
        };
        let grant = match self.authorizer.authorize(claim).await {
            Ok(grant) => grant,
            Err(AuthError::Refused(_)) => return text(StatusCode::FORBIDDEN, "unauthorized\n"),
            Err(AuthError::Unavailable(_)) => {
                return text(StatusCode::SERVICE_UNAVAILABLE, "try again\n");
            }
        };
        let mode = admitted.presented.key_mode().as_str();
        println!(
            "{} {} for {} ({mode})",
            parts.method, parts.uri, grant.actor.username
        );
        let mut headers = admitted.scrubbed;
        headers.name_actor(&grant.actor, &self.policy);
        match self
            .forward(Request::from_parts(parts, body), headers)
            .await
        {
            Ok(response) => response,
            Err(_) => text(StatusCode::BAD_GATEWAY, "the provider cannot be reached\n"),
        }
    }

    /// Takes only headers that have been through the policy. The transport adds what is its own:
    /// `Host`, and the operator's key when the caller brings none.
    async fn forward(
        &self,
        mut request: Request<Incoming>,
        headers: Scrubbed,
    ) -> Result<Response<Body>, Failure> {
        let brings_key = headers.own_api_key().is_some() || headers.own_bearer().is_some();
        *request.headers_mut() = headers.into_headers();
        if !brings_key {
            let mut key = HeaderValue::from_static("operator-key");
            key.set_sensitive(true);
            request.headers_mut().insert("x-api-key", key);
        }
        let host = HeaderValue::try_from(self.provider.to_string())?;
        request.headers_mut().insert(header::HOST, host);

        let socket = TcpStream::connect(self.provider).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(request).await?;
        driver.detach_all();
        Ok(response.map(BodyExt::boxed))
    }
}

/// What a provider would see.
async fn provider(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut seen = format!(
        "the provider received {} {}\n",
        request.method(),
        request.uri()
    );
    for (name, value) in request.headers() {
        seen.push_str(&format!(
            "  {name}: {}\n",
            value.to_str().unwrap_or("(no text)")
        ));
    }
    Ok(Response::new(Full::from(seen)))
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    let body = Full::from(text).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

async fn serve_gateway(listener: TcpListener, gateway: Arc<Gateway>) -> Result<(), Failure> {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await?;
        let gateway = Arc::clone(&gateway);
        let service = service_fn(move |request| {
            let gateway = Arc::clone(&gateway);
            async move { Ok::<_, Infallible>(gateway.handle(request).await) }
        });
        let http = hyper::server::conn::http1::Builder::new();
        connections.spawn(http.serve_connection(TokioIo::new(socket), service));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_provider(listener: TcpListener) -> Result<(), Failure> {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await?;
        let http = hyper::server::conn::http1::Builder::new();
        connections.spawn(http.serve_connection(TokioIo::new(socket), service_fn(provider)));
        while connections.try_join_next().is_some() {}
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let front = TcpListener::bind("127.0.0.1:0").await?;
    let back = TcpListener::bind("127.0.0.1:0").await?;
    let address = front.local_addr()?;
    let actor = Actor {
        id: ActorId::from_bytes([1; 16]),
        username: "ada".to_owned(),
        email: None,
    };
    let grant = Arc::new(Grant {
        actor,
        api_key_id: "key-1".to_owned(),
        workspace_id: None,
        expires_at: None,
        standing: Standing::Confirmed,
    });
    let gateway = Arc::new(Gateway {
        policy: HeaderPolicy::default(),
        authorizer: Box::new(OneKey {
            key: Secret::new("demo-key".to_owned()),
            grant,
        }),
        provider: back.local_addr()?,
    });

    println!("with the operator's key:");
    println!("  curl http://{address}/v1/models -H 'Authorization: Bearer demo-key' -b 'a=1'");
    println!("with a key of one's own:");
    println!(
        "  curl http://{address}/v1/models -H 'X-Api-Key: my-own-key' \\\n    \
         -H 'X-Coder-AI-Governance-Token: demo-key'"
    );
    println!("without a key, and with a wrong one:");
    println!("  curl http://{address}/v1/models");
    println!("  curl http://{address}/v1/models -H 'X-Api-Key: wrong-key'");
    tokio::try_join!(serve_gateway(front, gateway), serve_provider(back))?;
    Ok(())
}
