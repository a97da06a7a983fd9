//! Grants that end before their lease.

use std::time::Duration;

use bridge_auth::{AuthError, Authorizer as _, Claim, RefusalReason, Seal, Secret};
use bridge_rpc::{AuthorizerConfig, RemoteAuthorizer};
use tokio::time::advance;
use tonic::Status;

use crate::control::{Control, Cutter, authorizer, settle, user_id, yes};

async fn started() -> (Control, RemoteAuthorizer, Cutter) {
    let started = authorizer(AuthorizerConfig::default()).await;
    started.0.answer("alice-key", Ok(yes("key-1", 1)));
    started.0.answer("alice-other-key", Ok(yes("key-2", 1)));
    started.0.answer("bob-key", Ok(yes("key-3", 3)));
    started
}

async fn is_granted(authorizer: &RemoteAuthorizer, key: &str) -> bool {
    let secret = Secret::new(key.to_owned());
    match authorizer.authorize(Claim::Key(&secret)).await {
        Ok(_) => true,
        Err(AuthError::Refused(RefusalReason::UnknownKey)) => false,
        Err(other) => panic!("{key}: {other}"),
    }
}

fn withdraw(control: &Control, keys: &[&str]) {
    for key in keys {
        control.answer(key, Err(Status::unauthenticated("unknown key")));
    }
}

const ALL: [&str; 3] = ["alice-key", "alice-other-key", "bob-key"];

/// Grants all keys, withdraws them silently, revokes some: those and only those are refused.
async fn check(keys: &[&str], users: &[&str], expected: [bool; 3]) {
    let (control, authorizer, _cutter) = started().await;
    for key in ALL {
        assert!(is_granted(&authorizer, key).await, "{key}");
    }
    withdraw(&control, &ALL);
    for key in ALL {
        assert!(is_granted(&authorizer, key).await, "{key} by its lease");
    }
    control.revoke(keys, users).await;
    settle().await;
    for (key, expected) in ALL.into_iter().zip(expected) {
        let found = is_granted(&authorizer, key).await;
        assert_eq!(found, expected, "{key} after {keys:?} {users:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_revoked_is_refused_at_once() {
    let (alice, bob) = (user_id(1), user_id(3));
    check(&["key-1"], &[], [false, true, true]).await;
    check(&["key-1", "key-3"], &[], [false, true, false]).await;
    check(&[], &[&alice], [false, false, true]).await;
    check(&["key-2"], &[&bob], [true, false, false]).await;
    check(&["key-7"], &[&user_id(7)], [true, true, true]).await;
    check(&[], &["who is this"], [false, false, false]).await;
}

#[tokio::test(start_paused = true)]
async fn while_no_revocations_flow_no_lease_is_used() {
    let (control, authorizer, _cutter) = started().await;
    assert!(is_granted(&authorizer, "alice-key").await);
    control.refuse_revocations(true);
    control.break_streams(None).await;
    settle().await;
    assert!(is_granted(&authorizer, "alice-key").await);
    withdraw(&control, &["alice-key"]);
    assert!(!is_granted(&authorizer, "alice-key").await, "it is asked");
    assert!(authorizer.outage().is_none(), "and answered");
    assert!(is_granted(&authorizer, "bob-key").await);

    control.refuse_revocations(false);
    control.until_subscribed().await;
    settle().await;
    let asked = control.asked().len();
    for _ in 0..2 {
        assert!(is_granted(&authorizer, "bob-key").await);
    }
    assert!(control.asked().len() <= asked + 1, "leases are used again");
}

#[tokio::test(start_paused = true)]
async fn delegated_grants_are_revoked_too() {
    let (control, authorizer, _cutter) = started().await;
    control.answer("key-1", Ok(yes("key-1", 1)));
    let delegation = Seal::new().vouch("key-1").unwrap();
    let ask = || authorizer.authorize(Claim::Delegated(&delegation));
    ask().await.unwrap();
    withdraw(&control, &["key-1"]);
    ask().await.unwrap();
    control.revoke(&["key-1"], &[]).await;
    settle().await;
    let answer = ask().await;
    assert!(matches!(answer, Err(AuthError::Refused(_))), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_grant_from_before_a_revocation_is_not_kept() {
    let (control, authorizer, _cutter) = started().await;
    control.close_gate();
    let secret = Secret::new("alice-key".to_owned());
    let early = authorizer.authorize(Claim::Key(&secret));
    let revoke = async {
        // The control plane has decided, and its answer is still under way.
        control.until_asked(1).await;
        withdraw(&control, &["alice-key"]);
        control.revoke(&["key-1"], &[]).await;
        settle().await;
        control.open_gate();
    };
    let (grant, ()) = tokio::join!(early, revoke);
    assert!(grant.is_ok(), "it was asked before");
    assert_eq!(authorizer.stats().entries, 0);
    assert!(!is_granted(&authorizer, "alice-key").await);
}

#[tokio::test(start_paused = true)]
async fn who_asks_after_a_revocation_does_not_join_an_older_question() {
    let (control, authorizer, _cutter) = started().await;
    control.close_gate();
    let secret = Secret::new("alice-key".to_owned());
    let early = authorizer.authorize(Claim::Key(&secret));
    let late = async {
        control.until_asked(1).await;
        withdraw(&control, &["alice-key"]);
        control.revoke(&["key-1"], &[]).await;
        settle().await;
        let (late, ()) = tokio::join!(is_granted(&authorizer, "alice-key"), async {
            control.until_asked(2).await;
            control.open_gate();
        });
        late
    };
    let (early, late) = tokio::join!(early, late);
    assert!(early.is_ok(), "it was asked before");
    assert!(!late, "it was asked afterwards");
    // The older question ended last or first: either way the refusal is what is kept.
    assert!(!is_granted(&authorizer, "alice-key").await);
}

#[tokio::test(start_paused = true)]
async fn a_new_stream_forgets_all_grants() {
    let (control, authorizer, _cutter) = started().await;
    assert!(is_granted(&authorizer, "alice-key").await);
    withdraw(&control, &["alice-key"]);
    let broken = Status::unavailable("going away");
    for status in [None, Some(broken)] {
        control.break_streams(status).await;
        control.until_subscribed().await;
        settle().await;
        assert!(!is_granted(&authorizer, "alice-key").await);
        control.answer("alice-key", Ok(yes("key-1", 1)));
        advance(Duration::from_secs(2)).await;
        assert!(is_granted(&authorizer, "alice-key").await);
        withdraw(&control, &["alice-key"]);
    }
}

#[tokio::test(start_paused = true)]
async fn without_control_plane_and_grace_grants_live_to_the_end_of_their_lease() {
    let config = AuthorizerConfig {
        grace: None,
        ..AuthorizerConfig::default()
    };
    let (control, authorizer, cutter) = authorizer(config).await;
    control.answer("alice-key", Ok(yes("key-1", 1)));
    assert!(is_granted(&authorizer, "alice-key").await);
    control.refuse_connect(Some(Status::unavailable("restarting")));
    cutter.cut();
    settle().await;
    advance(Duration::from_secs(29)).await;
    assert!(is_granted(&authorizer, "alice-key").await);
    advance(Duration::from_secs(2)).await;
    let secret = Secret::new("alice-key".to_owned());
    let answer = authorizer.authorize(Claim::Key(&secret)).await;
    assert!(
        matches!(answer, Err(AuthError::Unavailable(_))),
        "{answer:?}"
    );
}
