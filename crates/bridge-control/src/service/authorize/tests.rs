//! The order of the checks: each row breaks one thing and all that are checked after it.

use uuid::Uuid;

use super::*;
use crate::key::{Minted, mint};
use crate::store::NewStoredKey;

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
