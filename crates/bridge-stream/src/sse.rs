//! Server-sent events.

mod decode;
mod encode;
mod split;

pub use self::decode::SseDecoder;
pub use self::split::{RawEvent, SseSplitter};

/// One event. It borrows from the piece it came in, or from the decoder if it was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseEvent<'a> {
    /// The event's type. `message` when the stream names none, as the standard has it.
    pub name: &'a str,
    /// The event's data. Several data lines are joined by a line feed.
    pub data: &'a [u8],
}
