//! Bytes into events, by the rules of the HTML standard, sections 9.2.5 and 9.2.6
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

mod building;

use std::fmt;

use memchr::memchr2;

use self::building::Building;
use super::SseEvent;
use crate::{FrameError, Limits};

/// What a stream may begin with, and what means nothing.
const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Follows a stream of events, however it is cut into pieces.
///
/// What a stream may be resumed with, `id` and `retry`, is remembered; other fields are read over, as
/// are comments. An event whose lines lie
/// in one piece and whose data is one line is given out without copying; only what is cut is kept.
/// After a [`FrameError`] the decoder gives no more events.
pub struct SseDecoder {
    limits: Limits,
    /// The unfinished line at the end of the last piece.
    line: Vec<u8>,
    event: Building,
    /// How many bytes came before this piece.
    offset: u64,
    /// Where the current line begins in the stream.
    line_offset: u64,
    /// How many bytes of the byte order mark have been seen. All of them also once it is certain
    /// that there is none.
    mark: usize,
    /// The last piece ended in a carriage return: a line feed that follows belongs to it.
    is_after_return: bool,
    /// That carriage return ended an event.
    owes_boundary: bool,
    failed: Option<FrameError>,
}

impl SseDecoder {
    /// A decoder at the beginning of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            line: Vec::new(),
            event: Building::default(),
            offset: 0,
            line_offset: 0,
            mark: 0,
            is_after_return: false,
            owes_boundary: false,
            failed: None,
        }
    }

    /// Reads the next piece and gives out the events that it completes.
    ///
    /// Says where in this piece the last blank line ends, if there is one: what comes before is
    /// whole events, and something else may be put into the stream there. A carriage return at the
    /// end of a piece may be half of a line end. Such a boundary is told with the next piece, as 0
    /// or, behind the line feed, as 1.
    ///
    /// # Errors
    ///
    /// When a line or an event is larger than the limits allow. The events before it have been
    /// given out. Every later call fails in the same way.
    pub fn feed(
        &mut self,
        piece: &[u8],
        mut on_event: impl FnMut(SseEvent<'_>),
    ) -> Result<Option<usize>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let outcome = self.read(piece, &mut on_event);
        if let Err(error) = outcome {
            self.failed = Some(error);
            self.line = Vec::new();
            self.event = Building::default();
        }
        outcome
    }

    /// The stream has ended. An event without a blank line behind it is given out too.
    ///
    /// The standard throws such an event away. Providers end streams with it, and whoever observes
    /// a stream wants to know what was said. An unfinished line counts as a line, so its data may
    /// be cut short. Afterwards the decoder stands at the beginning of another stream.
    pub fn finish(&mut self, mut on_event: impl FnMut(SseEvent<'_>)) {
        let ended = std::mem::replace(self, Self::new(self.limits));
        let Self {
            line, mut event, ..
        } = ended;
        if ended.failed.is_some() {
            return;
        }
        event.line(&line, None, &[]);
        if event.len() <= self.limits.event_bytes {
            event.dispatch(&[], &mut on_event);
        }
    }

    /// The id of the last event that came whole and had one, unless that was an empty one: where the
    /// stream may be resumed. One of more than 1 KiB is not remembered.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.event.last_id()
    }

    /// How long to wait before the stream is resumed, in milliseconds, if it has told that.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.event.retry_ms()
    }

    fn read(
        &mut self,
        piece: &[u8],
        on_event: &mut impl FnMut(SseEvent<'_>),
    ) -> Result<Option<usize>, FrameError> {
        let mut boundary = None;
        let mut at = self.start(piece, &mut boundary);
        while let Some(rest) = piece.get(at..) {
            let Some(length) = memchr2(b'\n', b'\r', rest) else {
                self.keep(rest)?;
                break;
            };
            let line_end = at + length;
            let next = self.after_line_end(piece, line_end);
            if length == 0 && self.line.is_empty() {
                self.event.dispatch(piece, on_event);
                self.owes_boundary = self.is_after_return;
                if !self.owes_boundary {
                    boundary = Some(next);
                }
            } else {
                self.end_line(piece, at, line_end)?;
            }
            self.line_offset = self.offset + offset(next);
            at = next;
        }
        self.event.own(piece);
        self.offset += offset(piece.len());
        Ok(boundary)
    }

    /// Deals with what the last piece left open. Says where the first line of this piece goes on.
    fn start(&mut self, piece: &[u8], boundary: &mut Option<usize>) -> usize {
        let Some(first) = piece.first() else {
            return 0;
        };
        let mut at = 0;
        if std::mem::take(&mut self.is_after_return) && *first == b'\n' {
            at = 1;
            self.line_offset = self.offset + 1;
        }
        if std::mem::take(&mut self.owes_boundary) {
            *boundary = Some(at);
        }
        while let (Some(expected), Some(byte)) = (BYTE_ORDER_MARK.get(self.mark), piece.get(at)) {
            if byte != expected {
                // What looked like a mark is the beginning of a line.
                self.line.extend(BYTE_ORDER_MARK.iter().take(self.mark));
                self.mark = BYTE_ORDER_MARK.len();
                break;
            }
            at += 1;
            self.mark += 1;
            if self.mark == BYTE_ORDER_MARK.len() {
                self.line_offset = self.offset + offset(at);
            }
        }
        at
    }

    /// Where the next line begins. A carriage return that may have a line feed in the next piece
    /// is remembered.
    fn after_line_end(&mut self, piece: &[u8], line_end: usize) -> usize {
        match (piece.get(line_end), piece.get(line_end + 1)) {
            (Some(b'\r'), Some(b'\n')) => line_end + 2,
            (Some(b'\r'), None) => {
                self.is_after_return = true;
                line_end + 1
            }
            _ => line_end + 1,
        }
    }

    /// A line that ends in this piece, and may have begun in an earlier one.
    fn end_line(&mut self, piece: &[u8], from: usize, to: usize) -> Result<(), FrameError> {
        let here = piece.get(from..to).unwrap_or_default();
        if self.line.is_empty() {
            self.check_line(here.len())?;
            self.event.line(here, Some(from), piece);
        } else {
            self.keep(here)?;
            self.event.line(&self.line, None, piece);
            empty(&mut self.line);
        }
        if self.event.len() > self.limits.event_bytes {
            return Err(FrameError::EventTooLarge {
                offset: self.line_offset,
                limit: self.limits.event_bytes,
            });
        }
        Ok(())
    }

    fn keep(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        self.check_line(self.line.len() + rest.len())?;
        self.line.extend_from_slice(rest);
        Ok(())
    }

    fn check_line(&self, length: usize) -> Result<(), FrameError> {
        if length > self.limits.line_bytes {
            return Err(FrameError::LineTooLong {
                offset: self.line_offset,
                limit: self.limits.line_bytes,
            });
        }
        Ok(())
    }
}

/// How much memory is kept for the next line or event.
pub(super) const KEPT_BYTES: usize = 64 << 10;

/// Empties a buffer. The memory of a rare large event is not kept for the small ones after it.
fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
}

fn offset(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl fmt::Debug for SseDecoder {
    /// Shows sizes only: what a stream says is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseDecoder")
            .field("limits", &self.limits)
            .field("line_bytes", &self.line.len())
            .field("event_bytes", &self.event.len())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
