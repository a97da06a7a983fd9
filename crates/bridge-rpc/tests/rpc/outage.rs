//! The control plane is away: who is let in, for how long, and what is checked when it is back.

use std::time::Duration;

use bridge_auth::{AuthError, Authorizer as _, Claim, RefusalReason, Secret, Standing};
use bridge_rpc::{
    AuthorizerConfig, Channel, ChannelConfig, ConnectionState, ControlTarget, RemoteAuthorizer,
};
use bridge_telemetry::{discard, wall_clock};
use tokio::net::TcpListener;
use tokio::time::{Instant, advance};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Status;

use crate::control::{Control, Cutter, authorizer, settle, soon, yes};

const GRACE: Duration = Duration::from_secs(600);

/// How a request of this key is answered.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Confirmed,
    Grace,
    Refused(RefusalReason),
    Nobody,
}

async fn ask(authorizer: &RemoteAuthorizer, key: &str) -> Seen {
    let secret = Secret::new(key.to_owned());
    match authorizer.authorize(Claim::Key(&secret)).await {
        Ok(grant) => match grant.standing {
            Standing::Confirmed => Seen::Confirmed,
            Standing::Grace => Seen::Grace,
        },
        Err(AuthError::Refused(reason)) => Seen::Refused(reason),
        Err(AuthError::Unavailable(_)) => Seen::Nobody,
    }
}

const UNKNOWN: Seen = Seen::Refused(RefusalReason::UnknownKey);
/// Longer than any lease.
const LATER: Duration = Duration::from_secs(31);

/// Alice and Bob were granted, and their leases have ended. Carol has a key and never came.
async fn started(config: AuthorizerConfig) -> (Control, RemoteAuthorizer, Cutter) {
    let started = authorizer(config).await;
    for (key, id, user) in [
        ("alice-key", "key-1", 1),
        ("bob-key", "key-2", 2),
        ("carol-key", "key-3", 3),
    ] {
        started.0.answer(key, Ok(yes(id, user)));
    }
    for key in ["alice-key", "bob-key"] {
        assert_eq!(ask(&started.1, key).await, Seen::Confirmed);
    }
    advance(LATER).await;
    settle().await;
    started
}

async fn go_away(control: &Control, cutter: &Cutter) {
    control.refuse_connect(Some(Status::unavailable("away")));
    cutter.cut();
    settle().await;
}

async fn come_back(control: &Control) {
    let before = control.greeted().len();
    control.refuse_connect(None);
    advance(Duration::from_secs(10)).await;
    control.until_greeted(before + 1).await;
    control.until_subscribed().await;
    settle().await;
}

