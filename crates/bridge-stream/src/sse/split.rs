//! Whole events with the very bytes that they are written in.

use std::fmt;

use memchr::memchr2;

use super::{SseDecoder, SseEvent};
use crate::{FrameError, Limits};

/// A stretch of a stream that ends with a blank line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawEvent<'a> {
    /// The event in it. There is none in a stretch of comments and of fields that mean nothing.
    pub event: Option<SseEvent<'a>>,
    /// Its bytes, with the blank line.
    pub raw: &'a [u8],
}

/// Cuts a stream of events at its blank lines, for whoever passes some events on and others not.
///
/// All that it gives out, with the rest, is the stream, byte for byte. What is cut between two
/// pieces is kept until its end has come; what lies in one piece is not copied. A carriage return
/// at the end of a piece may be half of a line end, so a stretch that ends in one waits for the next
/// byte.
pub struct SseSplitter {
    decoder: SseDecoder,
    limit: usize,
    /// The stretch whose end has not come.
    kept: Vec<u8>,
    /// Where its current line begins, and up to where no line end was found.
    line: usize,
    seen: usize,
    /// How many bytes were given out.
    offset: u64,
}

/// Where the first stretch of some bytes ends, or how far the search has come.
enum Found {
    End(usize),
    Open { line: usize, seen: usize },
}

impl SseSplitter {
    /// A splitter at the beginning of a stream. It holds at most as much as an event may have.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            decoder: SseDecoder::new(limits),
            limit: limits.event_bytes,
            kept: Vec::new(),
            line: 0,
            seen: 0,
            offset: 0,
        }
    }

    /// Reads the next piece and gives out the stretches that it completes.
    ///
    /// # Errors
    ///
    /// When a line or an event is larger than the limits allow. What came before has been given
    /// out; nothing else will be.
    pub fn feed(
        &mut self,
        piece: &[u8],
        mut on_event: impl FnMut(RawEvent<'_>),
    ) -> Result<(), FrameError> {
        let mut kept = std::mem::take(&mut self.kept);
        if kept.is_empty() {
            let rest = self.cut(piece, &mut on_event)?;
            kept.extend_from_slice(rest);
        } else {
            kept.extend_from_slice(piece);
            let left = self.cut(&kept, &mut on_event)?.len();
            kept.drain(..kept.len() - left);
        }
        kept.shrink_to(super::decode::KEPT_BYTES);
        self.kept = kept;
        if self.kept.len() > self.limit {
            return Err(FrameError::EventTooLarge {
                offset: self.offset,
                limit: self.limit,
            });
        }
        Ok(())
    }

    /// The stream has ended: what is left without a blank line behind it. The event in it, if there
    /// is one, may be cut short. Afterwards there is nothing left.
    pub fn finish(&mut self, mut on_rest: impl FnMut(RawEvent<'_>)) {
        let rest = std::mem::take(&mut self.kept);
        (self.line, self.seen) = (0, 0);
        if rest.is_empty() {
            return;
        }
        let mut is_told = false;
        let mut tell = |event: SseEvent<'_>| {
            let event = Some(event);
            on_rest(RawEvent { event, raw: &rest });
            is_told = true;
        };
        if self.decoder.feed(&rest, &mut tell).is_ok() {
            self.decoder.finish(&mut tell);
        }
        if !is_told {
            on_rest(RawEvent {
                event: None,
                raw: &rest,
            });
        }
    }

    /// Gives out whole stretches. Gives back the rest.
    fn cut<'b>(
        &mut self,
        mut bytes: &'b [u8],
        on_event: &mut impl FnMut(RawEvent<'_>),
    ) -> Result<&'b [u8], FrameError> {
        loop {
            let end = match search(bytes, self.line, self.seen) {
                Found::End(end) => end,
                Found::Open { line, seen } => {
                    (self.line, self.seen) = (line, seen);
                    return Ok(bytes);
                }
            };
            let (raw, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            self.give(raw, on_event)?;
            self.offset += u64::try_from(raw.len()).unwrap_or(u64::MAX);
            (self.line, self.seen) = (0, 0);
            bytes = rest;
        }
    }

    fn give(
        &mut self,
        raw: &[u8],
        on_event: &mut impl FnMut(RawEvent<'_>),
    ) -> Result<(), FrameError> {
        let mut is_told = false;
        self.decoder.feed(raw, |event| {
            let event = Some(event);
            on_event(RawEvent { event, raw });
            is_told = true;
        })?;
        if !is_told {
            on_event(RawEvent { event: None, raw });
        }
        Ok(())
    }
}

/// Looks for the first blank line, in lines that begin at `line`, of which nothing before `seen`
/// ends one.
fn search(bytes: &[u8], mut line: usize, mut seen: usize) -> Found {
    while let Some(rest) = bytes.get(seen..).filter(|rest| !rest.is_empty()) {
        let Some(length) = memchr2(b'\n', b'\r', rest) else {
            seen = bytes.len();
            break;
        };
        let at = seen + length;
        let next = match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => at + 2,
            (Some(b'\r'), None) => return Found::Open { line, seen: at },
            _ => at + 1,
        };
        if at == line {
            return Found::End(next);
        }
        (line, seen) = (next, next);
    }
    Found::Open { line, seen }
}

impl fmt::Debug for SseSplitter {
    /// Shows sizes only: what a stream says is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseSplitter")
            .field("kept", &self.kept.len())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
