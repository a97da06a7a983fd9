//! Where the bytes for a caller come from.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bridge_stream::ContentDecoder;
use bridge_upstream::{Body, UpstreamError};
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, SizeHint};

use super::decoded::Decoded;
use super::ear::Ear;
use super::messages::Messages;
use super::woven::Woven;
use crate::rounds::Rounds;

/// Where the bytes for a caller come from: the provider's own, or what was made of them because
/// the provider does not speak the caller's dialect.
pub(crate) struct Source(Kind);

enum Kind {
    /// As they come.
    Body(Body),
    /// Messages, told as events.
    Messages(Box<Messages>),
    /// Without the encoding that they came in.
    Decoded(Box<Decoded>),
    /// Made of several answers.
    Woven(Box<Woven>),
    /// A whole body, written anew. Gone once it was given out.
    Written(Option<Bytes>),
}

impl From<Body> for Source {
    fn from(body: Body) -> Self {
        Self(Kind::Body(body))
    }
}

impl Source {
    /// A body that was written anew.
    pub(crate) fn written(body: Bytes) -> Self {
        Self(Kind::Written(Some(body).filter(|body| !body.is_empty())))
    }

    /// A stream of AWS's messages, told as events.
    pub(crate) fn of_messages(body: Body) -> Self {
        Self(Kind::Messages(Box::new(Messages::new(body))))
    }

    /// The bytes of a source without this encoding.
    pub(crate) fn decoded(source: Self, content: ContentDecoder) -> Self {
        Self(Kind::Decoded(Box::new(Decoded::new(source, content))))
    }

    /// A stream of events that is woven of this answer and those that follow. `first` was read of it
    /// before.
    pub(crate) fn woven(rounds: Box<Rounds>, first: Option<Bytes>, source: Self, ear: Ear) -> Self {
        Self(Kind::Woven(Box::new(Woven::new(
            rounds, first, source, ear,
        ))))
    }

    /// Nothing more.
    pub(crate) fn nothing() -> Self {
        Self(Kind::Written(None))
    }

    /// The next bytes, waiting for them. After a failure or the end there are none.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, UpstreamError>> {
        poll_fn(|cx| self.poll_data(cx)).await
    }

    /// Everything in one piece, at most `limit` bytes of it.
    pub(crate) async fn whole(mut self, limit: usize) -> Result<Bytes, UpstreamError> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            let room = limit - whole.len();
            whole.extend_from_slice(piece.get(..room).unwrap_or(&piece));
            if whole.len() == limit {
                break;
            }
        }
        Ok(whole.freeze())
    }

    /// The next bytes. After a failure or the end there are none.
    pub(crate) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        match &mut self.0 {
            Kind::Body(body) => poll_body(body, cx),
            Kind::Messages(messages) => messages.poll_data(cx),
            Kind::Decoded(decoded) => decoded.poll_data(cx),
            Kind::Woven(woven) => woven.poll_data(cx),
            Kind::Written(body) => Poll::Ready(body.take().map(Ok)),
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Body(body) => body.is_end_stream(),
            Kind::Messages(messages) => messages.is_over(),
            Kind::Decoded(decoded) => decoded.is_over(),
            Kind::Woven(woven) => woven.is_over(),
            Kind::Written(body) => body.is_none(),
        }
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Body(body) => body.size_hint(),
            Kind::Messages(_) | Kind::Decoded(_) | Kind::Woven(_) => SizeHint::default(),
            Kind::Written(body) => {
                let length = body.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
        }
    }
}

/// The next bytes of a provider's body. Trailers are not passed on.
pub(super) fn poll_body(
    body: &mut Body,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, UpstreamError>>> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    return Poll::Ready(Some(Ok(piece)));
                }
            }
        }
    }
}
