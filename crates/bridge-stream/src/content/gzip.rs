//! Gzip: members, one behind the other (RFC 1952).

use flate2::{Crc, Decompress};

use super::inflate::inflate;
use super::stage::{Cause, Step};

/// The bytes that every member begins with: identification and method, then flags, time, extra
/// flags and system.
const HEAD: usize = 10;

/// A checksum and a length.
const TRAILER: usize = 8;

const HAS_HEAD_CHECK: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Decodes gzip.
pub(super) struct Gzip {
    part: Part,
    /// What the head still promises.
    flags: u8,
    blocks: Decompress,
    crc: Crc,
}

/// Where in a member we are.
enum Part {
    Head {
        seen: usize,
    },
    ExtraLength {
        low: Option<u8>,
    },
    Skipped {
        left: usize,
    },
    Text,
    Blocks,
    Trailer {
        seen: usize,
        expected: [u8; TRAILER],
    },
}

impl Default for Gzip {
    fn default() -> Self {
        Self {
            part: Part::Head { seen: 0 },
            flags: 0,
            blocks: Decompress::new(false),
            crc: Crc::new(),
        }
    }
}

impl Gzip {
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Cause> {
        if matches!(self.part, Part::Blocks) {
            return self.inflate(input, output);
        }
        let mut read = 0;
        for byte in input {
            self.frame(*byte)?;
            read += 1;
            if matches!(self.part, Part::Blocks) {
                break;
            }
        }
        Ok(Step { read, written: 0 })
    }

    /// Only a whole member may be the last one.
    pub(super) fn is_at_end(&self) -> bool {
        matches!(self.part, Part::Head { seen: 0 })
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Cause> {
        let (step, has_ended) = inflate(&mut self.blocks, input, output)?;
        self.crc
            .update(output.get(..step.written).unwrap_or_default());
        if has_ended {
            let [a, b, c, d] = self.crc.sum().to_le_bytes();
            let [e, f, g, h] = self.crc.amount().to_le_bytes();
            let expected = [a, b, c, d, e, f, g, h];
            self.part = Part::Trailer { seen: 0, expected };
        }
        Ok(step)
    }

    /// One byte of a head or a trailer.
    fn frame(&mut self, byte: u8) -> Result<(), Cause> {
        match &mut self.part {
            Part::Head { seen } => {
                match (*seen, byte) {
                    (0, 0x1F) | (1, 0x8B) | (2, 8) | (4.., _) => {}
                    (3, flags) if flags & RESERVED == 0 => self.flags = flags,
                    _ => return Err("no gzip member".into()),
                }
                *seen += 1;
                if *seen == HEAD {
                    self.next_part();
                }
            }
            Part::ExtraLength { low: low @ None } => *low = Some(byte),
            Part::ExtraLength { low: Some(low) } => {
                let left = usize::from(u16::from_le_bytes([*low, byte]));
                self.skip(left);
            }
            Part::Skipped { left } => {
                let left = *left - 1;
                self.skip(left);
            }
            Part::Text if byte == 0 => self.next_part(),
            Part::Text | Part::Blocks => {}
            Part::Trailer { seen, expected } => {
                if expected.get(*seen) != Some(&byte) {
                    return Err("checksum or length is wrong".into());
                }
                *seen += 1;
                if *seen == TRAILER {
                    *self = Self::default();
                }
            }
        }
        Ok(())
    }

    fn skip(&mut self, left: usize) {
        if left == 0 {
            self.next_part();
        } else {
            self.part = Part::Skipped { left };
        }
    }

    /// The parts of a head come in a fixed order, each if its flag is set.
    fn next_part(&mut self) {
        self.part = if self.takes(HAS_EXTRA) {
            Part::ExtraLength { low: None }
        } else if self.takes(HAS_NAME) || self.takes(HAS_COMMENT) {
            Part::Text
        } else if self.takes(HAS_HEAD_CHECK) {
            Part::Skipped { left: 2 }
        } else {
            Part::Blocks
        };
    }

    fn takes(&mut self, flag: u8) -> bool {
        let is_set = self.flags & flag != 0;
        self.flags &= !flag;
        is_set
    }
}
