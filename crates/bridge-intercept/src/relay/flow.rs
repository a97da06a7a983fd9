//! A body on its way from the provider to the caller.

use std::task::{Context, Poll, ready};

use bridge_api::FailureKind;
use bridge_upstream::{FailureClass, UpstreamError};
use bytes::Bytes;
use http_body::SizeHint;
use tokio::time::Instant;

use super::Source;
use super::gathered::{Gathered, Pieces};
use super::turn::{Turn, cut_short};
use crate::aftercare::Rest;
use crate::transcript::{Closing, Settling};

/// How many bytes are gathered before they are passed on, when more are ready at once. Passing on
/// each piece alone would cost a write for each event of a burst.
const GATHER: usize = 64 << 10;

/// The provider's bytes, and what becomes of them.
///
/// Bytes go on as they come until the last ones are there: the piece with the last word of a
/// stream, the last byte of a whole body, or the end itself. Then the transcript is closed, and
/// they go on when its records are safe. Whatever follows the last word of a stream just passes.
pub(crate) struct Flow {
    source: Source,
    /// A piece that was read before the answer's head was decided on.
    first: Option<Bytes>,
    turn: Option<Turn>,
    /// The newest byte of a body whose length is not known: it may be the last.
    newest: Option<Bytes>,
    /// What goes on when the records are safe.
    last: Option<Bytes>,
    /// Runs while they are not.
    settling: Option<Settling>,
    /// What the caller is told once everything that came before has been passed on.
    failure: Option<UpstreamError>,
    /// Whether something was passed on since the connection last had time to write.
    has_unwritten: bool,
    is_over: bool,
}

impl Flow {
    pub(super) fn new(source: Source, first: Option<Bytes>, turn: Option<Turn>) -> Self {
        Self {
            source,
            first,
            turn,
            newest: None,
            last: None,
            settling: None,
            failure: None,
            has_unwritten: false,
            is_over: false,
        }
    }

    /// The caller takes no more of it. It is read on, or the exchange ends here. Says what is known
    /// of the interception, if it is one.
    pub(super) fn depart(mut self: Box<Self>) -> Option<Closing> {
        let turn = self.turn.as_mut()?;
        let mut closing = turn.transcript.closing();
        if turn.is_closed() {
            return Some(closing);
        }
        let departure = turn.transcript.departure().clone();
        closing.outcome = Some(turn.left_as());
        let Err(rest) = departure.hand_over(Rest::Begun(self)) else {
            return Some(closing);
        };
        match rest {
            Rest::Begun(mut flow) => {
                // What still runs behind the bytes ends first, and records that.
                flow.source = Source::nothing();
                flow.turn.as_mut().map(Turn::abandon)
            }
            // It comes back as it was given.
            Rest::Awaited(..) => None,
        }
    }

    /// From now on nobody is there who takes bytes.
    pub(crate) fn leave(&self) {
        let turn = self.turn.as_ref();
        if let Some(turn) = turn.filter(|turn| !turn.watch.is_complete()) {
            turn.transcript.departure().leave();
        }
    }

    /// Whether all there is to record has been.
    pub(crate) fn is_closed(&self) -> bool {
        self.turn.as_ref().is_none_or(Turn::is_closed)
    }

    pub(super) async fn settle_empty(&mut self) {
        if self.first.is_some() || !self.source.is_end_stream() {
            return;
        }
        self.is_over = true;
        self.ended(&mut Gathered::default());
        if let Some(settling) = self.settling.take() {
            settling.await;
        }
    }

