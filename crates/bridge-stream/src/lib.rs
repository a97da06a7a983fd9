//! Event streams and content codings, by pieces: bytes in, events out.
//!
//! Whoever relays a stream sees it in pieces that end anywhere. This crate follows such a stream
//! without holding it up: [`SseDecoder`] gives out the events that a piece completes and says
//! where the last whole one ends, [`SseSplitter`] gives them out with the bytes that they are
//! written in, [`ContentDecoder`] undoes a `Content-Encoding` on the way, and
//! [`EventStreamDecoder`] reads AWS's binary messages and checks their checksums.
//!
//! It opens no sockets, spawns nothing, knows no clock, and never learns what the data means: JSON
//! is somebody else's matter. Everything it holds has a limit.
//!
//! ```
//! use bridge_stream::{ContentDecoder, Encoding, Limits, SseDecoder};
//!
//! let mut content = ContentDecoder::new(&Encoding::from_header(b"identity")?, 1 << 20);
//! let mut events = SseDecoder::new(Limits::default());
//! let (mut plain, mut seen) = (Vec::new(), Vec::new());
//! for piece in [&b"event: greeting\nda"[..], b"ta: hello\n\n"] {
//!     plain.clear();
//!     content.feed(piece, &mut plain)?;
//!     events.feed(&plain, |event| seen.push((event.name.to_owned(), event.data.to_vec())))?;
//! }
//! assert_eq!(seen, [("greeting".to_owned(), b"hello".to_vec())]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aws;
mod content;
mod error;
mod limits;
mod sse;

pub use aws::{EventStreamDecoder, EventStreamMessage};
pub use content::{ContentDecoder, Encoding};
pub use error::{DecodeError, EventStreamError, FrameError, UnknownEncoding};
pub use limits::Limits;
pub use sse::{RawEvent, SseDecoder, SseEvent, SseSplitter};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