/// Lets held time pass until the outage is over.
async fn until_answering(authorizer: &RemoteAuthorizer) {
    soon(async {
        while authorizer.outage().is_some() {
            settle().await;
            advance(Duration::from_secs(1)).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn known_callers_go_on_at_once_and_strangers_do_not() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    assert_eq!(authorizer.outage(), None);
    let lost = Instant::now();
    go_away(&control, &cutter).await;
    for _ in 0..3 {
        assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
    }
    assert_eq!(lost.elapsed(), Duration::ZERO, "nobody waited");
    assert_eq!(ask(&authorizer, "carol-key").await, Seen::Nobody);
    assert_eq!(ask(&authorizer, "mallory").await, Seen::Nobody);
    assert_eq!(authorizer.stats().on_grace, 3);
    let outage = authorizer.outage().unwrap();
    assert_eq!((outage.since, outage.until), (lost, lost + GRACE));
}

#[tokio::test(start_paused = true)]
async fn the_grace_is_one_for_all_and_ends() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    let lost = Instant::now();
    go_away(&control, &cutter).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
    advance(lost + GRACE - Duration::from_secs(1) - Instant::now()).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
    assert_eq!(ask(&authorizer, "bob-key").await, Seen::Grace, "his first");
    advance(Duration::from_secs(1)).await;
    for key in ["alice-key", "bob-key", "carol-key"] {
        assert_eq!(ask(&authorizer, key).await, Seen::Nobody, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_has_not_ended_is_no_grace() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Confirmed);
    go_away(&control, &cutter).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Confirmed);
    advance(LATER).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
}

#[tokio::test(start_paused = true)]
async fn the_grace_can_be_off_or_short() {
    for (grace, expected) in [(None, Seen::Nobody), (Some(60), Seen::Grace)] {
        let config = AuthorizerConfig {
            grace: grace.map(Duration::from_secs),
            ..AuthorizerConfig::default()
        };
        let (control, authorizer, cutter) = started(config).await;
        go_away(&control, &cutter).await;
        assert_eq!(ask(&authorizer, "alice-key").await, expected, "{grace:?}");
        advance(Duration::from_secs(60)).await;
        assert_eq!(ask(&authorizer, "alice-key").await, Seen::Nobody);
    }
}

#[tokio::test(start_paused = true)]
async fn spans_without_measure_are_long_and_no_fault() {
    let config = AuthorizerConfig {
        lease: Some(Duration::MAX),
        grace: Some(Duration::MAX),
        ..AuthorizerConfig::default()
    };
    let (control, authorizer, cutter) = started(config).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Confirmed);
    go_away(&control, &cutter).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Confirmed);
    let outage = authorizer.outage().unwrap();
    assert_eq!(
        outage.until - outage.since,
        Duration::from_secs(365 * 24 * 60 * 60)
    );
}

#[tokio::test(start_paused = true)]
async fn who_was_confirmed_too_long_ago_is_a_stranger() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    advance(Duration::from_secs(24 * 60 * 60)).await;
    settle().await;
    assert_eq!(ask(&authorizer, "bob-key").await, Seen::Confirmed);
    advance(LATER).await;
    go_away(&control, &cutter).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Nobody);
    assert_eq!(ask(&authorizer, "bob-key").await, Seen::Grace);
}

#[tokio::test(start_paused = true)]
async fn an_expired_key_has_no_grace() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    let mut answer = yes("key-1", 1);
    answer.expires_at = Some((wall_clock() + Duration::from_secs(120)).into());
    control.answer("alice-key", Ok(answer));
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Confirmed);
    advance(LATER).await;
    go_away(&control, &cutter).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
    advance(Duration::from_secs(90)).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Nobody);
    assert_eq!(ask(&authorizer, "bob-key").await, Seen::Grace);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_breaks_falls_back_at_once() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    control.close_gate();
    let since = Instant::now();
    let asked = control.asked().len();
    let cut = async {
        control.until_asked(asked + 1).await;
        go_away(&control, &cutter).await;
    };
    let (seen, ()) = tokio::join!(ask(&authorizer, "alice-key"), cut);
    assert_eq!(seen, Seen::Grace);
    assert_eq!(since.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_control_plane_is_away_too() {
    let (control, authorizer, _cutter) = started(AuthorizerConfig::default()).await;
    control.close_gate();
    let since = Instant::now();
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
    assert_eq!(since.elapsed().as_secs(), 2, "one caller waits a little");
    let outage = authorizer.outage().unwrap();
    assert_eq!(outage.until, since + GRACE);
    let waited = Instant::now();
    assert_eq!(ask(&authorizer, "bob-key").await, Seen::Grace);
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
    assert_eq!(waited.elapsed(), Duration::ZERO, "the others do not");
    advance(since + GRACE - Instant::now()).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Nobody);

    control.open_gate();
    until_answering(&authorizer).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Confirmed);
    assert_eq!(control.greeted().len(), 1, "the connection was good");
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_without_its_database_is_away_too() {
    let (control, authorizer, _cutter) = started(AuthorizerConfig::default()).await;
    let broken = || Status::unavailable("store unavailable");
    control.answer("alice-key", Err(broken()));
    control.refuse_check(Some(broken()));
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
    assert!(authorizer.outage().is_some());
    control.answer("alice-key", Ok(yes("key-1", 1)));
    control.refuse_check(None);
    until_answering(&authorizer).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_understood_is_no_outage() {
    let (control, authorizer, _cutter) = started(AuthorizerConfig::default()).await;
    control.answer("alice-key", Err(Status::invalid_argument("what")));
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Nobody);
    assert_eq!(authorizer.outage(), None);
}