    /// The next bytes for the caller, a failure, or the end.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        loop {
            if let Some(settling) = &mut self.settling {
                ready!(settling.as_mut().poll(cx));
                self.settling = None;
            }
            if let Some(last) = self.last.take() {
                return self.pass_on(last);
            }
            if self.is_over {
                return self.poll_end(cx);
            }
            if let Some(bytes) = self.gather(cx).into_bytes() {
                return self.pass_on(bytes);
            }
            if self.settling.is_none() && !self.is_over {
                return self.poll_ping(cx).map(|ping| Some(Ok(ping)));
            }
        }
    }

    fn pass_on(&mut self, bytes: Bytes) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        if let Some(events) = self.turn.as_mut().and_then(|turn| turn.events.as_mut()) {
            events.passed_on = Instant::now();
        }
        self.has_unwritten = true;
        Poll::Ready(Some(Ok(bytes)))
    }

    fn poll_end(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        if self.failure.is_some() && std::mem::take(&mut self.has_unwritten) {
            // A connection whose body fails throws away what it has not written yet. It writes
            // when nothing is ready, so that comes first.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.failure.take().map(Err))
    }

    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let turn = self.turn.as_mut();
        // Behind the last word there is nothing to wait for.
        let turn = turn.filter(|turn| !turn.watch.is_complete());
        let Some(events) = turn.and_then(|turn| turn.adding()) else {
            return Poll::Pending;
        };
        let Some(ping) = events.ping else {
            return Poll::Pending;
        };
        events.poll_silence(cx).map(|()| Bytes::from_static(ping))
    }

    pub(super) fn is_at_end(&self) -> bool {
        let is_bodiless = self.turn.is_none() && self.source.is_end_stream();
        let is_waiting = self.settling.is_some() || self.last.is_some();
        (self.is_over || is_bodiless) && !is_waiting && self.failure.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match (&self.turn, &self.first) {
            (None, None) => self.source.size_hint(),
            _ => SizeHint::default(),
        }
    }

    /// Gathers what is ready and may go on at once. Nothing means that nothing is ready, or that
    /// the last bytes are there.
    ///
    /// A body that has said its whole length is followed to its end at once: whoever counts bytes
    /// does not ask for more behind the last one, and the end would not be seen.
    fn gather(&mut self, cx: &mut Context<'_>) -> Gathered {
        let mut gathered = Gathered::default();
        if let Some(byte) = self.newest.take() {
            gathered.push(Pieces::one(byte));
        }
        if let Some(first) = self.first.take() {
            self.hear(first, &mut gathered);
        }
        while !self.is_over && self.settling.is_none() {
            if gathered.len() >= GATHER && self.source.size_hint().exact() != Some(0) {
                break;
            }
            match self.source.poll_data(cx) {
                Poll::Ready(Some(Ok(piece))) => self.hear(piece, &mut gathered),
                Poll::Ready(Some(Err(cause))) => {
                    self.is_over = true;
                    self.broken(&cause, &mut gathered);
                }
                Poll::Ready(None) => {
                    self.is_over = true;
                    self.ended(&mut gathered);
                }
                Poll::Pending => break,
            }
        }
        self.keep_newest(&mut gathered);
        gathered
    }

    /// Keeps one byte of a whole body back while it may be the last.
    fn keep_newest(&mut self, gathered: &mut Gathered) {
        let is_whole = self.turn.as_ref().is_some_and(|turn| turn.is_whole());
        let is_more_promised = self.source.size_hint().exact().is_some_and(|left| left > 0);
        if is_whole && !self.is_over && !is_more_promised {
            self.newest = gathered.split_last();
        }
    }

    fn hear(&mut self, piece: Bytes, gathered: &mut Gathered) {
        let turn = self.turn.as_mut().filter(|turn| !turn.is_closed());
        let Some(turn) = turn else {
            gathered.push(Pieces::one(piece));
            return;
        };
        let pieces = turn.hear(piece);
        if !turn.watch.has_ended() {
            gathered.push(pieces);
            return;
        }
        let mut last = Gathered::default();
        last.push(pieces);
        last.push(turn.release());
        let seen = turn.watch.take();
        turn.relayed(seen, None);
        self.settle(last);
    }

    /// The provider has said everything, or seems to. A stream without its last word is none,
    /// however well HTTP ends it: not every version says whether an end is one, and its readers
    /// must not take a part for the whole. Of another body a length or chunks are believed.
    fn ended(&mut self, gathered: &mut Gathered) {
        let turn = self.turn.as_mut().filter(|turn| !turn.is_closed());
        let Some(turn) = turn else {
            return;
        };
        let mut last = turn.last_of(gathered);
        turn.watch.finish_stream();
        let is_stream = turn.watch.is_stream();
        let seen = turn.watch.take();
        let is_cut = seen.is_cut(is_stream)
            && !turn.watch.is_blind()
            && (is_stream || !turn.is_framed || !turn.watch.has_heard() || seen.is_unreadable());
        if is_cut {
            let message = "the provider's answer stopped before its end";
            self.failure = turn.add_failure(FailureKind::Upstream, message, &mut last);
        } else {
            last.push(turn.release());
        }
        turn.relayed(seen, None);
        self.settle(last);
    }

    /// The provider broke off. A stream of events ends with one that says so; another body cannot
    /// end well. Half an event is neither passed on nor heard: its figures may be cut.
    fn broken(&mut self, cause: &UpstreamError, gathered: &mut Gathered) {
        let Some(turn) = self.turn.as_mut() else {
            self.failure = Some(cut_short());
            return;
        };
        if turn.is_closed() {
            // All was said. How the connection ends then changes nothing for readers of events.
            self.failure = turn.watch.is_encoded().then(cut_short);
            return;
        }
        let mut last = turn.last_of(gathered);
        let is_complete = turn.watch.is_complete();
        let seen = turn.watch.take();
        if is_complete {
            // The same, but figures might have followed.
            let is_plain = turn.adding().is_some();
            self.failure = (!is_plain).then(cut_short);
            turn.relayed(seen, None);
            self.settle(last);
            return;
        }
        let reason = cause.reason();
        turn.transcript
            .metrics()
            .upstream_failed(turn.transcript.provider(), reason);
        let (kind, message) = match cause.class() {
            FailureClass::TimedOut => (FailureKind::Timeout, "the provider stopped answering"),
            FailureClass::NeverSent | FailureClass::BrokenOff => (
                FailureKind::Upstream,
                "the connection to the provider broke before the end of the answer",
            ),
        };
        self.failure = turn.add_failure(kind, message, &mut last);
        turn.relayed(seen, Some(cause));
        self.settle(last);
    }

    /// Keeps the last bytes until the records are safe.
    fn settle(&mut self, last: Gathered) {
        self.last = last.into_bytes();
        let transcript = self.turn.as_ref().map(|turn| &turn.transcript);
        self.settling = transcript.map(|transcript| transcript.settle());
    }
}
