//! The first call on a connection, over each kind of wire.

use std::io::Write as _;

use bridge_auth::{Authorizer as _, Claim, Secret};
use bridge_rpc::{
    AuthorizerConfig, Channel, ChannelConfig, ChannelError, ConnectionState, ControlTarget,
    FatalKind, RemoteAuthorizer, RpcError,
};
use bridge_telemetry::{discard, task};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Code, Status};

use crate::control::{Control, connect, connect_with, soon, yes};

fn remote(url: &str, config: ChannelConfig) -> Channel {
    let target = ControlTarget::Remote(url.parse().unwrap());
    Channel::connect(target, config, &discard()).unwrap()
}

/// Connects and asks one question.
async fn check(control: &Control, channel: &Channel) {
    soon(channel.connected()).await.expect("accepted");
    assert!(matches!(channel.state(), ConnectionState::Connected { .. }));
    control.answer("alice-key", Ok(yes("key-1", 1)));
    let authorizer = RemoteAuthorizer::start(channel, AuthorizerConfig::default()).unwrap();
    let secret = Secret::new("alice-key".to_owned());
    let grant = authorizer.authorize(Claim::Key(&secret)).await.unwrap();
    assert_eq!(grant.api_key_id, "key-1");
    assert_eq!(grant.actor.username, "user-1");
    let (greeting, _) = control.greeted().remove(0);
    assert_eq!(greeting.contract_version, bridge_proto::CONTRACT_NEEDED);
}

#[tokio::test]
async fn over_memory() {
    let control = Control::default();
    let (dialer, _cutter) = control.serve_pipe();
    check(&control, &connect(dialer)).await;
}

#[tokio::test]
async fn over_tcp() {
    let control = Control::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let _server = control.serve(TcpListenerStream::new(listener));
    check(&control, &remote(&url, ChannelConfig::default())).await;
}

/// A TLS control plane on 127.0.0.1 for `localhost`, its port, and its certificate as PEM.
async fn tls(control: &Control) -> (task::Task<()>, u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.pem();
    let identity = Identity::from_pem(&certificate, made.signing_key.serialize_pem());
    let server = Server::builder()
        .tls_config(ServerTlsConfig::new().identity(identity))
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = control.router_on(server);
    let serving = task::spawn(&discard(), "test control plane", async move {
        let incoming = TcpListenerStream::new(listener);
        router.serve_with_incoming(incoming).await.unwrap();
    });
    (serving, port, certificate)
}

#[tokio::test]
async fn over_tls_with_an_extra_root() {
    let control = Control::default();
    let (_server, port, certificate) = tls(&control).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(certificate.as_bytes()).unwrap();
    let config = ChannelConfig {
        extra_roots: Some(file.path().to_owned()),
        ..ChannelConfig::default()
    };
    check(
        &control,
        &remote(&format!("https://localhost:{port}"), config),
    )
    .await;
}

#[tokio::test]
async fn an_untrusted_certificate_is_not_accepted() {
    let control = Control::default();
    let (_server, port, _) = tls(&control).await;
    let channel = remote(
        &format!("https://localhost:{port}"),
        ChannelConfig::default(),
    );
    let mut states = channel.watch_state();
    loop {
        let state = soon(states.changed()).await.unwrap();
        match &state {
            ConnectionState::Connecting { attempts, .. } if *attempts >= 2 => break,
            ConnectionState::Connecting { .. } => {}
            ConnectionState::Connected { .. } | ConnectionState::Fatal { .. } => {
                panic!("{state:?}")
            }
        }
    }
    assert!(control.greeted().is_empty());
}

#[test]
fn unreadable_roots_are_told_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _context = runtime.enter();
    let empty = tempfile::NamedTempFile::new().unwrap();
    for path in [empty.path(), std::path::Path::new("/nowhere/roots.pem")] {
        let config = ChannelConfig {
            extra_roots: Some(path.to_owned()),
            ..ChannelConfig::default()
        };
        let target = ControlTarget::Remote("https://localhost:1".parse().unwrap());
        let error = Channel::connect(target, config, &discard()).unwrap_err();
        assert!(matches!(error, ChannelError::ExtraRoots { .. }), "{error}");
    }
}

