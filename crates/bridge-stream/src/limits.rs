//! Sizes beyond which decoding stops.

/// How much of a stream a decoder is willing to hold.
///
/// A decoder holds at most one unfinished line and the data of one unfinished event, and for a
/// moment the line twice, so its memory is bounded by the two. The defaults are lenient: a provider may put a generated image
/// into one event, but nothing sends more than a few megabytes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes a line may have, without its end. Default 16 MiB.
    pub line_bytes: usize,
    /// How many bytes the name and the data of an event may have together. Default 16 MiB.
    pub event_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 16 << 20,
            event_bytes: 16 << 20,
        }
    }
}
