//! A body whose encoding is undone on the way.

use std::task::{Context, Poll, ready};

use bridge_stream::ContentDecoder;
use bridge_upstream::UpstreamError;
use bytes::Bytes;

use super::Source;

/// Plain bytes of an encoded body. Damage breaks the body where it is.
pub(super) struct Decoded {
    source: Source,
    decoder: ContentDecoder,
    is_over: bool,
}

impl Decoded {
    pub(super) fn new(source: Source, decoder: ContentDecoder) -> Self {
        Self {
            source,
            decoder,
            is_over: false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(super) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        while !self.is_over {
            let outcome = match ready!(self.source.poll_data(cx)) {
                Some(Ok(piece)) => {
                    let mut plain = Vec::with_capacity(piece.len().saturating_mul(4));
                    let fed = self.decoder.feed(&piece, &mut plain);
                    if !plain.is_empty() {
                        // What came out before an error is good; the next call tells the error.
                        return Poll::Ready(Some(Ok(plain.into())));
                    }
                    fed
                }
                Some(Err(error)) => {
                    self.is_over = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.is_over = true;
                    self.decoder.finish()
                }
            };
            if let Err(error) = outcome {
                self.is_over = true;
                return Poll::Ready(Some(Err(UpstreamError::BodyBroken(Box::new(error)))));
            }
        }
        Poll::Ready(None)
    }
}
