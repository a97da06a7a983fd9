//! Bytes to the caller while an observer listens.
//!
//! The bytes of the provider reach the caller as they are. What the relay adds stands only between
//! two whole events: a ping when the provider is silent, and an error event when it broke off. So
//! that nothing is ever added inside an event, an incomplete one is held back until its rest has
//! come.

mod held;
mod watch;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bridge_api::{ApiFailure, DialectId, FailureKind, error_event, ping};
use bridge_upstream::{Body, FailureClass, UpstreamError};
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use self::held::Held;
use self::watch::Seen;
pub(crate) use self::watch::{Watch, WatchKind};
use crate::transcript::{Closing, End, Transcript};

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

/// What a bridged answer has besides its bytes.
struct Turn {
    transcript: Transcript,
    watch: Watch,
    /// Whether the provider would have said so if more were to come.
    is_framed: bool,
    /// Only for streams of events that can be added to.
    events: Option<Events>,
}

/// A stream of events that can be added to.
struct Events {
    dialect: DialectId,
    held: Held,
    ping_after: Duration,
    passed_on: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// How an answer is relayed.
pub(crate) struct Manner {
    pub(crate) dialect: DialectId,
    pub(crate) is_framed: bool,
    pub(crate) ping_after: Duration,
    pub(crate) held_bytes: usize,
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
        let events = watch.can_be_added_to().then(|| Events {
            dialect: manner.dialect,
            held: Held::new(manner.held_bytes),
            ping_after: manner.ping_after,
            passed_on: Instant::now(),
            timer: None,
        });
        let turn = Some(Box::new(Turn {
            transcript,
            watch,
            is_framed: manner.is_framed,
            events,
        }));
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

/// The caller's connection is closed without a proper end, which is how HTTP says that a body is
/// incomplete.
fn cut_short() -> UpstreamError {
    UpstreamError::BodyBroken("the provider's answer stopped before its end".into())
}

fn failure_event(dialect: DialectId, kind: FailureKind, message: &str) -> Bytes {
    error_event(dialect, &ApiFailure { kind, message })
}

impl Turn {
    /// The events, while something may be added between them.
    fn adding(&mut self) -> Option<&mut Events> {
        if self.watch.is_blind() {
            return None;
        }
        let events = self.events.as_mut();
        events.filter(|events| !events.held.has_given_up())
    }

    /// Ends a stream of events with one that tells a failure, in place of what was held back. Any
    /// other body can only be cut, and the failure for that is given back.
    fn add_failure(
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

    fn relayed(&mut self, seen: Seen, broken: Option<&UpstreamError>) {
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
            } => self.transcript.close(End::Refused {
                error_type,
                message,
            }),
            Seen::Nothing => {}
        }
    }

    fn count_lost_track(&self, seen: &Seen) {
        if let (Seen::Answer(_), Some(reason)) = (seen, self.watch.lost_track()) {
            let provider = &self.transcript.closing().provider;
            self.transcript
                .metrics()
                .observation_failed(provider, reason);
        }
    }

    fn abandon(&mut self) {
        let seen = self.watch.take();
        match seen {
            Seen::Answer(observed) => self.transcript.close(End::Dropped {
                observed: Some(observed),
            }),
            other @ (Seen::Failure { .. } | Seen::Nothing) => self.relayed(other, None),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Events {
    /// Ready when nothing was passed on for long enough. The timer is not moved for each piece:
    /// when it goes off it looks at when the last one was passed on.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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

/// What goes on of one piece: what was held back, whole events, and what can be held no longer.
#[derive(Default)]
pub(crate) struct Pieces([Option<Bytes>; 3]);

impl Pieces {
    pub(crate) fn one(piece: Bytes) -> Self {
        Self([Some(piece), None, None])
    }

    pub(crate) fn of(held: Option<Bytes>, whole: Bytes, overlong: Option<Bytes>) -> Self {
        Self([held, Some(whole), overlong])
    }
}

/// Pieces that go on together. One alone is not copied.
#[derive(Default)]
enum Gathered {
    #[default]
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(piece) => piece.len(),
            Self::Many(pieces) => pieces.len(),
        }
    }

    fn push(&mut self, pieces: Pieces) {
        for piece in pieces
            .0
            .into_iter()
            .flatten()
            .filter(|piece| !piece.is_empty())
        {
            *self = match std::mem::take(self) {
                Self::Nothing => Self::One(piece),
                Self::One(before) => {
                    let mut both = BytesMut::with_capacity(4 * (before.len() + piece.len()));
                    both.extend_from_slice(&before);
                    both.extend_from_slice(&piece);
                    Self::Many(both)
                }
                Self::Many(mut all) => {
                    all.extend_from_slice(&piece);
                    Self::Many(all)
                }
            };
        }
    }

    fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Nothing => None,
            Self::One(piece) => Some(piece),
            Self::Many(pieces) => Some(pieces.freeze()),
        }
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
