//! Connections that are not there, or end.

use std::time::Duration;

use bridge_auth::{AuthError, Authorizer as _, Claim, Secret};
use bridge_rpc::{
    AuthorizerConfig, Channel, ChannelConfig, ConnectionState, ControlTarget, FatalKind,
    ProviderWatch, RemoteAuthorizer, memory_pipe,
};
use bridge_telemetry::{discard, task};
use futures_util::StreamExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::Status;

use crate::control::{Control, authorizer, connect, settle, soon, yes};

#[tokio::test]
async fn a_control_plane_that_is_down_at_start_is_found_later() {
    // A loopback address on which nothing else here takes a port while it is free.
    let listener = TcpListener::bind("127.0.79.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let target = ControlTarget::Remote(format!("http://{address}").parse().unwrap());
    let channel = Channel::connect(target, ChannelConfig::default(), &discard()).unwrap();
    let mut states = channel.watch_state();
    let state = soon(states.changed()).await.unwrap();
    assert!(
        matches!(state, ConnectionState::Connecting { attempts: 1, .. }),
        "{state:?}"
    );
    let control = Control::default();
    let listener = TcpListener::bind(address).await.unwrap();
    let _server = control.serve(TcpListenerStream::new(listener));
    soon(channel.connected()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_a_bounded_time_for_a_connection() {
    let (dialer, _nobody_accepts) = memory_pipe();
    let channel = connect(dialer);
    let authorizer = RemoteAuthorizer::start(&channel, AuthorizerConfig::default()).unwrap();
    let secret = Secret::new("alice-key".to_owned());
    let since = Instant::now();
    let error = authorizer.authorize(Claim::Key(&secret)).await.unwrap_err();
    assert!(matches!(error, AuthError::Unavailable(_)), "{error}");
    assert_eq!(since.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_answered_ends() {
    let (control, authorizer, _cutter) = authorizer(AuthorizerConfig::default()).await;
    control.answer("alice-key", Ok(yes("key-1", 1)));
    control.close_gate();
    let secret = Secret::new("alice-key".to_owned());
    let since = Instant::now();
    let error = authorizer.authorize(Claim::Key(&secret)).await.unwrap_err();
    assert!(matches!(error, AuthError::Unavailable(_)), "{error}");
    assert_eq!(since.elapsed().as_secs(), 10);
    control.open_gate();
    authorizer.authorize(Claim::Key(&secret)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_cut_connection_heals_and_is_greeted_again() {
    let control = Control::default();
    let (dialer, cutter) = control.serve_pipe();
    let channel = connect(dialer);
    for times in 1..=5 {
        control.until_greeted(times).await;
        soon(channel.connected()).await.unwrap();
        let mut states = channel.watch_state();
        cutter.cut();
        let state = soon(states.changed()).await.unwrap();
        assert!(
            matches!(state, ConnectionState::Connecting { .. }),
            "{state:?}"
        );
    }
    soon(channel.connected()).await.unwrap();
    assert_eq!(control.greeted().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_call_survives_the_cut_of_its_connection() {
    let (control, authorizer, cutter) = authorizer(AuthorizerConfig::default()).await;
    control.answer("alice-key", Ok(yes("key-1", 1)));
    control.close_gate();
    let secret = Secret::new("alice-key".to_owned());
    let cut = async {
        control.until_asked(1).await;
        cutter.cut();
        control.open_gate();
    };
    let (grant, ()) = tokio::join!(authorizer.authorize(Claim::Key(&secret)), cut);
    assert_eq!(grant.unwrap().api_key_id, "key-1");
    assert_eq!(control.greeted().len(), 2, "one connection after the other");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_given_up() {
    let (dialer, mut incoming) = memory_pipe();
    let control = Control::default();
    let (served, accepted) = mpsc::channel(4);
    let _server = control.serve(ReceiverStream::new(accepted));
    let channel = connect(dialer);
    // The first connection goes through a wire that falls silent without being closed.
    let mut outer = soon(incoming.next()).await.unwrap().unwrap();
    let (mut inner, theirs) = tokio::io::duplex(1 << 16);
    served.send(Ok::<_, std::io::Error>(theirs)).await.unwrap();
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut outer, &mut inner) => panic!("it ended"),
        outcome = channel.connected() => outcome.unwrap(),
    }
    let since = Instant::now();
    served
        .send(soon(incoming.next()).await.unwrap())
        .await
        .unwrap();
    soon(channel.connected()).await.unwrap();
    let waited = since.elapsed();
    assert!(waited >= Duration::from_secs(15), "{waited:?}");
    assert!(waited < Duration::from_secs(25), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn dropping_everything_closes_the_connection() {
    let (dialer, mut incoming) = memory_pipe();
    let control = Control::default();
    let (served, accepted) = mpsc::channel(4);
    let _server = control.serve(ReceiverStream::new(accepted));
    let channel = connect(dialer);
    let authorizer = RemoteAuthorizer::start(&channel, AuthorizerConfig::default()).unwrap();
    let providers = ProviderWatch::start(&channel);
    let mut outer = soon(incoming.next()).await.unwrap().unwrap();
    let (mut inner, theirs) = tokio::io::duplex(1 << 16);
    served.send(Ok::<_, std::io::Error>(theirs)).await.unwrap();
    let both = async {
        control.until_subscribed().await;
        control.until_watched().await;
        settle().await;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut outer, &mut inner) => panic!("it ended"),
        () = both => {}
    }
    drop((channel, authorizer, providers));
    let mut rest = Vec::new();
    soon(outer.read_to_end(&mut rest)).await.unwrap();
    let next = soon(incoming.next()).await;
    assert!(next.is_none(), "nobody dials any more");
}

#[tokio::test(start_paused = true)]
async fn a_draining_control_plane_hands_over_to_the_next() {
    let (old, new) = (Control::default(), Control::default());
    old.answer("alice-key", Ok(yes("key-from-old", 1)));
    new.answer("bob-key", Ok(yes("key-from-new", 2)));
    let (dialer, mut incoming) = memory_pipe();
    let (to_old, for_old) = mpsc::channel(4);
    let (to_new, for_new) = mpsc::channel(4);
    let (drain, draining) = oneshot::channel::<()>();
    let router = old.router_on(tonic::transport::Server::builder());
    let _old = task::spawn(&discard(), "old control plane", async move {
        let end = async { drop(draining.await) };
        let connections = ReceiverStream::new(for_old);
        let served = router.serve_with_incoming_shutdown(connections, end);
        served.await.unwrap();
    });
    let _new = new.serve(ReceiverStream::new(for_new));

    let channel = connect(dialer);
    let authorizer = RemoteAuthorizer::start(&channel, AuthorizerConfig::default()).unwrap();
    to_old
        .send(soon(incoming.next()).await.unwrap())
        .await
        .unwrap();
    old.until_subscribed().await;
    let alice = Secret::new("alice-key".to_owned());
    authorizer.authorize(Claim::Key(&alice)).await.unwrap();

    // It says goodbye, and keeps the stream of revocations open as long as anybody reads it.
    drain.send(()).unwrap();
    settle().await;
    let forward = async {
        let connection = soon(incoming.next()).await.unwrap();
        to_new.send(connection).await.unwrap();
        new.until_subscribed().await;
        settle().await;
    };
    let bob = Secret::new("bob-key".to_owned());
    let (grant, ()) = tokio::join!(authorizer.authorize(Claim::Key(&bob)), soon(forward));
    assert_eq!(grant.unwrap().api_key_id, "key-from-new");
    let gone = Status::unauthenticated("unknown key");
    new.answer("bob-key", Err(gone));
    new.revoke(&["key-from-new"], &[]).await;
    settle().await;
    let answer = authorizer.authorize(Claim::Key(&bob)).await;
    assert!(matches!(answer, Err(AuthError::Refused(_))), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_no_longer_welcome_greets_again() {
    let (control, authorizer, _cutter) = authorizer(AuthorizerConfig::default()).await;
    let unwelcome = Status::failed_precondition("gateway key invalid.");
    control.answer("alice-key", Err(unwelcome));
    let secret = Secret::new("alice-key".to_owned());
    let error = soon(authorizer.authorize(Claim::Key(&secret)))
        .await
        .unwrap_err();
    assert!(matches!(error, AuthError::Unavailable(_)), "{error}");
    control.until_greeted(2).await;
    control.answer("alice-key", Ok(yes("key-1", 1)));
    soon(authorizer.authorize(Claim::Key(&secret)))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_greeting_says_whether_that_is_for_good() {
    let control = Control::default();
    let (dialer, _cutter) = control.serve_pipe();
    let channel = connect(dialer);
    soon(channel.connected()).await.unwrap();
    control.refuse_connect(Some(Status::unauthenticated("gateway key invalid.")));
    let unwelcome = Status::failed_precondition("gateway key invalid.");
    control.answer("alice-key", Err(unwelcome));
    let authorizer = RemoteAuthorizer::start(&channel, AuthorizerConfig::default()).unwrap();
    let secret = Secret::new("alice-key".to_owned());
    let error = soon(authorizer.authorize(Claim::Key(&secret)))
        .await
        .unwrap_err();
    assert!(matches!(error, AuthError::Unavailable(_)), "{error}");
    let state = channel.state();
    let is_fatal = matches!(&state, ConnectionState::Fatal { kind: FatalKind::GatewayKey, reason }
        if reason == "gateway key invalid.");
    assert!(is_fatal, "{state:?}");
}
