//! The first loop: another key, the same again after a while, or stop.
//!
//! It runs before a byte has gone to the caller. What was asked is a value in memory, so asking
//! again costs nothing, and it is asked again only when the provider has certainly not done the
//! work: nothing has left, or the provider itself refused. After the last attempt the provider's
//! own answer stands.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use bridge_auth::KeySource;
use bridge_guard::{Exhausted, KeyFault, KeyState};
use bridge_telemetry::trace::Span;
use bridge_telemetry::{KeyTrouble, Metrics, Part, keys, wall_clock};
use bridge_upstream::{BoundCredential, Outbound, Reply, UpstreamError};
use http::StatusCode;
use slog::info;
use tokio::time::{Instant, sleep, timeout};

use crate::aftercare::Departure;
use crate::credential::{Keys, RingWalk};
use crate::relay::Source;
use crate::retry::Retries;
use crate::sight::Sight;
use crate::transcript::Notes;
use crate::{Blueprint, InterceptError, Provider, retry_after};

/// How much of a refusal is read so that its connection can be used again.
const REFUSAL_BYTES: usize = 64 << 10;
/// How long that may take. A refusal is short and mostly there already.
const REFUSAL_TIME: Duration = Duration::from_millis(250);

/// What one call asks, and what it may still do.
pub(crate) struct Call {
    /// Without a credential. Gone once no further attempt can follow.
    request: Option<Outbound>,
    keys: Keys,
    /// What the last attempt presented.
    presented: Option<BoundCredential>,
    retries: Retries,
}

/// Why a call came to nothing.
#[derive(Debug)]
pub(crate) enum Unreached {
    /// The last attempt failed so.
    Failed(UpstreamError),
    /// No key is left.
    Exhausted(Exhausted),
}

/// What follows an attempt.
enum Next {
    Stop,
    OtherKey,
    Again(Duration),
}

impl Call {
    pub(crate) fn new(request: Outbound, keys: Keys, retries: Retries) -> Self {
        Self {
            request: Some(request),
            keys,
            presented: None,
            retries,
        }
    }

    /// Whose credential it presents.
    pub(crate) fn kind(&self) -> KeySource {
        match &self.keys {
            Keys::Own(_) => KeySource::Byok,
            Keys::Absent | Keys::Signer(_) | Keys::Ring(_) => KeySource::Centralized,
        }
    }

    /// Another call in the wake of this one: with the credential that was good in the end, and as
    /// many tries as a call has.
    pub(crate) fn renew(&mut self, request: Outbound, provider: &Provider, retries: Retries) {
        self.request = Some(request);
        self.retries = retries;
        if let Keys::Ring(walk) = &mut self.keys {
            walk.renew(provider);
        }
    }

    /// The next attempt; none when no key is left. The last one that can be is not copied.
    fn next(&mut self, provider: &Provider) -> Option<Outbound> {
        let mut may_follow = self.retries.are_left();
        let credential = match &mut self.keys {
            Keys::Absent => None,
            Keys::Own(credential) | Keys::Signer(credential) => Some(credential.clone()),
            Keys::Ring(walk) => {
                may_follow |= walk.may_go_on(provider);
                Some(walk.present(provider)?)
            }
        };
        let mut request = if may_follow {
            self.request.clone()?
        } else {
            self.request.take()?
        };
        self.presented.clone_from(&credential);
        request.credential = credential;
        Some(request)
    }

    /// What follows this outcome, and what is to be remembered of it.
    fn after(
        &mut self,
        blueprint: &Blueprint,
        provider: &Provider,
        outcome: &Result<Reply, UpstreamError>,
    ) -> Next {
        if let (Keys::Ring(walk), Ok(reply)) = (&mut self.keys, outcome) {
            if let Some(fault) = fault(reply.status) {
                cool(blueprint, provider, walk, fault, reply);
                return Next::OtherKey;
            }
            if reply.status.is_success() {
                walk.keep(provider);
            }
        }
        let Some((wait, reason)) = self.retries.another(outcome) else {
            return Next::Stop;
        };
        if !provider.guard.budget.spend(blueprint.config.retry.budget) {
            blueprint.metrics.retry_budget_spent(&provider.name);
            return Next::Stop;
        }
        blueprint.metrics.retried(&provider.name, reason);
        self.retries.take();
        Next::Again(wait)
    }
}

