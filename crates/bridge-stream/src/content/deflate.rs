//! Deflate, wrapped or bare.

use flate2::Decompress;

use super::inflate::inflate;
use super::stage::{Cause, Step, after_end};

/// Decodes `deflate` content. The name means the zlib wrapping (RFC 1950), but some senders leave
/// it out (RFC 9110, section 8.4.1.2); the first two bytes tell.
#[derive(Default)]
pub(super) enum Deflate {
    /// Nothing has come yet.
    #[default]
    Empty,
    /// The first byte alone does not tell.
    First(u8),
    Blocks(Decompress),
    Ended,
}

impl Deflate {
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Cause> {
        match (&mut *self, input) {
            (Self::Ended, _) => after_end(input),
            (Self::Empty, [first, ..]) => {
                *self = Self::First(*first);
                Ok(Step {
                    read: 1,
                    written: 0,
                })
            }
            (Self::First(first), [second, ..]) => {
                let first = *first;
                let mut blocks = Decompress::new(is_wrapped(first, *second));
                // A first byte never completes anything.
                inflate(&mut blocks, &[first], output)?;
                *self = Self::Blocks(blocks);
                self.step(input, output)
            }
            (Self::Empty | Self::First(_), []) => Ok(Step {
                read: 0,
                written: 0,
            }),
            (Self::Blocks(blocks), _) => {
                let (step, has_ended) = inflate(blocks, input, output)?;
                if has_ended {
                    *self = Self::Ended;
                }
                Ok(step)
            }
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        matches!(self, Self::Ended)
    }
}

/// Whether these are the first two bytes of a zlib wrapping: method 8, a window of at most 32 KiB,
/// and a check that makes them a multiple of 31 (RFC 1950, section 2.2). A bare stream could begin
/// so only with padding bits that no compressor sets.
fn is_wrapped(first: u8, second: u8) -> bool {
    first & 0x0F == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}
