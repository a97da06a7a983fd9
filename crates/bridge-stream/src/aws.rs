//! AWS event streams: binary messages with headers, a payload and two checksums.
//!
//! A message is laid out as follows, with numbers in network byte order:
//!
//! ```text
//! total length     4 bytes, of the whole message
//! headers length   4 bytes
//! checksum         4 bytes, CRC-32 of the eight before
//! headers          each: length of the name (1), name, kind (1), value
//! payload          what is left
//! checksum         4 bytes, CRC-32 of everything before
//! ```

mod decode;
mod encode;

pub use self::decode::EventStreamDecoder;

/// How many bytes stand before the headers.
const PRELUDE: usize = 12;
/// How many bytes a checksum has.
const CHECKSUM: usize = 4;
/// The smallest message: no headers, no payload.
const SMALLEST: usize = PRELUDE + CHECKSUM;
/// How many bytes the headers of a message may have: what AWS's own libraries allow.
const HEADERS_LIMIT: usize = 128 << 10;
/// The kind of a header whose value is text. Its length stands before it, in two bytes.
const TEXT: u8 = 7;

/// One message. It borrows from the piece it came in, or from the decoder if it was cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventStreamMessage<'a> {
    /// The headers, of which every length has been checked.
    headers: &'a [u8],
    /// What the message carries.
    pub payload: &'a [u8],
}

impl<'a> EventStreamMessage<'a> {
    /// The value of a header that is text. The first one of the name counts.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        let mut headers = Headers(self.headers);
        let found = headers.find(|header| header.name == name.as_bytes() && header.kind == TEXT)?;
        std::str::from_utf8(found.value).ok()
    }

    /// How many bytes the headers have.
    #[must_use]
    pub fn headers_len(&self) -> usize {
        self.headers.len()
    }
}

impl std::fmt::Debug for EventStreamMessage<'_> {
    /// Shows sizes only: what a stream says is nobody's business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStreamMessage")
            .field("headers_bytes", &self.headers.len())
            .field("payload_bytes", &self.payload.len())
            .finish()
    }
}

/// One header, whose value is not read yet.
struct Header<'a> {
    name: &'a [u8],
    kind: u8,
    /// Without the length that stands before it.
    value: &'a [u8],
}

/// Walks over headers. Ends early where they are not well formed.
struct Headers<'a>(&'a [u8]);

impl<'a> Headers<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn header(&mut self) -> Option<Header<'a>> {
        let [length] = *self.take(1)?.first_chunk()?;
        let name = self
            .take(usize::from(length))
            .filter(|name| !name.is_empty())?;
        let [kind] = *self.take(1)?.first_chunk()?;
        let length = match kind {
            // True and false are said by the kind alone.
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            // A number and a time.
            5 | 8 => 8,
            // Bytes and text.
            6 | TEXT => usize::from(u16::from_be_bytes(*self.take(2)?.first_chunk()?)),
            // A UUID.
            9 => 16,
            _ => return None,
        };
        let value = self.take(length)?;
        Some(Header { name, kind, value })
    }

    /// Whether all of them are well formed.
    fn are_whole(mut self) -> bool {
        while !self.0.is_empty() {
            if self.header().is_none() {
                return false;
            }
        }
        true
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.0.is_empty() {
            return None;
        }
        self.header()
    }
}

#[cfg(test)]
mod tests;
