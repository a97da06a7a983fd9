//! Messages into bytes, for whoever plays a provider.

use super::{EventStreamMessage, PRELUDE, SMALLEST, TEXT};

impl EventStreamMessage<'_> {
    /// Appends a message with these headers, all of them text.
    ///
    /// Says whether it did: a name of more than 255 bytes or of none, a value of more than 65,535
    /// bytes, and a message of more than 4 GiB cannot be written, and then nothing is.
    #[must_use]
    pub fn write(headers: &[(&str, &str)], payload: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let is_written = try_write(headers, payload, out, start).is_some();
        if !is_written {
            out.truncate(start);
        }
        is_written
    }
}

fn try_write(
    headers: &[(&str, &str)],
    payload: &[u8],
    out: &mut Vec<u8>,
    start: usize,
) -> Option<()> {
    let header = |(name, value): &(&str, &str)| 4 + name.len() + value.len();
    let headers_length: usize = headers.iter().map(header).sum();
    let total = SMALLEST + headers_length + payload.len();
    out.reserve(total);
    out.extend_from_slice(&u32::try_from(total).ok()?.to_be_bytes());
    out.extend_from_slice(&u32::try_from(headers_length).ok()?.to_be_bytes());
    checksum(out, start);
    debug_assert_eq!(out.len(), start + PRELUDE, "the prelude has a fixed length");
    for (name, value) in headers {
        out.push(u8::try_from(name.len()).ok().filter(|length| *length > 0)?);
        out.extend_from_slice(name.as_bytes());
        out.push(TEXT);
        out.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(payload);
    checksum(out, start);
    Some(())
}

/// Appends the checksum of everything from `start` on.
fn checksum(out: &mut Vec<u8>, start: usize) {
    let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_be_bytes());
}
