//! What a bridged answer has besides its bytes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bridge_api::{ApiFailure, DialectId, FailureKind, error_event, ping};
use bridge_record::Outcome;
use bridge_upstream::UpstreamError;
use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use super::gathered::{Gathered, Pieces};
use super::held::Held;
use super::watch::{Seen, Watch};
use crate::transcript::{Closing, End, Transcript};

/// A line that readers of events pass over (HTML standard, section 9.2.6), for dialects without a
/// ping of their own. Only while tools run nobody else would say anything.
const COMMENT: &[u8] = b": still here\n\n";

/// What a bridged answer has besides its bytes.
pub(super) struct Turn {
    pub(super) transcript: Transcript,
    pub(super) watch: Watch,
    /// Whether the provider would have said so if more were to come.
    pub(super) is_framed: bool,
    /// Only for streams of events that can be added to.
    pub(super) events: Option<Events>,
}

/// A stream of events that can be added to.
pub(super) struct Events {
    pub(super) dialect: DialectId,
    pub(super) held: Held,
    ping_after: Duration,
    /// What shows that somebody is still there.
    pub(super) ping: Option<&'static [u8]>,
    pub(super) passed_on: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// How an answer is relayed.
pub(crate) struct Manner {
    pub(crate) dialect: DialectId,
    pub(crate) is_framed: bool,
    pub(crate) ping_after: Duration,
    pub(crate) held_bytes: usize,
}

/// The caller's connection is closed without a proper end, which is how HTTP says that a body is
/// incomplete.
pub(super) fn cut_short() -> UpstreamError {
    UpstreamError::BodyBroken("the provider's answer stopped before its end".into())
}

fn failure_event(dialect: DialectId, kind: FailureKind, message: &str) -> Bytes {
    error_event(dialect, &ApiFailure { kind, message })
}

impl Turn {
    pub(super) fn new(transcript: Transcript, watch: Watch, manner: &Manner) -> Self {
        let events = watch.can_be_added_to().then(|| Events {
            dialect: manner.dialect,
            held: Held::new(manner.held_bytes),
            ping_after: manner.ping_after,
            ping: ping(manner.dialect).or(watch.is_woven().then_some(COMMENT)),
            passed_on: Instant::now(),
            timer: None,
        });
        Self {
            transcript,
            watch,
            is_framed: manner.is_framed,
            events,
        }
    }

    /// Whether the transcript has its end.
    pub(super) fn is_closed(&self) -> bool {
        self.transcript.is_closed()
    }

    /// How it ends for a caller who leaves now: who has the last word has everything.
    pub(super) fn left_as(&self) -> Outcome {
        if self.watch.is_complete() {
            Outcome::Completed
        } else {
            Outcome::Aborted
        }
    }

    /// Whether the body is heard as a whole, and no stream of events.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_closed() && !self.watch.is_stream()
    }

    /// Listens to a piece. Gives back what may go on of it.
    pub(super) fn hear(&mut self, piece: Bytes) -> Pieces {
        let boundary = self.watch.hear(&piece);
        match &mut self.events {
            Some(events) if self.watch.is_blind() => events.held.give_up(piece),
            Some(events) => events.held.pass(piece, boundary),
            None => Pieces::one(piece),
        }
    }

    /// What is held back of a stream to which nothing will be added any more.
    pub(super) fn release(&mut self) -> Pieces {
        let held = self.events.take().and_then(|mut events| events.held.rest());
        Pieces::of(held, Bytes::new(), None)
    }

    /// What of the bytes that came with the end belongs to the last ones: of a whole body all, of
    /// a stream only what is still to be added.
    pub(super) fn last_of(&self, gathered: &mut Gathered) -> Gathered {
        if self.is_whole() {
            return std::mem::take(gathered);
        }
        Gathered::default()
    }

    /// The events, while something may be added between them.
    pub(super) fn adding(&mut self) -> Option<&mut Events> {
        if self.watch.is_blind() {
            return None;
        }
        let events = self.events.as_mut();
        events.filter(|events| !events.held.has_given_up())
    }

    /// Ends a stream of events with one that tells a failure, in place of what was held back. Any
    /// other body can only be cut, and the failure for that is given back.
    pub(super) fn add_failure(
        &mut self,
        kind: FailureKind,
        message: &str,
        gathered: &mut Gathered,
    ) -> Option<UpstreamError> {
        let Some(events) = self.adding() else {
            return Some(cut_short());
        };
        gathered.push(Pieces::one(failure_event(events.dialect, kind, message)));
        None
    }

    pub(super) fn relayed(&self, seen: Seen, broken: Option<&UpstreamError>) {
        self.count_lost_track(&seen);
        match seen {
            Seen::Answer(observed) => self.transcript.close(End::Relayed {
                observed,
                broken,
                is_too_large: self.watch.is_too_large(),
            }),
            Seen::Failure {
                error_type,
                message,
                observed,
            } => self
                .transcript
                .close(End::failed(error_type, message, observed)),
            Seen::Nothing => {}
        }
    }

    fn count_lost_track(&self, seen: &Seen) {
        if let (Seen::Answer(_), Some(reason)) = (seen, self.watch.lost_track()) {
            let provider = self.transcript.provider();
            self.transcript
                .metrics()
                .observation_failed(provider, reason);
        }
    }

    /// Nobody listens any more. Says what is known of the interception.
    pub(super) fn abandon(&mut self) -> Closing {
        let seen = self.watch.take();
        match seen {
            Seen::Answer(observed) => self.transcript.close(End::Dropped {
                observed: Some(observed),
            }),
            Seen::Nothing => self.transcript.close(End::Dropped { observed: None }),
            failure @ Seen::Failure { .. } => self.relayed(failure, None),
        }
        self.transcript.closing()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _told_nobody = self.abandon();
    }
}

impl Events {
    /// Ready when nothing was passed on for long enough. The timer is not moved for each piece:
    /// when it goes off it looks at when the last one was passed on.
    pub(super) fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = self.passed_on + self.ping_after;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        while timer.as_mut().poll(cx).is_ready() {
            let due = self.passed_on + self.ping_after;
            if Instant::now() >= due {
                self.passed_on = Instant::now();
                timer.as_mut().reset(self.passed_on + self.ping_after);
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}
