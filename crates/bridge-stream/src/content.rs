//! Content codings: what `Content-Encoding` did to a body, undone by pieces (RFC 9110, section 8.4).

mod brotli;
mod deflate;
mod encoding;
mod gzip;
mod inflate;
mod stage;
mod zstd;

use std::fmt;

pub use self::encoding::Encoding;
use self::stage::Stage;
use crate::DecodeError;

/// Undoes content codings.
///
/// Whatever a piece completes is given out with that piece: when the other side flushed, so do we,
/// and an event inside a compressed stream is seen as soon as it was sent. Content that swells
/// beyond the limit is refused while it swells. Content of no bytes at all is good in any coding.
///
/// After an error, and after [`finish`](Self::finish), the decoder is used up.
pub struct ContentDecoder {
    /// In the order in which the codings are undone.
    stages: Vec<Stage>,
    limit: usize,
    given: usize,
    is_used_up: bool,
}

impl ContentDecoder {
    /// A decoder for codings in the order in which they were applied, as the header names them.
    /// All that comes out of it is at most `limit` bytes. Without codings bytes pass as they are.
    #[must_use]
    pub fn new(encodings: &[Encoding], limit: usize) -> Self {
        // Between two codings there may be more bytes than in the end: what cannot be compressed
        // grows a little.
        let between = limit.saturating_add(limit / 8).saturating_add(1 << 10);
        let stage = |(at, encoding)| Stage::new(encoding, if at == 0 { limit } else { between });
        let stages = encodings.iter().copied().enumerate().map(stage).rev();
        Self {
            stages: stages.collect(),
            limit,
            given: 0,
            is_used_up: false,
        }
    }

    /// Decodes the next piece and appends what comes out of it.
    ///
    /// # Errors
    ///
    /// When there is more than the limit, or the bytes are not what the coding promises. What was
    /// good before may have been appended.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        if self.is_used_up {
            return Err(DecodeError::UsedUp);
        }
        let outcome = if self.stages.is_empty() {
            self.pass(piece, out)
        } else {
            through(&mut self.stages, piece, out)
        };
        self.is_used_up = outcome.is_err();
        match outcome {
            // The limit between two codings is nobody's business.
            Err(DecodeError::TooLarge { .. }) => Err(DecodeError::TooLarge { limit: self.limit }),
            outcome => outcome,
        }
    }

    /// The content has ended. Pieces have given out all that they complete, so nothing is left.
    ///
    /// # Errors
    ///
    /// When the content stops before its end.
    pub fn finish(&mut self) -> Result<(), DecodeError> {
        if std::mem::replace(&mut self.is_used_up, true) {
            return Err(DecodeError::UsedUp);
        }
        self.stages.iter().try_for_each(Stage::check_end)
    }

    fn pass(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let room = self.limit - self.given;
        let fits = piece.get(..room).unwrap_or(piece);
        out.extend_from_slice(fits);
        self.given += fits.len();
        if fits.len() < piece.len() {
            return Err(DecodeError::TooLarge { limit: self.limit });
        }
        Ok(())
    }
}

/// Through one coding after the other. One alone writes straight to the output.
fn through(stages: &mut [Stage], piece: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match stages {
        [] => Ok(()),
        [last] => last.run(piece, out),
        [first, rest @ ..] => {
            let mut between = Vec::new();
            let outcome = first.run(piece, &mut between);
            through(rest, &between, out)?;
            outcome
        }
    }
}

impl fmt::Debug for ContentDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentDecoder")
            .field("stages", &self.stages)
            .field("limit", &self.limit)
            .field("is_used_up", &self.is_used_up)
            .finish_non_exhaustive()
    }
}
