//! Admission as a gateway does it: who is asked, with which claim, and what goes on.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bridge_auth::{
    Actor, ActorId, AuthError, Authorizer, Claim, Delegation, Grant, HeaderPolicy, RefusalReason,
    RequestSource, Scrubbed, Seal, Secret, Standing, Verdict,
};
use http::HeaderMap;

use crate::map;

const TOKEN: (&str, &str) = ("X-Coder-AI-Governance-Token", "key-of-the-organisation");

/// Knows one key by its secret and by its id.
struct OneKey {
    secret: Secret,
    grant: Arc<Grant>,
}

#[async_trait::async_trait]
impl Authorizer for OneKey {
    async fn authorize(&self, claim: Claim<'_>) -> Result<Arc<Grant>, AuthError> {
        let is_known = match claim {
            Claim::Key(secret) => *secret == self.secret,
            Claim::Delegated(delegation) => delegation.key_id() == self.grant.api_key_id,
        };
        match is_known {
            true => Ok(Arc::clone(&self.grant)),
            false => Err(AuthError::Refused(RefusalReason::UnknownKey)),
        }
    }
}

fn one_key() -> OneKey {
    let actor = Actor {
        id: ActorId::from_bytes([1; 16]),
        username: "ada".to_owned(),
        email: None,
    };
    OneKey {
        secret: Secret::new(TOKEN.1.to_owned()),
        grant: Arc::new(Grant {
            actor,
            api_key_id: "key-1".to_owned(),
            workspace_id: None,
            expires_at: None,
            standing: Standing::Confirmed,
        }),
    }
}

#[derive(Debug)]
enum Refusal {
    Missing,
    Malformed,
    ForeignSeal,
    Auth(RefusalReason),
}

/// The whole way in. The credential that was presented is kept beside the headers.
fn enter(
    headers: HeaderMap,
    delegation: Option<&Delegation>,
    seal: &Seal,
) -> Result<(Option<Secret>, Scrubbed), Refusal> {
    let admitted = HeaderPolicy::default().admit(headers);
    let claim = match (delegation, admitted.presented.verdict()) {
        (Some(delegation), _) if !delegation.is_sealed_by(seal) => {
            return Err(Refusal::ForeignSeal);
        }
        (Some(delegation), _) => Claim::Delegated(delegation),
        (None, Verdict::Found(credential)) => Claim::Key(credential.secret()),
        (None, Verdict::Absent) => return Err(Refusal::Missing),
        (None, Verdict::Malformed) => return Err(Refusal::Malformed),
    };
    let one_key = one_key();
    match now(one_key.authorize(claim)) {
        Ok(grant) => now(one_key.permit(&grant, "anthropic", "model")).unwrap(),
        Err(AuthError::Refused(reason)) => return Err(Refusal::Auth(reason)),
        Err(AuthError::Unavailable(cause)) => panic!("{cause}"),
    }
    let session_key = admitted
        .presented
        .credential()
        .map(|found| found.secret().clone());
    Ok((session_key, admitted.scrubbed))
}

/// The value of a future that does not wait, so that no runtime is needed.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_caller_is_known_by_the_key() {
    let seal = Seal::new();
    for headers in [
        map(&[("Authorization", "Bearer key-of-the-organisation")]),
        map(&[("X-Api-Key", TOKEN.1)]),
        map(&[TOKEN]),
    ] {
        let (session_key, scrubbed) = enter(headers, None, &seal).unwrap();
        assert_eq!(session_key, Some(one_key().secret));
        assert!(scrubbed.headers().is_empty());
    }
    let refused = enter(map(&[("X-Api-Key", "wrong")]), None, &seal);
    assert!(matches!(
        refused,
        Err(Refusal::Auth(RefusalReason::UnknownKey))
    ));
    assert!(matches!(
        enter(map(&[]), None, &seal),
        Err(Refusal::Missing)
    ));
    let malformed = map(&[("Authorization", "Basic a2V5")]);
    assert!(matches!(
        enter(malformed, None, &seal),
        Err(Refusal::Malformed)
    ));
}

#[test]
fn a_delegated_request_needs_no_key() {
    let seal = Seal::new();
    let delegation = seal.vouch("key-1").unwrap();
    let (session_key, scrubbed) = enter(map(&[]), Some(&delegation), &seal).unwrap();
    assert_eq!(session_key, None);
    assert!(scrubbed.headers().is_empty());

    // What an SDK sends by default decides nothing, is kept as presented, and does not go on.
    let placeholder = map(&[("Authorization", "Bearer dummy"), ("Accept", "*/*")]);
    let (session_key, scrubbed) = enter(placeholder, Some(&delegation), &seal).unwrap();
    assert_eq!(session_key.unwrap().expose(), "dummy");
    assert_eq!(scrubbed.headers().len(), 1);
}

#[test]
fn a_delegated_request_may_bring_its_own_provider_key() {
    let seal = Seal::new();
    let delegation = seal.vouch("key-1").unwrap();
    let headers = map(&[
        ("X-Coder-AI-Governance-Token", "another-token"),
        ("Authorization", "Bearer own"),
    ]);
    let (session_key, scrubbed) = enter(headers, Some(&delegation), &seal).unwrap();
    assert_eq!(session_key.unwrap().expose(), "another-token");
    assert_eq!(scrubbed.own_bearer().unwrap().expose(), "own");
    assert_eq!(scrubbed.headers().len(), 1);
}

#[test]
fn a_delegation_is_refused_for_what_it_is() {
    let seal = Seal::new();
    let unknown = seal.vouch("key-2").unwrap();
    let refused = enter(map(&[TOKEN]), Some(&unknown), &seal);
    assert!(
        matches!(refused, Err(Refusal::Auth(RefusalReason::UnknownKey))),
        "not by the token"
    );
    let foreign = Seal::new().vouch("key-1").unwrap();
    let refused = enter(map(&[TOKEN]), Some(&foreign), &seal);
    assert!(matches!(refused, Err(Refusal::ForeignSeal)));
}

#[test]
fn a_delegation_says_where_it_comes_from() {
    let source = RequestSource::new("agents").unwrap();
    let delegation = Seal::new().vouch("key-1").unwrap();
    let delegation = delegation.with_source(source).with_workspace("workspace-1");
    assert_eq!(
        delegation.source().map(RequestSource::as_str),
        Some("agents")
    );
    assert_eq!(delegation.workspace(), Some("workspace-1"));
    let shown = format!("{delegation:?}");
    assert!(
        shown.contains("agents") && shown.contains("key-1"),
        "{shown}"
    );
}

#[test]
fn a_refusal_has_its_cause_behind_it() {
    let error = AuthError::Refused(RefusalReason::Expired);
    assert_eq!(error.to_string(), "refused");
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "expired"
    );
    let error = AuthError::Unavailable("broken pipe".into());
    assert_eq!(error.to_string(), "authorizer unavailable");
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "broken pipe"
    );
}

#[test]
fn ids_are_read_and_written_as_uuids() {
    let text = "07070707-0707-0707-0707-070707070707";
    let id: ActorId = text.parse().unwrap();
    assert_eq!(id, ActorId::from_bytes([7; 16]));
    assert_eq!(id.as_bytes(), &[7; 16]);
    assert_eq!(id.to_string(), text);
    for odd in ["", "oops", "07070707-0707-0707-0707-07070707070"] {
        assert!(odd.parse::<ActorId>().is_err(), "{odd}");
    }
}
