//! What the control plane revokes is forgotten when it arrives; what it may have revoked unseen is
//! doubted.

use std::collections::HashSet;
use std::sync::Arc;

use bridge_auth::ActorId;
use bridge_proto::v1::{WatchRevocationsRequest, WatchRevocationsResponse};
use slog::{Logger, debug, warn};
use tokio::time::Instant;

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
        |message| {
            let mut state = inner.state.lock();
            state.is_deaf = message.is_none();
            if let Some(message) = message {
                apply(&mut state, &message, &applying);
                inner.stirred.notify_one();
            }
        },
    )
    .await;
}

fn apply(state: &mut State, message: &WatchRevocationsResponse, logger: &Logger) {
    let users: Result<HashSet<ActorId>, _> = message.user_ids.iter().map(|id| id.parse()).collect();
    let revoked = match users {
        Ok(users) if !message.reset => {
            let keys = message.api_key_ids.iter().map(String::as_str).collect();
            state.cache.revoke(&keys, &users)
        }
        Ok(_) => reset(state),
        Err(_) => {
            // Somebody was revoked and we cannot tell whom: nobody is honoured unasked.
            warn!(
                logger,
                "a revoked user has no readable id, all grants are checked"
            );
            reset(state)
        }
    };
    state.stats.revoked += revoked;
    debug!(logger, "grants revoked"; "revoked" => revoked, "reset" => message.reset);
}

fn reset(state: &mut State) -> u64 {
    state.resets += 1;
    let until = state.reach.end_of_grace(Instant::now());
    state.cache.doubt(until)
}
