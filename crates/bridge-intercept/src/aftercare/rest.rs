//! What a caller leaves behind.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use super::{Aftercare, OnAbort};
use crate::handler::Answer;
use crate::relay::Flow;
use crate::{Blueprint, Cutoff, InterceptError};

/// Whether the caller of a turn has left, and what happens then. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Departure {
    has_left: Arc<AtomicBool>,
    on_abort: OnAbort,
    aftercare: Aftercare,
    cutoff: Cutoff,
}

impl Departure {
    pub(crate) fn new(blueprint: &Blueprint) -> Self {
        Self {
            has_left: Arc::default(),
            on_abort: blueprint.config.on_abort,
            aftercare: blueprint.aftercare.clone(),
            cutoff: blueprint.cutoff.clone(),
        }
    }

    pub(crate) fn on_abort(&self) -> OnAbort {
        self.on_abort
    }

    /// From now on whatever happens to the answer, its caller had left before.
    pub(crate) fn leave(&self) {
        self.has_left.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_left(&self) -> bool {
        self.has_left.load(Ordering::SeqCst)
    }

    /// Hands the rest of an answer to those who read on. Gives it back when nobody is to: dropping
    /// it then ends the exchange. Turns that are cut at shutdown are not read on.
    pub(crate) fn hand_over(&self, rest: Rest) -> Result<(), Rest> {
        match self.on_abort {
            OnAbort::ReadOn(limits) if !self.cutoff.has_begun() => {
                self.aftercare.take(rest, limits)
            }
            OnAbort::ReadOn(_) | OnAbort::Cancel => Err(rest),
        }
    }
}

/// An answer that is on its way, with everything it needs.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<Answer, InterceptError>> + Send>>;

/// What a caller leaves behind. Dropping it ends the exchange and records that.
pub(crate) enum Rest {
    /// An answer that has not begun.
    Awaited(Work, Departure),
    /// An answer in its middle.
    Begun(Box<Flow>),
}

impl Rest {
    pub(super) fn leave(&self) {
        match self {
            Self::Awaited(_, departure) => departure.leave(),
            Self::Begun(flow) => flow.leave(),
        }
    }

    /// Reads until everything is recorded, or this many bytes. Says how it ended, in a word.
    pub(super) async fn read(self, bytes: usize) -> &'static str {
        let flow = match self {
            Self::Awaited(work, _) => work.await.ok().and_then(|answer| answer.body.into_flow()),
            Self::Begun(flow) => Some(flow),
        };
        let Some(mut flow) = flow else {
            return "finished";
        };
        let mut left = bytes;
        while !flow.is_closed() {
            let Some(Ok(piece)) = poll_fn(|cx| flow.poll(cx)).await else {
                break;
            };
            match left.checked_sub(piece.len()) {
                Some(fewer) => left = fewer,
                None => return "too_large",
            }
        }
        "finished"
    }
}

/// An answer that its caller waits for. Dropped before it is there, it is handed over.
pub(crate) struct Awaited {
    work: Option<Work>,
    departure: Departure,
}

impl Awaited {
    pub(crate) fn new(work: Work, departure: Departure) -> Self {
        Self {
            work: Some(work),
            departure,
        }
    }
}

impl Future for Awaited {
    type Output = Result<Answer, InterceptError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // What panics is gone, and nobody reads it on.
        let Some(mut work) = self.work.take() else {
            return Poll::Pending;
        };
        let answer = work.as_mut().poll(cx);
        if answer.is_pending() {
            self.work = Some(work);
        }
        answer
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            let rest = Rest::Awaited(work, self.departure.clone());
            // Dropping what is given back ends the exchange.
            drop(self.departure.hand_over(rest));
        }
    }
}
