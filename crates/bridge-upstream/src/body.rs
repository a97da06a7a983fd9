//! The body of an answer, as it arrives.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bridge_telemetry::ErrorChain;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::dump::Tap;
use crate::patience::Patience;
use crate::{UpstreamError, http1, http2};

/// The body of a provider's answer. Polling it lets a connection of HTTP/1.1 work in the caller's
/// task; one of HTTP/2 has a task of its own.
///
/// Dropping it before its end closes the connection, or resets the exchange on a shared one, so that
/// the provider learns at once that nobody listens. Read to its end, the connection waits for the
/// next request.
pub struct Body {
    content: Content,
    patience: Patience,
    /// Hears what comes, when somebody wants a copy of it.
    tap: Option<Box<Tap>>,
}

/// Where it comes from.
pub(crate) enum Content {
    Own(http1::Content),
    Shared(http2::Content),
    /// Nothing comes any more.
    Over,
}

impl Body {
    pub(crate) fn new(content: Content, patience: Patience) -> Self {
        let mut body = Self {
            content,
            patience,
            tap: None,
        };
        let is_over = match &body.content {
            Content::Own(content) => content.is_over(),
            Content::Shared(content) => content.is_over(),
            Content::Over => true,
        };
        if is_over {
            body.end();
        }
        body
    }

    /// Lets this hear what comes from here on.
    pub(crate) fn listen(&mut self, mut tap: Tap) {
        match self.content {
            Content::Over => tap.ended(),
            Content::Own(_) | Content::Shared(_) => self.tap = Some(Box::new(tap)),
        }
    }

    /// All of it has come.
    fn end(&mut self) {
        if let Some(mut tap) = self.tap.take() {
            tap.ended();
        }
        match std::mem::replace(&mut self.content, Content::Over) {
            Content::Own(mut content) => content.go_home(),
            Content::Shared(_) | Content::Over => {}
        }
    }

    /// Ends the exchange with this error.
    fn give_up(
        &mut self,
        error: UpstreamError,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        self.content = Content::Over;
        if let Some(mut tap) = self.tap.take() {
            tap.broke(ErrorChain(&error).to_string());
        }
        Poll::Ready(Some(Err(error)))
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, Box<dyn Error + Send + Sync>>>>;

impl Content {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        match self {
            Self::Own(content) => content.poll_frame(cx).map_err(Into::into),
            Self::Shared(content) => content.poll_frame(cx).map_err(Into::into),
            Self::Over => Poll::Ready(None),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        match self.content.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match self.patience.heard() {
                Ok(()) => {
                    if let (Some(tap), Some(piece)) = (&self.tap, frame.data_ref()) {
                        tap.hear(piece);
                    }
                    Poll::Ready(Some(Ok(frame)))
                }
                Err(too_late) => self.give_up(too_late),
            },
            Poll::Ready(Some(Err(cause))) => self.give_up(UpstreamError::BodyBroken(cause)),
            Poll::Ready(None) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let too_late = ready!(self.patience.poll(cx));
                self.give_up(too_late)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Over)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Own(content) => content.size_hint(),
            Content::Shared(content) => content.size_hint(),
            Content::Over => SizeHint::with_exact(0),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("ended", &matches!(self.content, Content::Over))
            .finish_non_exhaustive()
    }
}
