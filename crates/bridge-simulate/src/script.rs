//! The body of an answer: what is written, when, and what goes wrong on the way.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::parts::Parts;
use crate::seen::Ledger;

/// A burst is written in pieces of about this size.
const WRITE_BYTES: usize = 32 << 10;

/// What is to be written, in pieces.
#[derive(Debug)]
pub(crate) enum Source {
    Events(Parts),
    Bytes { bytes: Bytes, step: usize },
}

/// What happens when half of the pieces are written.
#[derive(Debug)]
pub(crate) enum Middle {
    Nothing,
    /// The connection ends.
    Break,
    /// Nothing comes for a while.
    Silence(Duration),
    /// This is the last that is written.
    End(Bytes),
}

/// An answer that takes its time, or goes wrong.
pub(crate) struct Script {
    source: Source,
    pace: Duration,
    /// How many pieces are left when it is the middle's turn.
    middle_at: usize,
    middle: Middle,
    gzip: Option<GzEncoder<Vec<u8>>>,
    due: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Pieces that wait for nothing but their turn.
    ready: VecDeque<Bytes>,
    has_paused: bool,
    is_over: bool,
}

impl Script {
    pub(crate) fn new(source: Source, pace: Duration, middle: Middle, gzip: bool) -> Self {
        Self {
            middle_at: source.left() / 2,
            source,
            pace,
            middle,
            gzip: gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
            due: None,
            sleep: None,
            ready: VecDeque::new(),
            has_paused: false,
            is_over: false,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(bytes)));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            if self.source.left() <= self.middle_at {
                match std::mem::replace(&mut self.middle, Middle::Nothing) {
                    Middle::Nothing => {}
                    // What was written is to reach the caller: the connection sends it on when the
                    // body has nothing at hand.
                    Middle::Break if !self.has_paused => {
                        self.has_paused = true;
                        self.middle = Middle::Break;
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Middle::Break => {
                        self.is_over = true;
                        let cut = io::Error::other("the answer ends here because it was told to");
                        return Poll::Ready(Some(Err(cut)));
                    }
                    Middle::Silence(silence) => {
                        self.wait(silence);
                        continue;
                    }
                    Middle::End(last) => {
                        self.end(Some(last));
                        continue;
                    }
                }
            }
            self.write();
        }
    }

    /// Takes what may be written now.
    fn write(&mut self) {
        let mut out = BytesMut::new();
        let stop = match self.middle {
            Middle::Nothing => 0,
            Middle::Break | Middle::Silence(_) | Middle::End(_) => self.middle_at,
        };
        let is_paced = !self.pace.is_zero();
        while self.source.left() > stop && self.source.next(&mut out) {
            if is_paced || out.len() >= WRITE_BYTES {
                break;
            }
        }
        if !out.is_empty() {
            self.push(out.freeze());
        }
        if self.source.left() == 0 && matches!(self.middle, Middle::Nothing) {
            self.end(None);
        } else if is_paced {
            self.wait(self.pace);
        }
    }

    fn end(&mut self, last: Option<Bytes>) {
        self.is_over = true;
        if let Some(last) = last {
            self.push(last);
        }
        if let Some(gzip) = self.gzip.take() {
            // Writing into memory does not fail.
            self.ready.extend(gzip.finish().ok().map(Bytes::from));
        }
    }

    fn push(&mut self, bytes: Bytes) {
        let bytes = match &mut self.gzip {
            None => bytes,
            Some(gzip) => {
                let _never = gzip.write_all(&bytes).and_then(|()| gzip.flush());
                std::mem::take(gzip.get_mut()).into()
            }
        };
        self.ready.push_back(bytes);
    }

    /// Holds back what follows. Waits are counted from when the last one was due, so that the
    /// pace does not suffer from the time that writing takes.
    fn wait(&mut self, pause: Duration) {
        let due = self.due.unwrap_or_else(Instant::now) + pause;
        self.due = Some(due);
        self.sleep = Some(Box::pin(sleep_until(due)));
    }
}

impl Source {
    fn left(&self) -> usize {
        match self {
            Self::Events(parts) => parts.left(),
            Self::Bytes { bytes, step } => bytes.len().div_ceil((*step).max(1)),
        }
    }

    fn next(&mut self, out: &mut BytesMut) -> bool {
        match self {
            Self::Events(parts) => parts.next(out),
            Self::Bytes { bytes, step } => {
                let piece = bytes.split_to((*step).max(1).min(bytes.len()));
                out.extend_from_slice(&piece);
                !piece.is_empty()
            }
        }
    }
}

/// The body of an answer. Dropped before its end it counts as broken off.
pub(crate) struct AnswerBody {
    content: Content,
    end: Option<End>,
}

enum Content {
    Whole(Option<Bytes>),
    Script(Box<Script>),
}

/// Tells how an answer ended.
struct End {
    ledger: Arc<Ledger>,
    id: String,
}

impl AnswerBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        let bytes = (!bytes.is_empty()).then_some(bytes);
        Self {
            content: Content::Whole(bytes),
            end: None,
        }
    }

    pub(crate) fn script(script: Script) -> Self {
        Self {
            content: Content::Script(Box::new(script)),
            end: None,
        }
    }

    /// Counts how this answer ends.
    pub(crate) fn counted(mut self, ledger: &Arc<Ledger>, id: String) -> Self {
        self.end = Some(End {
            ledger: Arc::clone(ledger),
            id,
        });
        self
    }

    fn has_ended(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Script(script) => script.is_over && script.ready.is_empty(),
        }
    }

    fn tell(&mut self, is_finished: bool) {
        if let Some(end) = self.end.take() {
            end.ledger.ended(end.id, is_finished);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let bytes = match &mut this.content {
            Content::Whole(bytes) => bytes.take().map(Ok),
            Content::Script(script) => ready!(script.poll(cx)),
        };
        match &bytes {
            Some(Err(_)) => this.tell(false),
            _ if this.has_ended() => this.tell(true),
            _ => {}
        }
        Poll::Ready(bytes.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Script(_) => SizeHint::default(),
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        let is_finished = self.has_ended();
        self.tell(is_finished);
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerBody")
    }
}
