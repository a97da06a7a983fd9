//! Brotli (RFC 7932).

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

use super::stage::{Cause, Step, after_end};

type State = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// Decodes `br` content.
pub(super) struct Brotli {
    state: Box<State>,
    has_ended: bool,
}

impl Default for Brotli {
    fn default() -> Self {
        // Strict: without the large windows that are no part of the RFC, and which would let a few
        // bytes ask for a gigabyte of memory.
        let alloc = StandardAlloc::default;
        Self {
            state: Box::new(State::new_strict(alloc(), alloc(), alloc())),
            has_ended: false,
        }
    }
}

impl Brotli {
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Cause> {
        if self.has_ended {
            return after_end(input);
        }
        let (mut left, mut read) = (input.len(), 0);
        let (mut room, mut written, mut total) = (output.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            input,
            &mut room,
            &mut written,
            output,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err("invalid brotli stream".into()),
            BrotliResult::ResultSuccess => self.has_ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Step { read, written })
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.has_ended
    }
}