#[tokio::test(start_paused = true)]
async fn a_refused_gateway_lets_nobody_in() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    assert_eq!(ask(&authorizer, "bob-key").await, Seen::Confirmed);
    control.refuse_connect(Some(Status::unauthenticated("no such gateway")));
    cutter.cut();
    settle().await;
    advance(Duration::from_secs(1)).await;
    settle().await;
    let since = Instant::now();
    for key in ["alice-key", "bob-key"] {
        assert_eq!(ask(&authorizer, key).await, Seen::Nobody, "{key}");
    }
    assert_eq!(since.elapsed(), Duration::ZERO);
    let outage = authorizer.outage().unwrap();
    assert!(outage.until <= since);
}

#[tokio::test(start_paused = true)]
async fn what_was_revoked_meanwhile_ends_on_return_whether_used_or_not() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    go_away(&control, &cutter).await;
    for key in ["alice-key", "bob-key"] {
        control.answer(key, Err(Status::unauthenticated("unknown key")));
    }
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
    let asked = control.asked().len();
    come_back(&control).await;
    control.until_checked(1).await;
    settle().await;
    assert_eq!(authorizer.stats().entries, 0, "both are forgotten unasked");
    assert_eq!(control.asked().len(), asked);
    assert_eq!(ask(&authorizer, "alice-key").await, UNKNOWN);
    go_away(&control, &cutter).await;
    assert_eq!(ask(&authorizer, "bob-key").await, Seen::Nobody);
}