/// Asks the provider until it answers, refuses for good, or there is nothing left to try.
///
/// Dropping the future ends the attempt that runs, or the wait for the next one.
pub(crate) async fn reach(
    blueprint: &Blueprint,
    provider: &Provider,
    sight: &Sight,
    call: &mut Call,
    transcript: Option<&Notes>,
) -> Result<Reply, Unreached> {
    provider.guard.budget.earn(blueprint.config.retry.budget);
    let reached = ask(blueprint, provider, sight, call, transcript).await;
    if let Some(transcript) = transcript {
        transcript.hide(call.presented.take());
    }
    if let Keys::Ring(walk) = &call.keys {
        blueprint.metrics.keys_tried(&provider.name, walk.tried);
    }
    reached
}

async fn ask(
    blueprint: &Blueprint,
    provider: &Provider,
    sight: &Sight,
    call: &mut Call,
    transcript: Option<&Notes>,
) -> Result<Reply, Unreached> {
    let (mut held, mut attempts, mut last) = (None, 0, Span::off());
    while let Some(request) = call.next(provider) {
        // The attempt before was not the last one, so its span ends here.
        last.end();
        let_go_of(held.take()).await;
        if let (Some(transcript), Keys::Ring(walk)) = (transcript, &call.keys) {
            transcript.presents(walk.key(provider));
        }
        attempts += 1;
        let attempt = sight.attempt(blueprint, provider, attempts, request);
        let (outcome, span) = attempt.await;
        if let Some(transcript) = transcript {
            let status = outcome.as_ref().ok().map(|reply| reply.status);
            transcript.attempted(status);
        }
        match call.after(blueprint, provider, &outcome) {
            Next::Stop => {
                if let Some(transcript) = transcript {
                    transcript.follow(span);
                }
                return outcome.map_err(Unreached::Failed);
            }
            Next::OtherKey => last = span,
            // It is the provider that is waited for.
            Next::Again(wait) => {
                span.end();
                last = Span::off();
                sight.parts.timed(Part::FirstByte, sleep(wait)).await;
            }
        }
        // Who reads on an answer for its figures does not ask for another one.
        let departure = transcript.map(Notes::departure);
        if departure.is_some_and(Departure::has_left) {
            return outcome.map_err(Unreached::Failed);
        }
        held = Some(outcome);
    }
    let reached = exhausted(&blueprint.metrics, provider, held).await;
    if let (Some(transcript), Ok(_)) = (transcript, &reached) {
        transcript.follow(last);
    }
    reached
}

/// What a status says about the key: one that may not do something is the caller's matter, and a
/// provider in trouble says nothing about it.
fn fault(status: StatusCode) -> Option<KeyFault> {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some(KeyFault::RateLimited),
        StatusCode::UNAUTHORIZED => Some(KeyFault::Unauthorized),
        _ => None,
    }
}

