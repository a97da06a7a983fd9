//! Reading a request's body, whole and bounded.

use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body::Body;
use tokio::time::timeout;

/// How long the body of a refused request is read and thrown away, so that the caller gets to read
/// the refusal: many send everything before they read anything.
const DISCARD_FOR: Duration = Duration::from_secs(10);

/// Room for bodies that do not say their length.
const FIRST_ROOM: usize = 8 << 10;

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadBodyError {
    #[error("request body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("request body stopped arriving for {} ms", after.as_millis())]
    Silent { after: Duration },
    #[error("request body broke off")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

/// What a request's head says of its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Framing {
    said: Option<u64>,
    /// The caller waits for a word before it sends the body.
    asks_first: bool,
}

impl Framing {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let said = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok());
        Self {
            said: said.and_then(|text| text.parse().ok()),
            asks_first: headers.contains_key(EXPECT),
        }
    }

    /// Refuses a body that says itself that it is larger than `limit` bytes.
    pub(crate) fn check(self, limit: usize) -> Result<(), ReadBodyError> {
        if self.said.is_some_and(|said| said > limit as u64) {
            return Err(ReadBodyError::TooLarge { limit });
        }
        Ok(())
    }

    /// Reads a body of at most `limit` bytes, giving up when it is silent for too long.
    pub(crate) async fn read<B>(
        self,
        body: B,
        limit: usize,
        silence: Duration,
    ) -> Result<Bytes, ReadBodyError>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut body = pin!(body);
        if let Err(refused) = self.check(limit) {
            self.discard(body, limit, silence).await;
            return Err(refused);
        }
        let mut kept = Kept {
            first: None,
            room: BytesMut::new(),
            said: self.said,
        };
        while let Some(piece) = next_piece(body.as_mut(), silence).await? {
            if kept.len() + piece.len() > limit {
                discard(body, limit, silence).await;
                return Err(ReadBodyError::TooLarge { limit });
            }
            kept.push(piece);
        }
        Ok(kept.first.unwrap_or_else(|| kept.room.freeze()))
    }

    /// Reads the body of a refused request and throws it away, within bounds, so that the caller
    /// gets to read the refusal. One who asked first has not sent it.
    pub(crate) async fn discard<B>(self, body: B, limit: usize, silence: Duration)
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if !self.asks_first && !body.is_end_stream() {
            discard(pin!(body), limit, silence).await;
        }
    }
}

async fn next_piece<B>(
    mut body: Pin<&mut B>,
    silence: Duration,
) -> Result<Option<Bytes>, ReadBodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let frame = timeout(silence, poll_fn(|cx| body.as_mut().poll_frame(cx)));
    match frame
        .await
        .map_err(|_| ReadBodyError::Silent { after: silence })?
    {
        None => Ok(None),
        Some(Err(cause)) => Err(ReadBodyError::Broken(cause.into())),
        // Trailers are not sent on.
        Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
    }
}

/// Reads on and throws away, within bounds.
async fn discard<B>(mut body: Pin<&mut B>, limit: usize, silence: Duration)
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let discarding = async {
        let mut discarded = 0;
        while discarded < limit.saturating_mul(2) {
            match next_piece(body.as_mut(), silence).await {
                Ok(Some(piece)) => discarded += piece.len(),
                Ok(None) | Err(_) => return,
            }
        }
    };
    // A caller who waits for the answer before sending more must get it.
    let _ignored = timeout(DISCARD_FOR, discarding).await;
}

/// The pieces so far. One alone is not copied.
struct Kept {
    first: Option<Bytes>,
    room: BytesMut,
    said: Option<u64>,
}

impl Kept {
    fn len(&self) -> usize {
        self.first.as_ref().map_or(self.room.len(), Bytes::len)
    }

    fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if self.len() == 0 {
            self.first = Some(piece);
            return;
        }
        if let Some(first) = self.first.take() {
            let said = self
                .said
                .and_then(|said| usize::try_from(said).ok())
                .unwrap_or(FIRST_ROOM);
            self.room.reserve(said.max(first.len() + piece.len()));
            self.room.extend_from_slice(&first);
        }
        self.room.extend_from_slice(&piece);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::{Context, Poll};

    use http_body::Frame;
    use tokio::time::Instant;

    use super::*;

    /// A body that is announced and never sent.
    struct Never;

    impl Body for Never {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_does_not_wait_for_a_body_that_does_not_come() {
        let begun = Instant::now();
        let framing = Framing::of(&HeaderMap::new());
        framing.discard(Never, 10, Duration::from_secs(600)).await;
        assert_eq!(begun.elapsed().as_secs(), DISCARD_FOR.as_secs());
    }
}
