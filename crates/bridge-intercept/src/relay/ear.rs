//! What is heard of the rounds of a woven answer.

use std::sync::Arc;

use bridge_api::{AnswerEnd, DialectId, Observed, Observer, ObserverLimits};
use bridge_record::ErrorType;
use parking_lot::Mutex;

use super::watch::Seen;

/// Hears the provider's own events, round by round, while the watch of the answer asks it how things
/// stand. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Ear {
    dialect: DialectId,
    hearing: Arc<Mutex<Hearing>>,
}

struct Hearing {
    /// Of the round that runs. None between two rounds.
    observer: Option<Box<Observer>>,
    /// How the turn failed.
    failure: Option<(ErrorType, Option<String>)>,
    /// Whether no other round follows, and the caller gets the end.
    is_last: bool,
}

impl Ear {
    pub(crate) fn new(dialect: DialectId) -> Self {
        let hearing = Hearing {
            observer: Some(observer(dialect)),
            failure: None,
            is_last: false,
        };
        Self {
            dialect,
            hearing: Arc::new(Mutex::new(hearing)),
        }
    }

    pub(crate) fn dialect(&self) -> DialectId {
        self.dialect
    }

    /// Another round begins.
    pub(crate) fn begin(&self) {
        self.hearing.lock().observer = Some(observer(self.dialect));
    }

    /// Lets the round that runs be heard.
    pub(crate) fn hear<T>(&self, hear: impl FnOnce(&mut Observer) -> T) -> Option<T> {
        self.hearing.lock().observer.as_deref_mut().map(hear)
    }

    /// The round is over, and another one follows: what was heard of it.
    pub(crate) fn end_round(&self) -> Option<Observed> {
        let observer = self.hearing.lock().observer.take();
        observer.map(|observer| observer.finish())
    }

    /// This round is the last, and the caller has its end now.
    pub(crate) fn is_last(&self) {
        self.hearing.lock().is_last = true;
    }

    /// The turn has failed.
    pub(crate) fn fail(&self, error_type: ErrorType, message: Option<String>) {
        self.hearing.lock().failure = Some((error_type, message));
    }

    /// Whether nothing of weight can follow.
    pub(super) fn has_ended(&self) -> bool {
        let hearing = self.hearing.lock();
        let observer = hearing.observer.as_ref().filter(|_| hearing.is_last);
        hearing.failure.is_some() || observer.is_some_and(|observer| observer.has_ended())
    }

    /// Whether the caller has the last word.
    pub(super) fn is_complete(&self) -> bool {
        let hearing = self.hearing.lock();
        let observer = hearing.observer.as_ref().filter(|_| hearing.is_last);
        observer.is_some_and(|observer| observer.is_complete())
    }

    /// What was heard of the round that runs, by somebody who will hear no more of it. The second
    /// time there is nothing.
    pub(crate) fn heard(&self) -> Option<Observed> {
        let mut hearing = self.hearing.lock();
        let mut observed = hearing.observer.take()?.finish();
        if !hearing.is_last && matches!(observed.end, AnswerEnd::Complete) {
            // The provider has said its last word, and the caller has not got it.
            observed.end = AnswerEnd::Truncated;
        }
        Some(observed)
    }

    /// The same, and how the turn failed if it did.
    pub(super) fn take(&self) -> Seen {
        let failure = self.hearing.lock().failure.take();
        match (failure, self.heard()) {
            (Some((error_type, message)), observed) => Seen::Failure {
                error_type,
                message,
                observed,
            },
            (None, Some(observed)) => Seen::Answer(observed),
            (None, None) => Seen::Nothing,
        }
    }
}

fn observer(dialect: DialectId) -> Box<Observer> {
    Box::new(Observer::new(dialect, ObserverLimits::default()))
}
