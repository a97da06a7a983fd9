//! How a question is settled: by what is kept, by the control plane, or on grace.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::cache::{Answer, Cache, Digest, Found};
use super::flight::{Flights, Outcome, Seat};
use super::question::{Hasher, OwnedQuestion, Question};
use super::reach::{Outage, Reach};
use super::{AuthorizerConfig, AuthorizerStats, CALL, answer, terms};
use crate::channel::{Channel, Line};
use crate::status::{RpcError, refusal};

/// How long a caller who is known waits for an answer about them. After that the control plane
/// counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// What all questions share.
pub(super) struct Inner {
    pub(super) channel: Channel,
    pub(super) config: AuthorizerConfig,
    pub(super) hasher: Hasher,
    pub(super) state: Mutex<State>,
    /// Something has changed that the background must look at.
    pub(super) stirred: Notify,
}

/// What changes, behind one lock that is held briefly.
pub(super) struct State {
    pub(super) cache: Cache,
    pub(super) flights: Flights,
    pub(super) reach: Reach,
    /// How often the control plane said that revocations may have been missed.
    pub(super) resets: u64,
    /// Whether no revocations flow: none has come yet, or their stream has ended.
    pub(super) is_deaf: bool,
    pub(super) stats: AuthorizerStats,
}

/// What is kept of a question.
struct Kept {
    /// Nothing when the control plane must be asked.
    answer: Option<Answer>,
    /// Whether there is a grant to fall back on, should it not answer.
    is_known: bool,
}

/// Where an answer will come from.
enum Source {
    Kept(Answer),
    /// The control plane; see [`Kept::is_known`].
    Asked {
        seat: Seat,
        is_known: bool,
    },
}

impl Inner {
    pub(super) async fn settle(self: &Arc<Self>, question: &Question<'_>) -> Outcome {
        let digest = self.hasher.digest(question);
        match self.look(digest, question) {
            Source::Kept(answer) => Ok(answer),
            Source::Asked {
                seat,
                is_known: false,
            } => seat.outcome.await,
            Source::Asked {
                seat,
                is_known: true,
            } => self.ask_about_known(&digest, seat).await,
        }
    }

    /// One hash and one short lock when the answer is kept.
    fn look(self: &Arc<Self>, digest: Digest, question: &Question<'_>) -> Source {
        let now = Instant::now();
        let line = self.channel.line();
        let mut state = self.state.lock();
        state.observe(line, now);
        let Kept { answer, is_known } = state.kept(&digest, now);
        if let Some(answer) = answer {
            return Source::Kept(answer);
        }
        let epoch = state.cache.epoch();
        if let Some(seat) = state.flights.join(&digest, epoch) {
            state.stats.joined += 1;
            return Source::Asked { seat, is_known };
        }
        state.stats.asked += 1;
        let question = question.to_owned();
        let seat = state.flights.begin(self, digest, question, epoch, now);
        Source::Asked { seat, is_known }
    }

    /// Waits for the control plane only while it can be reached, and not for long.
    async fn ask_about_known(&self, digest: &Digest, seat: Seat) -> Outcome {
        let outcome = tokio::select! {
            biased;
            outcome = seat.outcome.clone() => Some(outcome),
            () = self.channel.down() => None,
            () = sleep_until(seat.asked_at + PATIENCE) => {
                self.unanswered(seat.asked_at);
                None
            }
        };
        if let Some(Ok(answer)) = outcome {
            return Ok(answer);
        }
        let now = Instant::now();
        let line = self.channel.line();
        let fallback = {
            let mut state = self.state.lock();
            state.observe(line, now);
            state.kept(digest, now).answer
        };
        match (fallback, outcome) {
            (Some(answer), _) => Ok(answer),
            (None, Some(outcome)) => outcome,
            // It was revoked meanwhile, or the grace is over.
            (None, None) => seat.outcome.await,
        }
    }

    pub(super) async fn fetch(&self, question: &OwnedQuestion) -> Result<Answer, RpcError> {
        let after = self.channel.config().call_timeout;
        let answer = self
            .channel
            .call(CALL, after, |wire| async move {
                wire.authorizer().is_authorized(question.to_request()).await
            })
            .await?;
        match answer {
            Ok(response) => answer::grant(response).map(|grant| answer::judge(Arc::new(grant))),
            Err(status) => match refusal(&status) {
                Some(reason) => Ok(Err(reason)),
                None => Err(RpcError::failed(CALL, status)),
            },
        }
    }

    /// A call that was made then got no answer.
    pub(super) fn unanswered(&self, asked_at: Instant) {
        let line = self.channel.line();
        let mut state = self.state.lock();
        state.observe(line, Instant::now());
        if state.reach.unanswered(asked_at) {
            self.stirred.notify_one();
        }
    }

    /// Takes notice of the connection and tells of the outage, if there is one.
    pub(super) fn observe(&self, now: Instant) -> Option<Outage> {
        let line = self.channel.line();
        let mut state = self.state.lock();
        state.observe(line, now);
        state.reach.outage()
    }
}

impl State {
    pub(super) fn new(config: &AuthorizerConfig) -> Self {
        // Without a lease nothing is kept, so there is nobody to be let in.
        let grace = config.lease.and(config.grace).unwrap_or_default();
        Self {
            cache: Cache::new(terms(config)),
            flights: Flights::default(),
            reach: Reach::new(grace, Instant::now()),
            resets: 0,
            is_deaf: true,
            stats: AuthorizerStats::default(),
        }
    }

    fn observe(&mut self, line: Line, now: Instant) {
        if let Some(until) = self.reach.observe(line, now) {
            self.stats.revoked += self.cache.doubt(until);
        }
        if line == Line::Refused {
            // Whoever refuses this gateway does not want its callers served either.
            self.cache.clear();
        }
    }

    /// Whether revocations would be missed although the control plane answers.
    fn is_unheard(&self) -> bool {
        self.is_deaf && self.reach.outage().is_none()
    }

    /// What needs no asking: a fresh answer, or a known grant while the control plane is away; either
    /// for as long as the grace lasts. A control plane that is there and cannot tell of revocations is
    /// asked each time.
    fn kept(&mut self, digest: &Digest, now: Instant) -> Kept {
        let (answer, is_known) = match self.cache.look(digest, now) {
            None => (None, false),
            Some(Found::Fresh(answer)) if self.reach.is_over(now) || self.is_unheard() => {
                (None, answer.is_ok())
            }
            Some(Found::Fresh(answer)) => {
                self.stats.hits += 1;
                (Some(answer), false)
            }
            Some(Found::Known(grant)) if self.reach.has_grace(now) => {
                self.stats.on_grace += 1;
                (Some(answer::judge(answer::on_grace(&grant))), true)
            }
            Some(Found::Known(_)) => (None, true),
        };
        Kept { answer, is_known }
    }
}

#[cfg(test)]
mod tests;
