//! Bytes to the caller while an observer listens.
//!
//! The bytes of the provider reach the caller as they are. What the relay adds stands only between
//! two whole events: a ping when the provider is silent, and an error event when it broke off. So
//! that nothing is ever added inside an event, an incomplete one is held back until its rest has
//! come.

mod gathered;
mod held;
mod turn;
mod watch;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bridge_api::{FailureKind, ping};
use bridge_upstream::{Body, FailureClass, UpstreamError};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use self::gathered::{Gathered, Pieces};
pub(crate) use self::turn::Manner;
use self::turn::{Turn, cut_short};
pub(crate) use self::watch::{Watch, WatchKind};
use crate::transcript::{Closing, Transcript};

/// How many bytes are gathered before they are passed on, when more are ready at once. Passing on
/// each piece alone would cost a write for each event of a burst.
const GATHER: usize = 64 << 10;

/// The body of an answer: the provider's bytes, observed.
///
/// Dropping it before its end closes the connection to the provider and records that the caller
/// went away.
pub struct AnswerBody {
    source: Body,
    /// A piece that was read before the answer's head was decided on.
    first: Option<Bytes>,
    turn: Option<Box<Turn>>,
    /// What the caller is told once everything that came before has been passed on.
    failure: Option<UpstreamError>,
    /// Whether something was passed on since the connection last had time to write.
    has_unwritten: bool,
    is_over: bool,
}

impl AnswerBody {
    /// Relays without listening.
    pub(crate) fn unobserved(source: Body) -> Self {
        Self {
            source,
            first: None,
            turn: None,
            failure: None,
            has_unwritten: false,
            is_over: false,
        }
    }

    /// Relays while the watch listens, and closes the transcript at the end.
    pub(crate) fn observed(
        source: Body,
        first: Option<Bytes>,
        transcript: Transcript,
        watch: Watch,
        manner: &Manner,
    ) -> Self {
        let turn = Some(Box::new(Turn::new(transcript, watch, manner)));
        Self {
            source,
            first,
            turn,
            failure: None,
            has_unwritten: false,
            is_over: false,
        }
    }

    /// What is known of the interception, if it is one. Ends it first if it has not ended, as
    /// dropping does.
    pub fn close(&mut self) -> Option<Closing> {
        let turn = self.turn.as_mut()?;
        turn.abandon();
        Some(turn.transcript.closing().clone())
    }

    /// Gathers what is ready. Nothing and not over means that nothing is ready.
    ///
    /// A body that has said its whole length is followed to its end at once: whoever counts bytes
    /// does not ask for more behind the last one, and the end would not be seen.
    fn gather(&mut self, cx: &mut Context<'_>) -> Gathered {
        let mut gathered = Gathered::default();
        if let Some(first) = self.first.take() {
            gathered.push(self.hear(first));
        }
        while gathered.len() < GATHER || self.source.size_hint().exact() == Some(0) {
            match Pin::new(&mut self.source).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(piece) = frame.into_data() {
                        gathered.push(self.hear(piece));
                    }
                }
                Poll::Ready(Some(Err(cause))) => {
                    self.is_over = true;
                    self.broken(&cause, &mut gathered);
                    break;
                }
                Poll::Ready(None) => {
                    self.is_over = true;
                    self.ended(&mut gathered);
                    break;
                }
                Poll::Pending => break,
            }
        }
        gathered
    }

    fn hear(&mut self, piece: Bytes) -> Pieces {
        let Some(turn) = self.turn.as_mut() else {
            return Pieces::one(piece);
        };
        let boundary = turn.watch.hear(&piece);
        match &mut turn.events {
            Some(events) if turn.watch.is_blind() => events.held.give_up(piece),
            Some(events) => events.held.pass(piece, boundary),
            None => Pieces::one(piece),
        }
    }

    /// The provider has said everything, or seems to: without a length or chunks, an end and a
    /// break look the same. A stream in which nothing could be read is no answer, however well it
    /// ends.
    fn ended(&mut self, gathered: &mut Gathered) {
        let Some(turn) = self.turn.as_mut() else {
            return;
        };
        turn.watch.finish_stream();
        let is_stream = turn.watch.is_stream();
        let seen = turn.watch.take();
        let is_cut = seen.is_cut(is_stream)
            && !turn.watch.is_blind()
            && (!turn.is_framed || !turn.watch.has_heard() || seen.is_unreadable());
        if is_cut {
            let message = "the provider's answer stopped before its end";
            self.failure = turn.add_failure(FailureKind::Upstream, message, gathered);
        } else if let Some(events) = &mut turn.events {
            gathered.push(Pieces::of(events.held.rest(), Bytes::new(), None));
        }
        turn.relayed(seen, None);
    }

    /// The provider broke off. A stream of events ends with one that says so; another body cannot
    /// end well. Half an event is neither passed on nor heard: its figures may be cut.
    fn broken(&mut self, cause: &UpstreamError, gathered: &mut Gathered) {
        let Some(turn) = self.turn.as_mut() else {
            self.failure = Some(cut_short());
            return;
        };
        let is_complete = turn.watch.is_complete();
        let seen = turn.watch.take();
        if is_complete {
            // All was said. How the connection ends then changes nothing for readers of events.
            let is_plain = turn.adding().is_some();
            self.failure = (!is_plain).then(cut_short);
            turn.relayed(seen, None);
            return;
        }
        let reason = cause.class().as_str();
        turn.transcript
            .metrics()
            .upstream_failed(&turn.transcript.closing().provider, reason);
        let (kind, message) = match cause.class() {
            FailureClass::TimedOut => (FailureKind::Timeout, "the provider stopped answering"),
            FailureClass::NeverSent | FailureClass::BrokenOff => (
                FailureKind::Upstream,
                "the connection to the provider broke before the end of the answer",
            ),
        };
        self.failure = turn.add_failure(kind, message, gathered);
        turn.relayed(seen, Some(cause));
    }

    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let turn = self.turn.as_mut();
        // Behind the last word there is nothing to wait for.
        let turn = turn.filter(|turn| !turn.watch.is_complete());
        let Some(events) = turn.and_then(|turn| turn.adding()) else {
            return Poll::Pending;
        };
        let Some(ping) = ping(events.dialect) else {
            return Poll::Pending;
        };
        events.poll_silence(cx).map(|()| Bytes::from_static(ping))
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let gathered = if self.is_over {
            Gathered::Nothing
        } else {
            self.gather(cx)
        };
        if let Some(bytes) = gathered.into_bytes() {
            if let Some(events) = self.turn.as_mut().and_then(|turn| turn.events.as_mut()) {
                events.passed_on = Instant::now();
            }
            self.has_unwritten = true;
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.failure.is_some() && std::mem::take(&mut self.has_unwritten) {
            // A connection whose body fails throws away what it has not written yet. It writes
            // when nothing is ready, so that comes first.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(cause) = self.failure.take() {
            return Poll::Ready(Some(Err(cause)));
        }
        if self.is_over {
            return Poll::Ready(None);
        }
        self.poll_ping(cx).map(|ping| Some(Ok(Frame::data(ping))))
    }

    fn is_end_stream(&self) -> bool {
        let is_bodiless = self.turn.is_none() && self.source.is_end_stream();
        (self.is_over || is_bodiless) && self.failure.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.turn, &self.first) {
            (None, None) => self.source.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerBody")
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}
