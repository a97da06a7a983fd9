//! From the wire to a grant or a refusal.

use std::sync::Arc;

use bridge_auth::{Actor, Grant, RefusalReason, Standing};
use bridge_proto::v1::IsAuthorizedResponse;
use bridge_telemetry::wall_clock;
use tokio::time::Instant;

use super::CALL;
use super::cache::Answer;
use crate::status::RpcError;

/// When the key itself stops being good, on the clock that a test can hold still.
pub(super) fn end_of(grant: &Grant, now: Instant) -> Option<Instant> {
    let expires_at = grant.expires_at?;
    let left = expires_at.duration_since(wall_clock()).unwrap_or_default();
    now.checked_add(left)
}

/// A grant of a key that has expired meanwhile is none.
pub(super) fn judge(grant: Arc<Grant>) -> Answer {
    match grant.expires_at {
        Some(expires_at) if expires_at <= wall_clock() => Err(RefusalReason::Expired),
        _ => Ok(grant),
    }
}

/// The same grant, on the authorizer's own word.
pub(super) fn on_grace(grant: &Grant) -> Arc<Grant> {
    Arc::new(Grant {
        standing: Standing::Grace,
        ..grant.clone()
    })
}

pub(super) fn grant(response: IsAuthorizedResponse) -> Result<Grant, RpcError> {
    let garbled = |field| RpcError::Garbled { call: CALL, field };
    let id = response.owner_id.parse().map_err(|_| garbled("owner_id"))?;
    let expires_at = response.expires_at.map(TryInto::try_into).transpose();
    if response.api_key_id.is_empty() {
        return Err(garbled("api_key_id"));
    }
    Ok(Grant {
        actor: Actor {
            id,
            username: response.username,
            email: Some(response.email).filter(|email| !email.is_empty()),
        },
        api_key_id: response.api_key_id,
        workspace_id: Some(response.workspace_id).filter(|id| !id.is_empty()),
        expires_at: expires_at.map_err(|_| garbled("expires_at"))?,
        standing: Standing::Confirmed,
    })
}
