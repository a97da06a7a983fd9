//! What the control plane revokes is forgotten when it arrives.

use std::collections::HashSet;
use std::sync::Arc;

use bridge_auth::ActorId;
use bridge_proto::v1::{WatchRevocationsRequest, WatchRevocationsResponse};
use slog::{Logger, debug, warn};

use super::{Inner, State};
use crate::subscribe::follow;

/// Runs until it is dropped or the control plane refuses this gateway for good.
pub(super) async fn follow_revocations(inner: Arc<Inner>) {
    let channel = inner.channel.clone();
    let logger = channel.logger().clone();
    let applying = logger.clone();
    follow(
        channel,
        "WatchRevocations",
        logger,
        |wire| async move {
            let request = WatchRevocationsRequest {};
            wire.authorizer().watch_revocations(request).await
        },
        |message| apply(&mut inner.state.lock(), &message, &applying),
    )
    .await;
}

fn apply(state: &mut State, message: &WatchRevocationsResponse, logger: &Logger) {
    let users: Result<HashSet<ActorId>, _> = message.user_ids.iter().map(|id| id.parse()).collect();
    let before = state.cache.len() as u64;
    let revoked = match users {
        Ok(users) if !message.reset => {
            let keys = message.api_key_ids.iter().map(String::as_str).collect();
            state.cache.revoke(&keys, &users)
        }
        Ok(_) => {
            state.cache.reset();
            before
        }
        Err(_) => {
            // Somebody was revoked and we cannot tell whom: nobody is honoured.
            warn!(
                logger,
                "a revoked user has no readable id, forgetting all grants"
            );
            state.cache.reset();
            before
        }
    };
    state.stats.revoked += revoked;
    debug!(logger, "grants revoked"; "revoked" => revoked, "reset" => message.reset);
}