async fn check_fatal(name: &str, control: &Control, wanted: FatalKind, text: &str) {
    let (dialer, _cutter) = control.serve_pipe();
    let channel = connect(dialer);
    let refused = soon(channel.connected()).await.unwrap_err();
    assert!(
        matches!(refused, RpcError::Fatal { .. }),
        "{name}: {refused}"
    );
    let ConnectionState::Fatal { kind, reason } = channel.state() else {
        panic!("{name}: {:?}", channel.state());
    };
    assert_eq!(kind, wanted, "{name}");
    assert!(reason.contains(text), "{name}: {reason}");
    assert_eq!(control.greeted().len(), 1, "{name}: tried once and no more");
    let authorizer = RemoteAuthorizer::start(&channel, AuthorizerConfig::default()).unwrap();
    let secret = Secret::new("alice-key".to_owned());
    let asked = authorizer.authorize(Claim::Key(&secret));
    let error = soon(asked).await.unwrap_err();
    assert!(matches!(error, bridge_auth::AuthError::Unavailable(_)));
}

#[tokio::test(start_paused = true)]
async fn refusals_for_good_end_the_attempts() {
    for (code, kind) in [
        (Code::FailedPrecondition, FatalKind::Version),
        (Code::Unauthenticated, FatalKind::GatewayKey),
        (Code::PermissionDenied, FatalKind::NotAllowed),
        (Code::Unimplemented, FatalKind::NotControlPlane),
    ] {
        let control = Control::default();
        let text = "Incompatible or unparsable version";
        control.refuse_connect(Some(Status::new(code, text)));
        check_fatal(&format!("{code:?}"), &control, kind, text).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_of_another_version_is_refused_from_here_too() {
    for version in ["1.0", "0.9", "2.0", "banana", ""] {
        let control = Control::default();
        control.speak(version);
        check_fatal(version, &control, FatalKind::Version, "version").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_has_what_is_needed_is_accepted() {
    for version in [bridge_proto::CONTRACT_NEEDED, "1.12"] {
        let control = Control::default();
        control.speak(version);
        let (dialer, _cutter) = control.serve_pipe();
        check(&control, &connect(dialer)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn other_refusals_pass() {
    for code in [Code::Unavailable, Code::Internal, Code::ResourceExhausted] {
        let control = Control::default();
        control.refuse_connect(Some(Status::new(code, "not now")));
        let (dialer, _cutter) = control.serve_pipe();
        let channel = connect(dialer);
        control.until_greeted(4).await;
        let state = channel.state();
        assert!(
            matches!(state, ConnectionState::Connecting { attempts: 3.., .. }),
            "{code:?}: {state:?}"
        );
        control.refuse_connect(None);
        check(&control, &channel).await;
    }
}

#[tokio::test]
async fn the_gateway_key_travels_with_each_call_and_is_not_shown() {
    let control = Control::default();
    let (dialer, _cutter) = control.serve_pipe();
    let config = ChannelConfig {
        gateway_key: Some(Secret::new("gateway-key".to_owned())),
        gateway_name: "north".to_owned(),
        ..ChannelConfig::default()
    };
    assert!(!format!("{config:?}").contains("gateway-key"));
    let channel = connect_with(dialer, config);
    soon(channel.connected()).await.unwrap();
    let (greeting, bearer) = control.greeted().remove(0);
    assert_eq!(bearer.as_deref(), Some("Bearer gateway-key"));
    assert_eq!(greeting.gateway_name, "north");
}

#[tokio::test]
async fn a_gateway_key_that_cannot_travel_is_told_at_once() {
    let (dialer, _incoming) = bridge_rpc::memory_pipe();
    let config = ChannelConfig {
        gateway_key: Some(Secret::new("two\nlines".to_owned())),
        ..ChannelConfig::default()
    };
    let error = Channel::connect(ControlTarget::Memory(dialer), config, &discard()).unwrap_err();
    assert!(matches!(error, ChannelError::GatewayKey), "{error}");
}
