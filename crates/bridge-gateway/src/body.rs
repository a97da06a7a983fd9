//! The body of an answer on its way out, and the one line that closes each request.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bridge_guard::FrontPlace;
use bridge_intercept::{AnswerBody, Closing, Handler};
use bridge_pool::Lease;
use bridge_telemetry::{Metrics, Part, keys};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use slog::{Logger, error, info, o, warn};

use crate::entry::panic_text;
use crate::traced::Traced;
use crate::turns::Listed;

/// The kind of a failure that is a fault of ours.
pub(crate) const PANICKED: &str = "panicked";

/// The body of an answer. It keeps the handler alive that gave it, and when it ends, breaks or is
/// dropped, one line says how the request went.
pub struct GatewayBody {
    content: Content,
    line: Option<Box<ClosingLine>>,
}

enum Content {
    Fixed(Option<Bytes>),
    Answer {
        body: Box<AnswerBody>,
        _lease: Lease<Handler>,
    },
}

/// What is known of a request. Dropped before there is an answer, it says that the request was
/// given up.
pub(crate) struct ClosingLine {
    pub(crate) logger: Logger,
    /// Keeps it on the list of those that run.
    pub(crate) turn: Listed,
    /// Its place in its trace.
    pub(crate) traced: Traced,
    /// Its place among those that may run at once, from when it was let in until its answer is
    /// over.
    pub(crate) place: Option<FrontPlace>,
    /// Why the gateway itself answered or broke the answer, if it did.
    pub(crate) refusal: Option<Refusal>,
    pub(crate) metrics: Metrics,
}

/// What the operator reads of a failure: instead of an answer, or in its middle.
pub(crate) struct Refusal {
    pub(crate) kind: &'static str,
    pub(crate) detail: String,
}

impl Refusal {
    /// The answer broke by a fault of ours.
    fn panicked(cause: &str) -> Self {
        Self {
            kind: PANICKED,
            detail: cause.to_owned(),
        }
    }
}

impl GatewayBody {
    pub(crate) fn fixed(bytes: Bytes) -> Self {
        let bytes = (!bytes.is_empty()).then_some(bytes);
        Self {
            content: Content::Fixed(bytes),
            line: None,
        }
    }

    pub(crate) fn answer(body: AnswerBody, lease: Lease<Handler>) -> Self {
        Self {
            content: Content::Answer {
                body: Box::new(body),
                _lease: lease,
            },
            line: None,
        }
    }

    /// Writes this line when the body is over.
    pub(crate) fn closing_with(mut self, line: ClosingLine) -> Self {
        self.line = Some(Box::new(line));
        self
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let frame = match &mut this.content {
            Content::Fixed(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            Content::Answer { body, .. } => match guarded(body, cx) {
                Ok(polled) => ready!(polled).map(|frame| frame.map_err(Into::into)),
                Err(cause) => {
                    // The turn is over: giving its body up records that.
                    body.give_up();
                    this.content = Content::Fixed(None);
                    if let Some(line) = &mut this.line {
                        line.refusal = Some(Refusal::panicked(&cause));
                    }
                    Some(Err(cause.into()))
                }
            },
        };
        if let Some(line) = &mut this.line {
            match &frame {
                Some(Ok(frame)) => {
                    let sent = frame.data_ref().map_or(0, |data| data.len() as u64);
                    line.turn.has_sent(sent);
                }
                // Whoever holds a body that is over does not hold its place.
                Some(Err(_)) | None => drop(line.place.take()),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Fixed(bytes) => bytes.is_none(),
            Content::Answer { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Fixed(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Answer { body, .. } => body.size_hint(),
        }
    }
}

type PolledFrame = Poll<Option<Result<Frame<Bytes>, <AnswerBody as Body>::Error>>>;

/// Polls a body. A panic in it breaks this one answer, as it would break a connection, and not the
/// host program that reads it.
fn guarded(body: &mut AnswerBody, cx: &mut Context<'_>) -> Result<PolledFrame, String> {
    let polled = AssertUnwindSafe(|| Pin::new(body).poll_frame(cx));
    std::panic::catch_unwind(polled)
        .map_err(|panic| format!("handler panicked: {}", panic_text(&*panic)))
}

impl Drop for GatewayBody {
    fn drop(&mut self) {
        let closing = match &mut self.content {
            Content::Answer { body, .. } => body.close(),
            Content::Fixed(_) => None,
        };
        if let Some(mut line) = self.line.take() {
            line.say(closing);
        }
    }
}

impl ClosingLine {
    /// The one line of a request that was answered.
    fn say(&mut self, closing: Option<Closing>) {
        self.traced
            .close(&self.turn, self.refusal.as_ref(), closing.as_ref());
        let parts = self.turn.parts();
        parts.add_rest(Part::Relay, self.turn.arrived().elapsed());
        if self.turn.is_known() {
            self.metrics.request_timed(parts);
        }
        let logger = self.logger.new(o!(
            keys::REQUEST_ID => self.turn.id().to_string(),
            keys::METHOD => self.turn.method().to_string(),
            keys::PATH => self.turn.path().to_owned(),
            keys::STATUS => self.turn.status().unwrap_or_default().as_u16(),
            keys::BYTES => self.turn.bytes(),
            keys::ELAPSED_MS => self.elapsed_ms(),
        ));
        match (&self.refusal, closing) {
            (Some(refusal), _) => self.say_refused(refusal, &logger),
            (None, Some(closing)) => info!(logger, "request served";
                keys::PROVIDER => &*closing.provider,
                keys::MODEL => &closing.model,
                keys::CLIENT => closing.client,
                keys::KEY_HINT => &closing.key_hint,
                keys::OUTCOME => closing.outcome.map_or("unknown", |outcome| outcome.as_str())),
            (None, None) => info!(logger, "request served"),
        }
    }

    /// A panic is a fault of ours, other failures on this side of the caller may pass by
    /// themselves, and what a caller did wrong is everyday.
    fn say_refused(&self, refusal: &Refusal, logger: &Logger) {
        let (kind, detail) = (refusal.kind, &refusal.detail);
        if kind == PANICKED {
            error!(logger, "request handling panicked"; keys::KIND => kind, keys::ERROR => detail);
        } else if self
            .turn
            .status()
            .is_some_and(|status| status.is_server_error())
        {
            warn!(logger, "request failed"; keys::KIND => kind, keys::ERROR => detail);
        } else {
            info!(logger, "request refused"; keys::KIND => kind, keys::ERROR => detail);
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.turn.arrived().elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for ClosingLine {
    fn drop(&mut self) {
        if self.turn.status().is_none() {
            self.traced.close(&self.turn, None, None);
            info!(self.logger, "request given up before an answer";
                keys::REQUEST_ID => %self.turn.id(),
                keys::METHOD => self.turn.method().as_str(),
                keys::PATH => self.turn.path(),
                keys::ELAPSED_MS => self.elapsed_ms());
        }
    }
}

impl fmt::Debug for GatewayBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GatewayBody")
    }
}