#[tokio::test(start_paused = true)]
async fn what_is_still_good_has_a_fresh_lease_and_the_next_grace() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    for round in 1..=3 {
        go_away(&control, &cutter).await;
        advance(Duration::from_secs(300)).await;
        assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace, "{round}");
        come_back(&control).await;
        control.until_checked(round).await;
        settle().await;
        let asked = control.asked().len();
        assert_eq!(ask(&authorizer, "alice-key").await, Seen::Confirmed);
        assert_eq!(control.asked().len(), asked, "the check was enough");
        advance(LATER).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_could_not_be_checked_has_the_rest_of_its_grace_and_no_second() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    let lost = Instant::now();
    go_away(&control, &cutter).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
    let invalid = Status::invalid_argument("not now");
    control.refuse_check(Some(invalid));
    come_back(&control).await;
    assert_eq!(ask(&authorizer, "bob-key").await, Seen::Confirmed, "asked");
    advance(LATER).await;
    go_away(&control, &cutter).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
    advance(lost + GRACE - Instant::now()).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Nobody);
    assert_eq!(ask(&authorizer, "bob-key").await, Seen::Grace);
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_comes_and_goes_without_an_answer_is_one_outage_for_the_known() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    let away = || Status::unavailable("no database");
    control.refuse_check(Some(away()));
    for key in ["alice-key", "bob-key"] {
        control.answer(key, Err(away()));
    }
    let lost = Instant::now();
    for _ in 0..3 {
        go_away(&control, &cutter).await;
        assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
        come_back(&control).await;
        assert_eq!(ask(&authorizer, "alice-key").await, Seen::Grace);
        assert_eq!(ask(&authorizer, "bob-key").await, Seen::Grace);
    }
    advance(lost + GRACE - Instant::now()).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Seen::Nobody);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_was_overtaken_by_a_new_doubt_confirms_nothing() {
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    go_away(&control, &cutter).await;
    control.close_gate();
    let before = control.checked().len();
    come_back(&control).await;
    control.until_checked(before + 1).await;
    // The check is answered, and the answer is still under way when both keys are revoked and the
    // stream that would tell so breaks.
    for key in ["alice-key", "bob-key"] {
        control.answer(key, Err(Status::unauthenticated("unknown key")));
    }
    control.break_streams(None).await;
    advance(Duration::from_secs(1)).await;
    control.until_subscribed().await;
    settle().await;
    control.open_gate();
    settle().await;
    for key in ["alice-key", "bob-key"] {
        assert_eq!(ask(&authorizer, key).await, UNKNOWN, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_grants_are_checked_in_bounded_batches() {
    const KEYS: usize = 2_500;
    let (control, authorizer, cutter) = started(AuthorizerConfig::default()).await;
    for number in 0..KEYS {
        let key = format!("key-of-{number}");
        control.answer(&key, Ok(yes(&format!("id-{number}"), 7)));
        assert_eq!(ask(&authorizer, &key).await, Seen::Confirmed);
    }
    go_away(&control, &cutter).await;
    let gone = Status::unauthenticated("unknown key");
    for number in (0..KEYS).step_by(2) {
        control.answer(&format!("key-of-{number}"), Err(gone.clone()));
    }
    come_back(&control).await;
    control.until_checked(3).await;
    advance(Duration::from_secs(1)).await;
    settle().await;
    let batches: Vec<_> = control.checked().iter().map(Vec::len).collect();
    assert!(batches.iter().all(|size| *size <= 1_000), "{batches:?}");
    assert_eq!(batches.iter().sum::<usize>(), KEYS + 2, "{batches:?}");
    assert_eq!(authorizer.stats().entries, KEYS / 2 + 2);
}

#[tokio::test]
async fn over_tcp_a_control_plane_may_be_killed_and_started_again() {
    let control = Control::default();
    control.answer("alice-key", Ok(yes("key-1", 1)));
    control.answer("bob-key", Ok(yes("key-2", 2)));
    // A loopback address on which nothing else here takes a port while it is free.
    let listener = TcpListener::bind("127.0.78.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let process = control.serve_apart(listener);
    let target = ControlTarget::Remote(format!("http://{address}").parse().unwrap());
    let channel = Channel::connect(target, ChannelConfig::default(), &discard()).unwrap();
    let config = AuthorizerConfig {
        lease: Some(Duration::ZERO),
        ..AuthorizerConfig::default()
    };
    let authorizer = RemoteAuthorizer::start(&channel, config).unwrap();
    control.until_subscribed().await;
    let mut states = channel.watch_state();
    // Once a revocation has arrived, the reset before it has.
    control.answer("marker", Ok(yes("marker-id", 9)));
    // The reset may arrive in the middle of a question, whose answer is not kept then.
    while authorizer.stats().entries == 0 {
        assert_eq!(soon(ask(&authorizer, "marker")).await, Seen::Confirmed);
    }
    control.revoke(&["marker-id"], &[]).await;
    soon(async {
        while authorizer.stats().entries > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for key in ["alice-key", "bob-key"] {
        assert_eq!(soon(ask(&authorizer, key)).await, Seen::Confirmed);
    }

    process.shutdown_background();
    soon(async {
        while !matches!(states.current(), ConnectionState::Connecting { .. }) {
            states.changed().await.unwrap();
        }
    })
    .await;
    assert_eq!(soon(ask(&authorizer, "alice-key")).await, Seen::Grace);
    assert_eq!(soon(ask(&authorizer, "bob-key")).await, Seen::Grace);

    control.answer("bob-key", Err(Status::unauthenticated("unknown key")));
    // The killed one lets go of its connections and of its listener in any order.
    let listener = soon(async {
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => return listener,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    let _server = control.serve(TcpListenerStream::new(listener));
    soon(channel.connected()).await.unwrap();
    assert_eq!(soon(ask(&authorizer, "bob-key")).await, UNKNOWN);
    assert_eq!(soon(ask(&authorizer, "alice-key")).await, Seen::Confirmed);
}
