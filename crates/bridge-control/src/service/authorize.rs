//! Whose key is this, and what was revoked.

use std::collections::HashSet;

use bridge_auth::RefusalReason;
use bridge_proto::v1::authorizer_service_server::AuthorizerService;
use bridge_proto::v1::{
    CheckKeysRequest, CheckKeysResponse, IsAuthorizedRequest, IsAuthorizedResponse,
    WatchRevocationsRequest, WatchRevocationsResponse,
};
use futures_util::{StreamExt as _, future, stream};
use jiff::{SignedDuration, Timestamp};
use tokio_stream::wrappers::BroadcastStream;
use tonic::{Request, Response, Status};

use super::{Service, Watch};
use crate::api::{UserStatus, UserView};
use crate::control::{Revocation, now};
use crate::key::Presented;
use crate::store::StoredKey;

/// The note of a key's last use is renewed when it is older than this.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// The contract's limit for `CheckKeys`.
const CHECKED_AT_ONCE: usize = 1_000;

#[tonic::async_trait]
impl AuthorizerService for Service {
    async fn is_authorized(
        &self,
        request: Request<IsAuthorizedRequest>,
    ) -> Result<Response<IsAuthorizedResponse>, Status> {
        let request = request.into_inner();
        if request.provider_name.is_empty() != request.model.is_empty() {
            let text = "provider_name and model go together";
            return Err(Status::invalid_argument(text));
        }
        let (id, presented) = claim(&request)?;
        let stored = self.control.0.store.key(id).await;
        let stored = stored.map_err(|cause| self.unavailable(&cause))?;
        let now = now();
        let (stored, owner) = check(stored, presented.as_ref(), now).map_err(refusal)?;
        self.touch(&stored, now);
        Ok(Response::new(answer(stored, owner)))
    }

    async fn check_keys(
        &self,
        request: Request<CheckKeysRequest>,
    ) -> Result<Response<CheckKeysResponse>, Status> {
        let asked = request.into_inner().api_key_ids;
        if asked.len() > CHECKED_AT_ONCE {
            let text = format!("at most {CHECKED_AT_ONCE} keys are checked at once");
            return Err(Status::invalid_argument(text));
        }
        let stored = self.control.0.store.keys_of_ids(asked.clone()).await;
        let stored = stored.map_err(|cause| self.unavailable(&cause))?;
        let now = now();
        let good: HashSet<_> = stored
            .into_iter()
            .filter_map(|stored| check(Some(stored), None, now).ok())
            .map(|(stored, _)| stored.key.id)
            .collect();
        let refused = asked.into_iter().filter(|id| !good.contains(id));
        Ok(Response::new(CheckKeysResponse {
            refused_api_key_ids: refused.collect(),
        }))
    }

    type WatchRevocationsStream = Watch<WatchRevocationsResponse>;

    async fn watch_revocations(
        &self,
        _: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        // Subscribed before the first message is made, so that nothing falls between the two.
        let revocations = BroadcastStream::new(self.control.0.revocations.subscribe());
        let messages = revocations.map(|next| Ok(next.map_or_else(|_behind| reset(), revoked)));
        let first = stream::once(future::ready(Ok(reset())));
        let watch = first.chain(messages).take_until(Box::pin(self.closed()));
        Ok(Response::new(Box::pin(watch)))
    }
}

impl Service {
    fn touch(&self, stored: &StoredKey, now: Timestamp) {
        let is_old = stored
            .last_used_at
            .is_none_or(|last| now.duration_since(last) >= TOUCH_EVERY);
        if is_old {
            self.control.0.store.touch_key(&stored.key.id, now);
        }
    }
}

/// The id of the key that is claimed, and the whole key when one was presented.
fn claim(request: &IsAuthorizedRequest) -> Result<(&str, Option<Presented<'_>>), Status> {
    match (request.key.as_str(), request.key_id.as_str()) {
        ("", "") => Err(refusal(RefusalReason::InvalidKey)),
        ("", id) => Ok((id, None)),
        (key, "") => {
            let presented = Presented::read(key);
            let presented = presented.ok_or_else(|| refusal(RefusalReason::InvalidKey))?;
            Ok((presented.id, Some(presented)))
        }
        _ => Err(Status::unauthenticated(
            "both key and key_id set; exactly one required",
        )),
    }
}

/// The order matters to operators who read the reason: an expired key with a wrong secret is
/// expired.
pub(super) fn check(
    stored: Option<StoredKey>,
    presented: Option<&Presented<'_>>,
    now: Timestamp,
) -> Result<(StoredKey, UserView), RefusalReason> {
    let mut stored = stored.ok_or(RefusalReason::UnknownKey)?;
    if stored.key.expires_at.is_some_and(|end| end < now) {
        return Err(RefusalReason::Expired);
    }
    if presented.is_some_and(|presented| !presented.matches(&stored.key.secret_hash)) {
        return Err(RefusalReason::InvalidKey);
    }
    let owner = stored.owner.take().ok_or(RefusalReason::UnknownUser)?;
    check_owner(owner).map(|owner| (stored, owner))
}

pub(super) fn check_owner(owner: UserView) -> Result<UserView, RefusalReason> {
    match owner.status {
        UserStatus::Deleted => Err(RefusalReason::DeletedUser),
        UserStatus::Suspended | UserStatus::Dormant => Err(RefusalReason::InactiveUser),
        UserStatus::Active if owner.is_system => Err(RefusalReason::SystemUser),
        UserStatus::Active => Ok(owner),
    }
}

/// The credential is at fault, or the policy is.
pub(super) fn refusal(reason: RefusalReason) -> Status {
    match reason {
        RefusalReason::InvalidKey
        | RefusalReason::UnknownKey
        | RefusalReason::Expired
        | RefusalReason::UnknownUser => Status::unauthenticated(reason.to_string()),
        RefusalReason::DeletedUser
        | RefusalReason::InactiveUser
        | RefusalReason::SystemUser
        | RefusalReason::NotAllowed
        | RefusalReason::Other => Status::permission_denied(reason.to_string()),
    }
}

fn answer(stored: StoredKey, owner: UserView) -> IsAuthorizedResponse {
    let workspace_id = stored.key.workspace_id.map(|id| id.to_string());
    IsAuthorizedResponse {
        owner_id: owner.id.to_string(),
        api_key_id: stored.key.id,
        username: owner.username,
        email: owner.email.unwrap_or_default(),
        workspace_id: workspace_id.unwrap_or_default(),
        responses_websocket_enabled: false,
        expires_at: stored.key.expires_at.map(|at| prost_types::Timestamp {
            seconds: at.as_second(),
            nanos: at.subsec_nanosecond(),
        }),
    }
}

fn reset() -> WatchRevocationsResponse {
    WatchRevocationsResponse {
        reset: true,
        ..WatchRevocationsResponse::default()
    }
}

fn revoked(revocation: Revocation) -> WatchRevocationsResponse {
    let mut message = WatchRevocationsResponse::default();
    match revocation {
        Revocation::Key(id) => message.api_key_ids.push(id),
        Revocation::User(id) => message.user_ids.push(id.to_string()),
    }
    message
}

#[cfg(test)]
mod tests;
