//! Zstandard: frames, one behind the other (RFC 8878).

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::stage::{Cause, Step};

/// The largest window of the content coding is 8 MiB (RFC 9659, section 3), so that nobody need
/// set more memory aside for one stream.
const WINDOW_LOG: u32 = 23;

/// Decodes `zstd` content.
#[derive(Default)]
pub(super) struct Zstd {
    /// Made with the first bytes.
    decoder: Option<Decoder<'static>>,
    is_in_frame: bool,
}

impl Zstd {
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Cause> {
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            None => self.decoder.insert(decoder()?),
        };
        let mut input = InBuffer::around(input);
        let mut output = OutBuffer::around(output);
        let wanted = decoder.run(&mut input, &mut output)?;
        let step = Step {
            read: input.pos(),
            written: output.pos(),
        };
        // Without progress it only repeats how much the next frame would need.
        if step.read > 0 || step.written > 0 {
            self.is_in_frame = wanted != 0;
        }
        Ok(step)
    }

    pub(super) fn is_at_end(&self) -> bool {
        !self.is_in_frame
    }
}

fn decoder() -> Result<Decoder<'static>, Cause> {
    let mut decoder = Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
    Ok(decoder)
}
