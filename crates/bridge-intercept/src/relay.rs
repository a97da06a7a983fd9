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
pub(crate) use self::watch::{Watch, WatchKind};
use crate::journal::{Closing, End, Journal};

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
    is_over: bool,
}

/// What a bridged answer has besides its bytes.
struct Turn {
    journal: Journal,
    watch: Watch,
    /// Only for streams of events that can be added to.
    events: Option<Events>,
}

/// A stream of events that can be added to.
struct Events {
    dialect: DialectId,
    held: Held,
    /// Whether the provider would have said so if more were to come.
    is_framed: bool,
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
            is_over: false,
        }
    }

    /// Relays while the watch listens, and closes the journal at the end.
    pub(crate) fn observed(
        source: Body,
        first: Option<Bytes>,
        journal: Journal,
        watch: Watch,
        manner: &Manner,
    ) -> Self {
        let events = watch.can_be_added_to().then(|| Events {
            dialect: manner.dialect,
            held: Held::new(manner.held_bytes),
            is_framed: manner.is_framed,
            ping_after: manner.ping_after,
            passed_on: Instant::now(),
            timer: None,
        });
        let turn = Some(Box::new(Turn {
            journal,
            watch,
            events,
        }));
        Self {
            source,
            first,
            turn,
            is_over: false,
        }
    }

    /// What is known of the interception, if it is one. Ends it first if it has not ended, as
    /// dropping does.
    pub fn close(&mut self) -> Option<Closing> {
        let turn = self.turn.as_mut()?;
        turn.abandon();
        Some(turn.journal.closing().clone())
    }

    /// Gathers what is ready. Nothing and not over means that nothing is ready.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<Gathered, UpstreamError> {
        let mut gathered = Gathered::default();
        if let Some(first) = self.first.take() {
            gathered.push(self.hear(first));
        }
        while gathered.len() < GATHER {
            match Pin::new(&mut self.source).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(piece) = frame.into_data() {
                        gathered.push(self.hear(piece));
                    }
                }
                Poll::Ready(Some(Err(cause))) => {
                    self.is_over = true;
                    self.broken(&cause, &mut gathered)?;
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
        Ok(gathered)
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

    /// The provider has said everything.
    fn ended(&mut self, gathered: &mut Gathered) {
        let Some(turn) = self.turn.as_mut() else {
            return;
        };
        let is_complete = turn.watch.finish_stream();
        if let Some(events) = &mut turn.events {
            gathered.push(Pieces::of(events.held.rest(), Bytes::new(), None));
            // Without a length or chunks, an end and a break look the same.
            if !is_complete && (!events.is_framed || !turn.watch.has_heard()) {
                let message = "the provider's answer stopped before its end";
                gathered.push(Pieces::one(failure_event(events.dialect, 502, message)));
            }
        }
        turn.relayed(None);
    }

    /// The provider broke off. A stream of events ends with one that says so; another body cannot
    /// end well.
    fn broken(
        &mut self,
        cause: &UpstreamError,
        gathered: &mut Gathered,
    ) -> Result<(), UpstreamError> {
        let Some(turn) = self.turn.as_mut() else {
            return Err(cut_short());
        };
        turn.watch.finish_stream();
        let reason = cause.class().as_str();
        turn.journal
            .metrics()
            .upstream_failed(&turn.journal.closing().provider, reason);
        turn.relayed(Some(cause));
        let Some(events) = &turn.events else {
            return Err(cut_short());
        };
        if turn.watch.is_blind() {
            return Err(cut_short());
        }
        let (status, message) = match cause.class() {
            FailureClass::TimedOut => (504, "the provider stopped answering"),
            FailureClass::NeverSent | FailureClass::BrokenOff => (
                502,
                "the connection to the provider broke before the end of the answer",
            ),
        };
        gathered.push(Pieces::one(failure_event(events.dialect, status, message)));
        Ok(())
    }

    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let events = self.turn.as_mut().and_then(|turn| turn.events.as_mut());
        let Some(events) = events.filter(|events| !events.held.has_given_up()) else {
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

fn failure_event(dialect: DialectId, status: u16, message: &str) -> Bytes {
    let kind = if status == 504 {
        FailureKind::Timeout
    } else {
        FailureKind::Upstream
    };
    error_event(
        dialect,
        &ApiFailure {
            status,
            kind,
            message,
        },
    )
}

impl Turn {
    fn relayed(&mut self, broken: Option<&UpstreamError>) {
        let end = match self.watch.take() {
            watch::Seen::Answer(observed) => End::Relayed { observed, broken },
            watch::Seen::Failure {
                error_type,
                message,
            } => End::Refused {
                error_type,
                message,
            },
            watch::Seen::Nothing => return,
        };
        self.journal.close(end);
    }

    fn abandon(&mut self) {
        let is_complete = self.watch.is_complete();
        match self.watch.take() {
            watch::Seen::Answer(observed) => {
                self.journal.close(End::Dropped {
                    observed: Some(observed),
                    is_complete,
                });
            }
            watch::Seen::Failure {
                error_type,
                message,
            } => {
                self.journal.close(End::Refused {
                    error_type,
                    message,
                });
            }
            watch::Seen::Nothing => {}
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
        if self.is_over && self.first.is_none() {
            return Poll::Ready(None);
        }
        let gathered = match self.gather(cx) {
            Ok(gathered) => gathered,
            Err(cause) => return Poll::Ready(Some(Err(cause))),
        };
        if let Some(bytes) = gathered.into_bytes() {
            if let Some(events) = self.turn.as_mut().and_then(|turn| turn.events.as_mut()) {
                events.passed_on = Instant::now();
            }
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.is_over {
            return Poll::Ready(None);
        }
        self.poll_ping(cx).map(|ping| Some(Ok(Frame::data(ping))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over && self.first.is_none()
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
