//! What can be wrong with a stream.

use std::error::Error;

use crate::Encoding;

/// A stream of events cannot be followed any further.
///
/// Offsets count bytes from the beginning of the stream and do not depend on how it was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A line is longer than [`Limits::line_bytes`](crate::Limits::line_bytes).
    #[error("line at offset {offset} is longer than {limit} bytes")]
    LineTooLong {
        /// Where the line begins.
        offset: u64,
        /// The limit.
        limit: usize,
    },
    /// An event is larger than [`Limits::event_bytes`](crate::Limits::event_bytes).
    #[error("event grows beyond {limit} bytes at offset {offset}")]
    EventTooLarge {
        /// Where the line begins that made it too large.
        offset: u64,
        /// The limit.
        limit: usize,
    },
}

/// A stream of AWS's messages cannot be followed any further.
///
/// Offsets say where the message begins: bytes from the beginning of the stream, however it was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventStreamError {
    /// The checksum of a message's lengths is wrong.
    #[error("message at offset {offset} has damaged lengths")]
    PreludeChecksum {
        /// Where it begins.
        offset: u64,
    },
    /// The checksum of a whole message is wrong.
    #[error("message at offset {offset} is damaged")]
    MessageChecksum {
        /// Where it begins.
        offset: u64,
    },
    /// The lengths of a message do not fit each other, or its headers are too long.
    #[error("message at offset {offset} has impossible lengths")]
    Lengths {
        /// Where it begins.
        offset: u64,
    },
    /// A message is larger than is tolerated.
    #[error("message at offset {offset} is larger than {limit} bytes")]
    TooLarge {
        /// Where it begins.
        offset: u64,
        /// The limit.
        limit: usize,
    },
    /// The headers of a message are not well formed.
    #[error("message at offset {offset} has headers that cannot be read")]
    Headers {
        /// Where it begins.
        offset: u64,
    },
    /// The stream ended inside a message.
    #[error("stream ends inside the message at offset {offset}")]
    Truncated {
        /// Where it begins.
        offset: u64,
    },
}

/// A content coding cannot be undone.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The content is larger than it may be. What was within the limit has been given out.
    #[error("content is larger than {limit} bytes when decoded")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The bytes are not what the coding promises.
    #[error("{encoding} content is corrupt")]
    Corrupt {
        /// The coding.
        encoding: Encoding,
        /// What the decoder says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The content stops before its end.
    #[error("{encoding} content stops before its end")]
    Truncated {
        /// The coding.
        encoding: Encoding,
    },
    /// The decoder has failed or was finished before.
    #[error("content decoder is used up")]
    UsedUp,
}

/// A `Content-Encoding` header cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownEncoding {
    /// This coding is unknown. Only the first 32 bytes of its name are kept.
    #[error("unknown content coding {name:?}")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// More codings are piled up than anybody needs.
    #[error("more than {limit} content codings")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}
