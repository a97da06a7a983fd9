//! One coding on its way, whatever it is.

use std::error::Error;
use std::fmt;

use super::brotli::Brotli;
use super::deflate::Deflate;
use super::gzip::Gzip;
use super::zstd::Zstd;
use crate::{DecodeError, Encoding};

/// How much comes out of a coding at once.
const CHUNK: usize = 16 << 10;

/// What a decoder says when it can go no further.
pub(super) type Cause = Box<dyn Error + Send + Sync>;

/// What one step did.
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
}

/// One coding, with its own limit.
pub(super) struct Stage {
    codec: Codec,
    encoding: Encoding,
    limit: usize,
    given: usize,
    has_begun: bool,
    chunk: Box<[u8]>,
}

enum Codec {
    Gzip(Gzip),
    Deflate(Deflate),
    Brotli(Brotli),
    Zstd(Zstd),
}

impl Stage {
    pub(super) fn new(encoding: Encoding, limit: usize) -> Self {
        let codec = match encoding {
            Encoding::Gzip => Codec::Gzip(Gzip::default()),
            Encoding::Deflate => Codec::Deflate(Deflate::default()),
            Encoding::Brotli => Codec::Brotli(Brotli::default()),
            Encoding::Zstd => Codec::Zstd(Zstd::default()),
        };
        Self {
            codec,
            encoding,
            limit,
            given: 0,
            has_begun: false,
            chunk: vec![0; CHUNK].into_boxed_slice(),
        }
    }

    /// Decodes all of `input`, and gives out everything that is complete with it.
    pub(super) fn run(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        // Nothing was left behind by the piece before, and zstd refuses to be asked too often.
        if input.is_empty() {
            return Ok(());
        }
        self.has_begun = true;
        loop {
            let step = self.codec.step(input, &mut self.chunk);
            let step = step.map_err(|source| self.corrupt(source))?;
            self.give(step.written, out)?;
            input = input.get(step.read..).unwrap_or_default();
            // As long as something comes there may be more behind it, even if it did not fill the
            // chunk: inflate stops at the end of its own window too.
            if step.written == 0 && input.is_empty() {
                return Ok(());
            }
            if step.written == 0 && step.read == 0 {
                return Err(self.corrupt("no progress".into()));
            }
        }
    }

    /// Whether the content may end here.
    pub(super) fn check_end(&self) -> Result<(), DecodeError> {
        if self.has_begun && !self.codec.is_at_end() {
            return Err(DecodeError::Truncated {
                encoding: self.encoding,
            });
        }
        Ok(())
    }

    fn give(&mut self, written: usize, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let fits = written.min(self.limit - self.given);
        out.extend_from_slice(self.chunk.get(..fits).unwrap_or_default());
        self.given += fits;
        if fits < written {
            return Err(DecodeError::TooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn corrupt(&self, source: Cause) -> DecodeError {
        DecodeError::Corrupt {
            encoding: self.encoding,
            source,
        }
    }
}

impl Codec {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Cause> {
        match self {
            Self::Gzip(codec) => codec.step(input, output),
            Self::Deflate(codec) => codec.step(input, output),
            Self::Brotli(codec) => codec.step(input, output),
            Self::Zstd(codec) => codec.step(input, output),
        }
    }

    fn is_at_end(&self) -> bool {
        match self {
            Self::Gzip(codec) => codec.is_at_end(),
            Self::Deflate(codec) => codec.is_at_end(),
            Self::Brotli(codec) => codec.is_at_end(),
            Self::Zstd(codec) => codec.is_at_end(),
        }
    }
}

/// What a coding that has ended does with more bytes: nothing may follow it.
pub(super) fn after_end(input: &[u8]) -> Result<Step, Cause> {
    if !input.is_empty() {
        return Err("bytes after the end".into());
    }
    Ok(Step {
        read: 0,
        written: 0,
    })
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("encoding", &self.encoding)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}
