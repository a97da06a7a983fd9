//! Bytes into messages.

use std::fmt;

use super::{CHECKSUM, EventStreamMessage, HEADERS_LIMIT, Headers, PRELUDE, SMALLEST};
use crate::EventStreamError;

/// How much memory is kept for the next message that is cut.
const KEPT_BYTES: usize = 64 << 10;

/// Follows a stream of messages, however it is cut into pieces.
///
/// A message is given out when both of its checksums are right and its headers are well formed. One
/// that lies in one piece is not copied. Lengths are believed only when their checksum is right, so
/// that a damaged one does not make the decoder wait for gigabytes; at most one message, and thus
/// the limit, is held. After an [`EventStreamError`] the decoder gives no more messages.
pub struct EventStreamDecoder {
    limit: usize,
    /// The beginning of a message whose rest has not come.
    held: Vec<u8>,
    /// Where in the stream the next message begins.
    offset: u64,
    failed: Option<EventStreamError>,
}

impl EventStreamDecoder {
    /// A decoder at the beginning of a stream of messages of at most `limit` bytes each, head and
    /// checksums included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            held: Vec::new(),
            offset: 0,
            failed: None,
        }
    }

    /// Reads the next piece and gives out the messages that it completes.
    ///
    /// # Errors
    /// When a message is damaged or larger than the limit. The messages before it have been given
    /// out. Every later call fails in the same way.
    pub fn feed(
        &mut self,
        piece: &[u8],
        mut on_message: impl FnMut(EventStreamMessage<'_>),
    ) -> Result<(), EventStreamError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let outcome = self.read(piece, &mut on_message);
        if let Err(error) = outcome {
            self.failed = Some(error);
            self.held = Vec::new();
        }
        outcome
    }

    /// The stream has ended.
    ///
    /// # Errors
    /// When it ended inside a message, or failed before.
    pub fn finish(&self) -> Result<(), EventStreamError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.held.is_empty() => Ok(()),
            None => Err(EventStreamError::Truncated {
                offset: self.offset,
            }),
        }
    }

    fn read(
        &mut self,
        piece: &[u8],
        on_message: &mut impl FnMut(EventStreamMessage<'_>),
    ) -> Result<(), EventStreamError> {
        let mut rest = piece;
        while !self.held.is_empty() {
            // First the lengths, then as much as they say: what follows is not copied.
            let wanted = self.wanted(&self.held)?;
            let missing = wanted.saturating_sub(self.held.len());
            let (now, later) = rest.split_at(missing.min(rest.len()));
            self.held.extend_from_slice(now);
            rest = later;
            if now.len() < missing {
                return Ok(());
            }
            if wanted > PRELUDE {
                let message = self.message(&self.held)?;
                on_message(message);
                self.passed(wanted);
                self.held.clear();
                self.held.shrink_to(KEPT_BYTES);
            }
        }
        while !rest.is_empty() {
            let wanted = self.wanted(rest)?;
            let Some((message, later)) = rest.split_at_checked(wanted).filter(|_| wanted > PRELUDE)
            else {
                self.held.extend_from_slice(rest);
                break;
            };
            on_message(self.message(message)?);
            self.passed(wanted);
            rest = later;
        }
        Ok(())
    }

    fn passed(&mut self, length: usize) {
        self.offset += u64::try_from(length).unwrap_or(u64::MAX);
    }

    /// How many bytes the message that begins here has, or its prelude while that is not whole.
    fn wanted(&self, bytes: &[u8]) -> Result<usize, EventStreamError> {
        let offset = self.offset;
        let Some(prelude) = bytes.first_chunk::<PRELUDE>() else {
            return Ok(PRELUDE);
        };
        let (lengths, checksum) = prelude.split_at(PRELUDE - CHECKSUM);
        if number(checksum) != crc32fast::hash(lengths) {
            return Err(EventStreamError::PreludeChecksum { offset });
        }
        let (total, headers) = lengths.split_at(4);
        let total = usize::try_from(number(total)).unwrap_or(usize::MAX);
        let headers = usize::try_from(number(headers)).unwrap_or(usize::MAX);
        if total > self.limit {
            let limit = self.limit;
            return Err(EventStreamError::TooLarge { offset, limit });
        }
        if headers > HEADERS_LIMIT || total < SMALLEST || total - SMALLEST < headers {
            return Err(EventStreamError::Lengths { offset });
        }
        Ok(total)
    }

    /// The message that these bytes are, whose lengths have been checked.
    fn message<'a>(&self, bytes: &'a [u8]) -> Result<EventStreamMessage<'a>, EventStreamError> {
        let offset = self.offset;
        let (checked, checksum) = bytes.split_at(bytes.len().saturating_sub(CHECKSUM));
        if number(checksum) != crc32fast::hash(checked) {
            return Err(EventStreamError::MessageChecksum { offset });
        }
        let headers = usize::try_from(number(checked.get(4..8).unwrap_or_default()));
        let content = checked.get(PRELUDE..).unwrap_or_default();
        let parts = content.split_at_checked(headers.unwrap_or(usize::MAX));
        let (headers, payload) = parts.ok_or(EventStreamError::Lengths { offset })?;
        if !Headers(headers).are_whole() {
            return Err(EventStreamError::Headers { offset });
        }
        Ok(EventStreamMessage { headers, payload })
    }
}

/// Four bytes in network order. Anything else is zero, which no caller gives.
fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_be_bytes)
}

impl fmt::Debug for EventStreamDecoder {
    /// Shows sizes only: what a stream says is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStreamDecoder")
            .field("limit", &self.limit)
            .field("held_bytes", &self.held.len())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
