//! Both bodies of an exchange on a shared connection.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Error, Reason, RecvStream, SendStream};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Frame, SizeHint};

use super::Seat;

/// The rest of a request's body. It is sent as the other end makes room for it.
pub(super) struct Upload {
    stream: SendStream<Bytes>,
    /// Nothing when all of it was handed over, or nobody wants it any more.
    rest: Bytes,
}

impl Upload {
    pub(super) fn new(stream: SendStream<Bytes>, body: Bytes) -> Self {
        Self { stream, rest: body }
    }

    /// Hands over as much as there is room for. When the other end does not want more, that is not
    /// told here: its answer says why.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        while !self.rest.is_empty() {
            let Poll::Ready(room) = self.poll_room(cx) else {
                return;
            };
            let piece = self.rest.split_to(room.min(self.rest.len()));
            let is_last = self.rest.is_empty();
            if piece.is_empty() || self.stream.send_data(piece, is_last).is_err() {
                self.rest.clear();
            }
        }
    }

    /// How much there is room for; zero when no more is wanted.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        self.stream.reserve_capacity(self.rest.len());
        if self.stream.capacity() > 0 {
            return Poll::Ready(self.stream.capacity());
        }
        match ready!(self.stream.poll_capacity(cx)) {
            Some(Ok(room)) => Poll::Ready(room),
            Some(Err(_)) | None => Poll::Ready(0),
        }
    }
}

/// The body of an answer, and the seat of its exchange. Dropping it before its end resets the
/// exchange.
pub(crate) struct Content {
    stream: RecvStream,
    upload: Upload,
    /// How much is still to come, where the answer says how long it is.
    left: Option<u64>,
    has_trailers: bool,
    _seat: Seat,
}

impl Content {
    pub(super) fn new(stream: RecvStream, upload: Upload, head: &HeaderMap, seat: Seat) -> Self {
        let length = head.get(CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
        Self {
            stream,
            upload,
            left: length,
            has_trailers: true,
            _seat: seat,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stream.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        // An answer may begin before its request has ended.
        self.upload.poll(cx);
        match ready!(self.stream.poll_data(cx)) {
            Some(Ok(piece)) => {
                // Whoever polls takes it, so there is room for as much again.
                let _is_over = self.stream.flow_control().release_capacity(piece.len());
                if let Some(left) = &mut self.left {
                    *left = left.saturating_sub(piece.len() as u64);
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            // The answer is whole, and the rest of the request not wanted (RFC 9113, section 8.1).
            Some(Err(cause)) if cause.reason() == Some(Reason::NO_ERROR) && cause.is_reset() => {
                Poll::Ready(None)
            }
            Some(Err(cause)) => Poll::Ready(Some(Err(cause))),
            None if self.has_trailers => self.poll_trailers(cx),
            None => Poll::Ready(None),
        }
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let trailers = ready!(self.stream.poll_trailers(cx));
        self.has_trailers = false;
        Poll::Ready(match trailers {
            Ok(Some(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Ok(None) => None,
            Err(cause) => Some(Err(cause)),
        })
    }
}
