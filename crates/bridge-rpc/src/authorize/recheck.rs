//! After an outage every kept grant is checked; during one its beginning, its end and the end of
//! the grace are told.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bridge_auth::Grant;
use bridge_proto::v1::CheckKeysRequest;
use bridge_record::Backoff;
use bridge_telemetry::{ErrorChain, keys};
use slog::{debug, error, info, warn};
use tokio::time::{Instant, sleep, sleep_until};

use super::cache::Digest;
use super::{Inner, Outage};
use crate::channel::Line;
use crate::status::RpcError;

const CALL: &str = "CheckKeys";
/// How many keys are asked about at once; the contract allows no more.
const BATCH: usize = 1_000;
/// How long the control plane is left alone between two batches.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs until it is dropped or the control plane refuses this gateway for good.
pub(super) async fn attend(inner: Arc<Inner>) {
    let mut states = inner.channel.watch_state();
    let mut told = Told::default();
    let mut backoff = Backoff::default();
    let (mut checked, mut is_owed) = (0, false);
    loop {
        let now = Instant::now();
        let outage = inner.observe(now);
        told.tell(&inner, outage, now);
        let resets = inner.state.lock().resets;
        let is_up = matches!(inner.channel.line(), Line::Up(_));
        // A connection without answers is asked until it gives some. A new one is asked once its
        // revocations have begun to flow, so that none falls between the two.
        is_owed |= outage.is_some() && is_up;
        if is_up && (is_owed || checked != resets) {
            match check_all(&inner).await {
                Ok(()) => {
                    (checked, is_owed) = (resets, false);
                    backoff.reset();
                    told.is_failing = false;
                }
                Err(cause) => {
                    let delay = backoff.delay();
                    told.failed(&inner, &cause, delay);
                    sleep(delay).await;
                }
            }
            continue;
        }
        let grace_ends = outage
            .map(|outage| outage.until)
            .filter(|until| *until > now);
        tokio::select! {
            state = states.changed() => if state.is_none() { return },
            () = inner.stirred.notified() => {}
            () = sleep_until(grace_ends.unwrap_or(now)), if grace_ends.is_some() => {}
        }
    }
}

/// Asks about all of them, batch by batch. With none at all one empty batch is asked during an
/// outage, to learn whether anybody answers. What is doubted meanwhile stays so.
async fn check_all(inner: &Inner) -> Result<(), RpcError> {
    let (doubts, grants, is_away) = {
        let mut state = inner.state.lock();
        let is_away = state.reach.outage().is_some();
        let grants = state.cache.checkable(Instant::now());
        (state.cache.doubts(), grants, is_away)
    };
    if grants.is_empty() && is_away {
        return check(inner, &[], doubts).await;
    }
    for batch in grants.chunks(BATCH) {
        check(inner, batch, doubts).await?;
        sleep(PAUSE).await;
    }
    Ok(())
}

async fn check(inner: &Inner, batch: &[(Digest, Arc<Grant>)], doubts: u64) -> Result<(), RpcError> {
    let asked_at = Instant::now();
    let ids: HashSet<_> = batch
        .iter()
        .map(|(_, grant)| grant.api_key_id.as_str())
        .collect();
    let ids: Vec<_> = ids.into_iter().map(str::to_owned).collect();
    let refused = match ask(inner, &ids).await {
        Ok(refused) => refused,
        Err(cause) => {
            if cause.is_silence() {
                inner.unanswered(asked_at);
            }
            return Err(cause);
        }
    };
    let refused: HashSet<_> = refused.iter().map(String::as_str).collect();
    let mut state = inner.state.lock();
    state.reach.answered(asked_at);
    if state.cache.doubts() != doubts {
        return Ok(());
    }
    if !refused.is_empty() {
        let revoked = state.cache.revoke(&refused, &HashSet::new());
        state.stats.revoked += revoked;
        debug!(inner.channel.logger(), "grants revoked"; "revoked" => revoked);
    }
    for (digest, grant) in batch {
        if !refused.contains(grant.api_key_id.as_str()) {
            state.cache.confirm(digest, grant, asked_at);
        }
    }
    Ok(())
}

async fn ask(inner: &Inner, ids: &[String]) -> Result<Vec<String>, RpcError> {
    let after = inner.channel.config().call_timeout;
    let answer = inner
        .channel
        .call(CALL, after, |wire| async move {
            let request = CheckKeysRequest {
                api_key_ids: ids.to_vec(),
            };
            wire.authorizer().check_keys(request).await
        })
        .await?;
    let response = answer.map_err(|status| RpcError::failed(CALL, status))?;
    Ok(response.refused_api_key_ids)
}

/// What was said last, so that each change is said once.
#[derive(Default)]
struct Told {
    /// Whether there was a control plane at all.
    has_answered: bool,
    is_away: bool,
    is_over: bool,
    /// Whether grants could not be checked the last time.
    is_failing: bool,
}

impl Told {
    fn tell(&mut self, inner: &Inner, outage: Option<Outage>, now: Instant) {
        let logger = inner.channel.logger();
        let Some(outage) = outage else {
            if self.is_away {
                info!(
                    logger,
                    "control plane answers again, all kept grants are checked"
                );
            }
            (self.has_answered, self.is_away, self.is_over) = (true, false, false);
            return;
        };
        let is_over = outage.until <= now;
        if !self.is_away && !is_over {
            let left = outage.until - now;
            warn!(logger, "control plane is away, callers who are known are let in for a grace";
                "grace_seconds" => left.as_secs());
        }
        let began_with_grace = outage.has_grace();
        if is_over && !self.is_over && began_with_grace {
            error!(
                logger,
                "control plane is away and the grace is over, nobody is let in"
            );
        }
        // A gateway that has just been started is not away from anything yet.
        self.is_away = self.has_answered || began_with_grace;
        self.is_over = is_over;
    }

    fn failed(&mut self, inner: &Inner, cause: &RpcError, delay: Duration) {
        const TEXT: &str = "kept grants cannot be checked, trying again";
        let logger = inner.channel.logger();
        let in_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        if self.is_failing {
            debug!(logger, "{}", TEXT; keys::ERROR => ErrorChain(cause), keys::RETRY_IN_MS => in_ms);
        } else {
            warn!(logger, "{}", TEXT; keys::ERROR => ErrorChain(cause), keys::RETRY_IN_MS => in_ms);
        }
        self.is_failing = true;
    }
}