/// Lets the key that was presented cool, for as long as the provider says when it was used too
/// often.
fn cool(
    blueprint: &Blueprint,
    provider: &Provider,
    walk: &mut RingWalk,
    fault: KeyFault,
    reply: &Reply,
) {
    let told = match fault {
        KeyFault::RateLimited => retry_after::told(&reply.headers, wall_clock()),
        KeyFault::Unauthorized => None,
    };
    let (Some(ring), Some(id)) = (&provider.guard.ring, walk.current.take()) else {
        return;
    };
    let now = Instant::now().into_std();
    if ring.cool(id, fault, told, now) {
        blueprint.metrics.key_cools(&provider.name, trouble(fault));
        let hint = ring.keys().get(id.position()).map(|key| key.hint.as_str());
        let wait = match ring.state(id, now) {
            KeyState::Cooling { until, .. } => until.saturating_duration_since(now),
            KeyState::Valid => Duration::ZERO,
        };
        info!(blueprint.logger, "key cools";
            keys::PROVIDER => provider.name.as_ref(),
            keys::KEY_HINT => hint,
            keys::KIND => fault.as_str(),
            keys::RETRY_IN_MS => u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    }
}

const fn trouble(fault: KeyFault) -> KeyTrouble {
    match fault {
        KeyFault::RateLimited => KeyTrouble::RateLimited,
        KeyFault::Unauthorized => KeyTrouble::Unauthorized,
    }
}

/// No key is left. If the last one was used too often, the provider's own words tell that best,
/// with the time at which the first of all keys is good again.
async fn exhausted(
    metrics: &Metrics,
    provider: &Provider,
    held: Option<Result<Reply, UpstreamError>>,
) -> Result<Reply, Unreached> {
    let ring = provider.guard.ring.as_ref();
    let now = Instant::now().into_std();
    let exhausted = ring.map_or(Exhausted::Unauthorized, |ring| ring.exhausted(now));
    let wait = match exhausted {
        Exhausted::For { wait } => {
            metrics.key_ring_exhausted(&provider.name, KeyTrouble::RateLimited);
            wait
        }
        Exhausted::Unauthorized => {
            metrics.key_ring_exhausted(&provider.name, KeyTrouble::Unauthorized);
            let_go_of(held).await;
            return Err(Unreached::Exhausted(exhausted));
        }
    };
    match held {
        Some(Ok(mut reply)) if reply.status == StatusCode::TOO_MANY_REQUESTS => {
            let told = retry_after::told(&reply.headers, wall_clock());
            let has_others = ring.is_some_and(|ring| ring.keys().len() > 1);
            let is_sooner = |told: Duration| has_others && told > wait + Duration::from_secs(1);
            if told.is_none_or(is_sooner) {
                retry_after::tell(&mut reply.headers, wait);
            }
            Ok(reply)
        }
        held => {
            let_go_of(held).await;
            Err(Unreached::Exhausted(exhausted))
        }
    }
}

/// Reads what is left of a refusal, within limits, so that the next attempt finds its connection.
async fn let_go_of(held: Option<Result<Reply, UpstreamError>>) {
    if let Some(Ok(reply)) = held {
        let_go(reply.body.into()).await;
    }
}

/// Reads what is left of an answer, within limits. One that takes longer, or says more, loses its
/// connection, and nothing else.
async fn let_go(rest: Source) {
    let _either = timeout(REFUSAL_TIME, read_out(rest)).await;
}

/// Does the work, and lets go of what is left of an answer meanwhile. The work does not wait for
/// that.
pub(crate) async fn letting_go<T>(rest: Source, work: impl Future<Output = T>) -> T {
    let mut letting_go = pin!(let_go(rest));
    let mut work = pin!(work);
    let mut is_gone = false;
    poll_fn(|cx| {
        is_gone = is_gone || letting_go.as_mut().poll(cx).is_ready();
        work.as_mut().poll(cx)
    })
    .await
}

async fn read_out(mut source: Source) {
    let mut left = REFUSAL_BYTES;
    while let Some(Ok(piece)) = source.next().await {
        match left.checked_sub(piece.len()) {
            Some(fewer) => left = fewer,
            None => return,
        }
    }
}

impl Unreached {
    /// For a caller of whom nothing is recorded.
    pub(crate) fn into_error(self, blueprint: &Blueprint, provider: &Provider) -> InterceptError {
        match self {
            Self::Failed(error) => {
                let reason = error.reason();
                blueprint.metrics.upstream_failed(&provider.name, reason);
                InterceptError::unreached(&provider.name, error)
            }
            Self::Exhausted(exhausted) => InterceptError::exhausted(provider, exhausted),
        }
    }
}
