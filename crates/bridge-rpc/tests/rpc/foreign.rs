//! Something between gateway and control plane answers in its place, with a plain HTTP status.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bridge_auth::{AuthError, Authorizer as _, Claim, Secret};
use bridge_proto::v1::session_service_server::{SERVICE_NAME, SessionServiceServer};
use bridge_rpc::{
    AuthorizerConfig, ConnectionState, Dialer, FatalKind, RemoteAuthorizer, memory_pipe,
};
use bridge_telemetry::discard;
use bridge_telemetry::task::{self, Task};
use http::StatusCode;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Server;
use tower::Service;

use crate::control::{Control, connect, soon};

/// Stands where a service should be.
#[derive(Clone)]
struct Wall<const GREETS: bool>(StatusCode);

impl NamedService for Wall<true> {
    const NAME: &'static str = SERVICE_NAME;
}

impl NamedService for Wall<false> {
    const NAME: &'static str = bridge_proto::v1::authorizer_service_server::SERVICE_NAME;
}

impl<const GREETS: bool> Service<http::Request<Body>> for Wall<GREETS> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        let mut answer = http::Response::new(Body::empty());
        *answer.status_mut() = self.0;
        ready(Ok(answer))
    }
}

/// A control plane that greets, and a wall before its authorizer.
fn before_the_authorizer(control: &Control, status: StatusCode) -> (Dialer, Task<()>) {
    let (dialer, incoming) = memory_pipe();
    let router = Server::builder()
        .add_service(SessionServiceServer::new(control.clone()))
        .add_service(Wall::<false>(status));
    let serving = async move { router.serve_with_incoming(incoming).await.unwrap() };
    (dialer, task::spawn(&discard(), "walled", serving))
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_turns_the_gateway_away_refuses_no_caller() {
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        let control = Control::default();
        let (dialer, _serving) = before_the_authorizer(&control, status);
        let channel = connect(dialer);
        let authorizer = RemoteAuthorizer::start(&channel, AuthorizerConfig::default()).unwrap();
        let secret = Secret::new("alice-key".to_owned());
        let error = soon(authorizer.authorize(Claim::Key(&secret)))
            .await
            .unwrap_err();
        assert!(matches!(error, AuthError::Unavailable(_)), "{error}");
        control.until_greeted(2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_before_the_greeting_is_no_control_plane() {
    for status in [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_FOUND,
    ] {
        let (dialer, incoming) = memory_pipe();
        let router = Server::builder().add_service(Wall::<true>(status));
        let serving = async move { router.serve_with_incoming(incoming).await.unwrap() };
        let _serving = task::spawn(&discard(), "walled", serving);
        let channel = connect(dialer);
        soon(channel.connected()).await.unwrap_err();
        let state = channel.state();
        let code = status.as_u16().to_string();
        let is_told = matches!(&state,
            ConnectionState::Fatal { kind: FatalKind::NotControlPlane, reason }
                if reason.contains(&code));
        assert!(is_told, "{state:?}");
    }
}
