//! Questions, and how long their answers are kept.

use std::sync::Arc;
use std::time::Duration;

use bridge_auth::{AuthError, Authorizer as _, Claim, Grant, RefusalReason, Seal, Secret};
use bridge_rpc::{AuthorizerConfig, RemoteAuthorizer};
use bridge_telemetry::wall_clock;
use futures_util::future::join_all;
use tokio::time::advance;
use tonic::Status;

use crate::control::{Control, Cutter, authorizer, settle, yes};

async fn started() -> (Control, RemoteAuthorizer, Cutter) {
    let started = authorizer(AuthorizerConfig::default()).await;
    started.0.answer("alice-key", Ok(yes("key-1", 1)));
    started.0.answer("bob-key", Ok(yes("key-2", 2)));
    started
}

async fn ask(authorizer: &RemoteAuthorizer, key: &str) -> Result<Arc<Grant>, AuthError> {
    let secret = Secret::new(key.to_owned());
    authorizer.authorize(Claim::Key(&secret)).await
}

fn refused(outcome: Result<Arc<Grant>, AuthError>) -> RefusalReason {
    match outcome {
        Err(AuthError::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_has_what_the_control_plane_said() {
    let (control, authorizer, _cutter) = started().await;
    let expires_at = wall_clock() + Duration::from_secs(3_600);
    let mut answer = yes("key-9", 9);
    answer.email = "nine@example.com".to_owned();
    answer.workspace_id = "workspace".to_owned();
    answer.expires_at = Some(expires_at.into());
    control.answer("nine", Ok(answer));
    let grant = ask(&authorizer, "nine").await.unwrap();
    assert_eq!(grant.actor.email.as_deref(), Some("nine@example.com"));
    assert_eq!(grant.workspace_id.as_deref(), Some("workspace"));
    assert_eq!(grant.expires_at, Some(expires_at));
    let grant = ask(&authorizer, "alice-key").await.unwrap();
    assert_eq!(grant.actor.email, None);
    assert_eq!(grant.workspace_id, None);
    assert_eq!(grant.expires_at, None);
}

#[tokio::test(start_paused = true)]
async fn answers_that_break_the_contract_are_no_grants_and_are_not_kept() {
    let (control, authorizer, _cutter) = started().await;
    let mut nobody = yes("key-1", 1);
    nobody.owner_id = "somebody".to_owned();
    control.answer("nobody", Ok(nobody));
    control.answer("no-id", Ok(yes("", 1)));
    for key in ["nobody", "no-id"] {
        let error = ask(&authorizer, key).await.unwrap_err();
        assert!(matches!(error, AuthError::Unavailable(_)), "{key}: {error}");
        control.answer(key, Ok(yes("key-1", 1)));
        ask(&authorizer, key).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_ask_once() {
    let (control, authorizer, _cutter) = started().await;
    control.close_gate();
    let callers = join_all((0..100).map(|_| ask(&authorizer, "alice-key")));
    let open = async {
        control.until_asked(1).await;
        settle().await;
        control.open_gate();
    };
    let (grants, ()) = tokio::join!(callers, open);
    assert!(grants.iter().all(Result::is_ok));
    assert_eq!(control.asked().len(), 1);
    let stats = authorizer.stats();
    assert_eq!((stats.asked, stats.joined, stats.hits), (1, 99, 0));
    ask(&authorizer, "alice-key").await.unwrap();
    assert_eq!(authorizer.stats().hits, 1);
    assert_eq!(authorizer.stats().entries, 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_caller_may_go_away() {
    let (control, authorizer, _cutter) = started().await;
    control.close_gate();
    let mut first = Box::pin(ask(&authorizer, "alice-key"));
    tokio::select! {
        _ = &mut first => panic!("answered through a closed gate"),
        () = control.until_asked(1) => {}
    }
    let second = ask(&authorizer, "alice-key");
    let leave = async {
        settle().await;
        drop(first);
        settle().await;
        control.open_gate();
    };
    let (grant, ()) = tokio::join!(second, leave);
    assert_eq!(grant.unwrap().api_key_id, "key-1");
    assert_eq!(control.asked().len(), 1, "the second took over");
}

#[tokio::test(start_paused = true)]
async fn when_all_callers_go_away_the_next_asks_anew() {
    let (control, authorizer, _cutter) = started().await;
    control.close_gate();
    {
        let mut only = Box::pin(ask(&authorizer, "alice-key"));
        tokio::select! {
            _ = &mut only => panic!("answered through a closed gate"),
            () = control.until_asked(1) => {}
        }
    }
    control.open_gate();
    ask(&authorizer, "alice-key").await.unwrap();
    assert_eq!(control.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_lease_ends() {
    let (control, authorizer, _cutter) = started().await;
    ask(&authorizer, "alice-key").await.unwrap();
    advance(Duration::from_millis(29_900)).await;
    ask(&authorizer, "alice-key").await.unwrap();
    assert_eq!(control.asked().len(), 1);
    advance(Duration::from_millis(200)).await;
    control.answer("alice-key", Err(Status::permission_denied("inactive user")));
    let reason = refused(ask(&authorizer, "alice-key").await);
    assert_eq!(reason, RefusalReason::InactiveUser);
    assert_eq!(control.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_kept_for_a_second() {
    let (control, authorizer, _cutter) = started().await;
    for _ in 0..50 {
        let reason = refused(ask(&authorizer, "mallory").await);
        assert_eq!(reason, RefusalReason::UnknownKey);
    }
    assert_eq!(control.asked().len(), 1);
    control.answer("mallory", Ok(yes("key-3", 3)));
    advance(Duration::from_millis(1_010)).await;
    ask(&authorizer, "mallory").await.unwrap();
    assert_eq!(control.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_nothing_and_is_not_kept() {
    let (control, authorizer, _cutter) = started().await;
    control.answer("alice-key", Err(Status::internal("the disk is full")));
    let error = ask(&authorizer, "alice-key").await.unwrap_err();
    assert!(matches!(error, AuthError::Unavailable(_)), "{error}");
    control.answer("alice-key", Ok(yes("key-1", 1)));
    ask(&authorizer, "alice-key").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_grant_does_not_outlive_its_key() {
    let (control, authorizer, _cutter) = started().await;
    let mut answer = yes("key-1", 1);
    answer.expires_at = Some((wall_clock() + Duration::from_secs(10)).into());
    control.answer("alice-key", Ok(answer.clone()));
    ask(&authorizer, "alice-key").await.unwrap();
    advance(Duration::from_secs(5)).await;
    ask(&authorizer, "alice-key").await.unwrap();
    assert_eq!(control.asked().len(), 1);
    advance(Duration::from_secs(6)).await;
    ask(&authorizer, "alice-key").await.unwrap();
    assert_eq!(control.asked().len(), 2);
    answer.expires_at = Some((wall_clock() - Duration::from_secs(1)).into());
    control.answer("late-key", Ok(answer));
    let reason = refused(ask(&authorizer, "late-key").await);
    assert_eq!(reason, RefusalReason::Expired);
}

#[tokio::test(start_paused = true)]
async fn credentials_with_the_same_long_prefix_do_not_mix() {
    let (control, authorizer, _cutter) = started().await;
    let prefix = "same-prefix-".repeat(100);
    let (one, other) = (format!("{prefix}1"), format!("{prefix}2"));
    control.answer(&one, Ok(yes("key-1", 1)));
    control.answer(&other, Ok(yes("key-2", 2)));
    for _ in 0..2 {
        let grant = ask(&authorizer, &one).await.unwrap();
        assert_eq!(grant.api_key_id, "key-1");
        let grant = ask(&authorizer, &other).await.unwrap();
        assert_eq!(grant.api_key_id, "key-2");
        let reason = refused(ask(&authorizer, &prefix).await);
        assert_eq!(reason, RefusalReason::UnknownKey);
    }
    assert_eq!(control.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_delegated_claim_asks_by_id_and_is_kept_apart() {
    let (control, authorizer, _cutter) = started().await;
    control.answer("key-1", Ok(yes("key-1", 1)));
    let delegation = Seal::new().vouch("key-1").unwrap();
    for _ in 0..2 {
        let claim = Claim::Delegated(&delegation);
        let grant = authorizer.authorize(claim).await.unwrap();
        assert_eq!(grant.api_key_id, "key-1");
    }
    let asked = control.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].key.as_str(), asked[0].key_id.as_str()),
        ("", "key-1")
    );
    // The id presented as a credential is another question: an id is no secret.
    control.answer("key-1", Err(Status::unauthenticated("invalid key")));
    let reason = refused(ask(&authorizer, "key-1").await);
    assert_eq!(reason, RefusalReason::InvalidKey);
}

#[tokio::test(start_paused = true)]
async fn without_a_lease_each_request_asks() {
    let config = AuthorizerConfig {
        lease: None,
        ..AuthorizerConfig::default()
    };
    let (control, authorizer, _cutter) = authorizer(config).await;
    control.answer("alice-key", Ok(yes("key-1", 1)));
    for _ in 0..3 {
        ask(&authorizer, "alice-key").await.unwrap();
        refused(ask(&authorizer, "mallory").await);
    }
    assert_eq!(control.asked().len(), 6);
    assert_eq!(authorizer.stats().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn models_are_asked_about_only_when_wanted() {
    let (control, authorizer, _cutter) = started().await;
    let grant = ask(&authorizer, "alice-key").await.unwrap();
    authorizer.permit(&grant, "anthropic", "m").await.unwrap();
    assert_eq!(control.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn permission_for_a_model_is_asked_and_kept() {
    let config = AuthorizerConfig {
        permit: true,
        ..AuthorizerConfig::default()
    };
    let (control, authorizer, _cutter) = authorizer(config).await;
    control.answer("alice-key", Ok(yes("key-1", 1)));
    control.answer("key-1", Ok(yes("key-1", 1)));
    let grant = ask(&authorizer, "alice-key").await.unwrap();
    for _ in 0..3 {
        authorizer
            .permit(&grant, "anthropic", "small")
            .await
            .unwrap();
    }
    let asked = control.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].key_id, "key-1");
    assert_eq!(asked[1].provider_name, "anthropic");
    assert_eq!(asked[1].model, "small");
    control.answer("key-1", Err(Status::permission_denied("not allowed")));
    let answer = authorizer.permit(&grant, "anthropic", "large").await;
    assert!(
        matches!(answer, Err(AuthError::Refused(RefusalReason::NotAllowed))),
        "{answer:?}"
    );
    authorizer
        .permit(&grant, "anthropic", "small")
        .await
        .unwrap();
}
