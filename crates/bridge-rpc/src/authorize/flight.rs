//! A question under way, shared by all who wait for its answer.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;

use super::cache::{Answer, Confirmed, Digest};
use super::question::OwnedQuestion;
use super::{Inner, answer};
use crate::status::RpcError;

/// An answer, or why there is none.
pub(super) type Outcome = Result<Answer, Arc<RpcError>>;

/// Questions under way. Those who wait own them; this is how to join one.
#[derive(Default)]
pub(super) struct Flights {
    under_way: HashMap<Digest, Flight>,
    number: u64,
}

struct Flight {
    number: u64,
    epoch: u64,
    asked_at: Instant,
    outcome: WeakShared<BoxFuture<'static, Outcome>>,
}

/// A part in a question.
pub(super) struct Seat {
    /// When the question was asked.
    pub(super) asked_at: Instant,
    pub(super) outcome: Shared<BoxFuture<'static, Outcome>>,
}

impl Flights {
    /// Who asks after a revocation must not join a question from before it.
    pub(super) fn join(&self, digest: &Digest, epoch: u64) -> Option<Seat> {
        let flight = self.under_way.get(digest)?;
        let flight = Some(flight).filter(|flight| flight.epoch == epoch)?;
        Some(Seat {
            asked_at: flight.asked_at,
            outcome: flight.outcome.upgrade()?,
        })
    }

    /// Asks a question that others may join.
    pub(super) fn begin(
        &mut self,
        inner: &Arc<Inner>,
        digest: Digest,
        question: OwnedQuestion,
        epoch: u64,
        now: Instant,
    ) -> Seat {
        self.number += 1;
        let landing = Landing {
            inner: Arc::clone(inner),
            digest,
            number: self.number,
        };
        let outcome = fly(landing, question, epoch, now).boxed().shared();
        if let Some(joined) = outcome.downgrade() {
            let flight = Flight {
                number: self.number,
                epoch,
                asked_at: now,
                outcome: joined,
            };
            self.under_way.insert(digest, flight);
        }
        Seat {
            asked_at: now,
            outcome,
        }
    }

    fn land(&mut self, digest: &Digest, number: u64) {
        let flight = self.under_way.get(digest);
        if flight.is_some_and(|flight| flight.number == number) {
            self.under_way.remove(digest);
        }
    }
}

/// Asks one question and keeps the answer, unless something was revoked meanwhile: then the answer
/// may be older than the revocation.
async fn fly(landing: Landing, question: OwnedQuestion, epoch: u64, asked_at: Instant) -> Outcome {
    let inner = &landing.inner;
    let answer = match inner.fetch(&question).await {
        Ok(answer) => answer,
        Err(cause) => {
            if cause.is_silence() {
                inner.unanswered(asked_at);
            }
            return Err(Arc::new(cause));
        }
    };
    let now = Instant::now();
    let mut state = inner.state.lock();
    state.reach.answered(asked_at);
    if state.cache.epoch() == epoch {
        let (digest, subject) = (landing.digest, question.subject());
        let evicted = match &answer {
            Ok(grant) => {
                let confirmed = Confirmed {
                    digest,
                    subject,
                    grant: Arc::clone(grant),
                    asked_at,
                    expires: answer::end_of(grant, now),
                };
                state.cache.grant(confirmed, now)
            }
            Err(reason) => state.cache.refuse(digest, subject, *reason, now),
        };
        state.stats.evicted += evicted;
    }
    Ok(answer)
}

/// Takes a question off the list when it is settled or given up.
struct Landing {
    inner: Arc<Inner>,
    digest: Digest,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        state.flights.land(&self.digest, self.number);
    }
}
