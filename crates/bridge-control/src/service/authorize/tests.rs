//! The order of the checks: each row breaks one thing and all that are checked after it. And what
//! a slow subscriber hears.

use std::sync::Arc;

use bridge_auth::Secret;
use bridge_telemetry::Metrics;
use tokio::sync::watch;
use uuid::Uuid;

use super::*;
use crate::control::{ControlConfig, ControlServer};
use crate::key::{Minted, mint};
use crate::store::{NewStoredKey, SqliteStore};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn owner(status: UserStatus, is_system: bool) -> UserView {
    UserView {
        id: Uuid::nil(),
        username: "ada".to_owned(),
        email: None,
        name: None,
        status,
        is_system,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn stored(minted: &Minted, expires_at: Option<Timestamp>, owner: Option<UserView>) -> StoredKey {
    StoredKey {
        key: NewStoredKey {
            id: minted.id.clone(),
            secret_hash: minted.secret_hash,
            user: Uuid::nil(),
            name: None,
            workspace_id: None,
            created_at: NOW,
            expires_at,
        },
        last_used_at: None,
        owner,
    }
}

#[test]
fn reasons_come_in_their_order() {
    let (right, wrong) = (mint().unwrap(), mint().unwrap());
    let past = Some(NOW - SignedDuration::from_micros(1));
    let row = |expires_at, key: Option<&Minted>, owner, expected| {
        let presented = key.map(|key| Presented::read(key.whole.expose()).unwrap());
        let answer = check(
            Some(stored(&right, expires_at, owner)),
            presented.as_ref(),
            NOW,
        );
        assert_eq!(answer.err(), expected);
    };
    let active = || Some(owner(UserStatus::Active, false));

    row(None, Some(&right), active(), None);
    row(None, None, active(), None);
    row(Some(NOW), Some(&right), active(), None);
    row(past, Some(&wrong), None, Some(RefusalReason::Expired));
    row(past, None, active(), Some(RefusalReason::Expired));
    row(None, Some(&wrong), None, Some(RefusalReason::InvalidKey));
    row(None, Some(&right), None, Some(RefusalReason::UnknownUser));
    let rows = [
        (UserStatus::Deleted, true, RefusalReason::DeletedUser),
        (UserStatus::Suspended, true, RefusalReason::InactiveUser),
        (UserStatus::Dormant, true, RefusalReason::InactiveUser),
        (UserStatus::Active, true, RefusalReason::SystemUser),
    ];
    for (status, is_system, reason) in rows {
        row(
            None,
            Some(&right),
            Some(owner(status, is_system)),
            Some(reason),
        );
        row(None, None, Some(owner(status, is_system)), Some(reason));
    }
    let unknown = check(None, None, NOW);
    assert_eq!(unknown.err(), Some(RefusalReason::UnknownKey));
}

#[tokio::test]
async fn a_subscriber_that_is_behind_is_told_to_forget_everything() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("control.db")).unwrap();
    let config = ControlConfig::new(Secret::new("operator-token".to_owned()));
    let logger = bridge_telemetry::discard();
    let control = ControlServer::new(Arc::new(store), config, Metrics::default(), &logger);
    let (_close, closing) = watch::channel(false);
    let service = Service {
        control: control.clone(),
        closing,
    };
    let watch = service
        .watch_revocations(Request::new(WatchRevocationsRequest {}))
        .await;
    let mut watch = watch.unwrap().into_inner();
    for number in 0..2_000 {
        control.revoke(Revocation::Key(number.to_string()));
    }
    let mut resets = Vec::new();
    loop {
        let message = watch.next().await.unwrap().unwrap();
        resets.push(message.reset);
        if message.api_key_ids == ["1999"] {
            break;
        }
    }
    // The one of the beginning, the one for what was missed, then what is left in the queue.
    assert!(resets[0] && resets[1] && !resets[2]);
    assert!(resets.len() < 2_000);
}
