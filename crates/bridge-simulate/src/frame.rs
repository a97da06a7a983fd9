//! Frames of `application/vnd.amazon.eventstream`.
//!
//! The format is public: a frame is its length, the length of its headers and a CRC-32 of those
//! two, then headers and payload, then a CRC-32 of all before it; numbers are big-endian.
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>

use bytes::{BufMut, Bytes, BytesMut};
use data_encoding::BASE64;
use serde_json::json;

/// Length, length of headers, and their checksum.
const PRELUDE: usize = 12;
/// The checksum at the end.
const TRAILER: usize = 4;
/// The type of header values that are text.
const TEXT: u8 = 7;

/// What padding is cut from. Frames are padded so that their length says little of the text.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Writes a frame with an event of the model in it, as JSON.
pub(crate) fn chunk(event: &[u8], out: &mut BytesMut) {
    let padding = PADDING.get(..event.len() % PADDING.len()).unwrap_or("");
    let payload = json!({"bytes": BASE64.encode(event), "p": padding}).to_string();
    let headers = [
        (":event-type", "chunk"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    frame(&headers, payload.as_bytes(), out);
}

/// The frame by which a stream says that it has failed.
pub(crate) fn exception(kind: &str, message: &str) -> Bytes {
    let mut out = BytesMut::new();
    let headers = [
        (":exception-type", kind),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    frame(
        &headers,
        json!({"message": message}).to_string().as_bytes(),
        &mut out,
    );
    out.freeze()
}

/// A frame whose payload is not the one that its checksum was made of.
pub(crate) fn spoiled() -> Bytes {
    let mut out = BytesMut::new();
    chunk(br#"{"type":"ping"}"#, &mut out);
    let at = out.len() - TRAILER - 3;
    if let Some(byte) = out.get_mut(at) {
        *byte ^= 1;
    }
    out.freeze()
}

fn frame(headers: &[(&str, &str)], payload: &[u8], out: &mut BytesMut) {
    let start = out.len();
    let header_bytes: usize = headers
        .iter()
        .map(|(name, value)| 4 + name.len() + value.len())
        .sum();
    let length = PRELUDE + header_bytes + payload.len() + TRAILER;
    out.put_u32(narrow(length));
    out.put_u32(narrow(header_bytes));
    let prelude = checksum(out, start);
    out.put_u32(prelude);
    for (name, value) in headers {
        // Names and values are a few letters long.
        out.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.put_slice(name.as_bytes());
        out.put_u8(TEXT);
        out.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        out.put_slice(value.as_bytes());
    }
    out.put_slice(payload);
    let whole = checksum(out, start);
    out.put_u32(whole);
}

/// Of all that was written from `start` on.
fn checksum(out: &BytesMut, start: usize) -> u32 {
    crc32fast::hash(out.get(start..).unwrap_or_default())
}

/// Events are limited to megabytes.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published test vector `all_headers` has other header types; this one is put together by
    /// hand from the format's description.
    #[test]
    fn a_frame_is_what_the_format_says() {
        let mut out = BytesMut::new();
        frame(&[("a", "bc")], b"{}", &mut out);
        let mut wanted = vec![0, 0, 0, 25, 0, 0, 0, 7];
        wanted.extend(crc32fast::hash(&wanted).to_be_bytes());
        wanted.extend([1, b'a', 7, 0, 2, b'b', b'c', b'{', b'}']);
        wanted.extend(crc32fast::hash(&wanted).to_be_bytes());
        assert_eq!(out, wanted);
        assert_eq!(out.len(), 25);
    }

    #[test]
    fn checksums_are_those_of_the_publicly_known_empty_message() {
        // aws-c-event-stream, test vector `empty_message`.
        let mut out = BytesMut::new();
        frame(&[], b"", &mut out);
        assert_eq!(
            out.as_ref(),
            [
                0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff
            ]
        );
    }

    #[test]
    fn a_spoiled_frame_is_spoiled_in_its_payload_alone() {
        let mut whole = BytesMut::new();
        chunk(br#"{"type":"ping"}"#, &mut whole);
        let spoiled = spoiled();
        let differ = whole.iter().zip(&spoiled).filter(|(a, b)| a != b).count();
        assert_eq!((differ, spoiled.len()), (1, whole.len()));
    }
}
