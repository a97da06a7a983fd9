//! The compressed blocks that gzip and deflate share (RFC 1951).

use flate2::{Decompress, FlushDecompress, Status};

use super::stage::{Cause, Step};

/// Reads some input and writes some output. Says whether the last block has ended.
pub(super) fn inflate(
    decompress: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Step, bool), Cause> {
    let (read, written) = (decompress.total_in(), decompress.total_out());
    let status = decompress.decompress(input, output, FlushDecompress::None)?;
    let step = Step {
        read: difference(decompress.total_in(), read),
        written: difference(decompress.total_out(), written),
    };
    Ok((step, status == Status::StreamEnd))
}

/// No step is longer than its slices.
fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}
