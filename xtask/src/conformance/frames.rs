//! Binary event streams, written from the format's public description, and nothing of the program
//! that is to read them.
//!
//! A frame is its length, the length of its headers, a CRC-32 of those two, headers, payload, and a
//! CRC-32 of all before it; numbers are big-endian.
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>

use data_encoding::BASE64;

/// The type of a header's value that is text.
const TEXT: u8 = 7;

/// The frames for a script of one a line: `chunk JSON`, `exception TYPE JSON`, `unknown JSON`, or
/// `damaged JSON`, a chunk whose payload is not the one that its checksum was made of. Nothing when
/// a line is none of these.
pub(super) fn of_script(script: &str) -> Option<Vec<u8>> {
    let mut frames = Vec::new();
    for line in script.lines().filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "chunk" => frames.extend(chunk(rest)),
            "damaged" => {
                let mut frame = chunk(rest);
                let at = frame.len() - 8;
                *frame.get_mut(at)? ^= 0x20;
                frames.extend(frame);
            }
            "exception" => {
                let (kind, said) = rest.split_once(' ')?;
                let headers = [(":message-type", "exception"), (":exception-type", kind)];
                frames.extend(frame(&headers, said));
            }
            "unknown" => {
                let headers = [(":message-type", "event"), (":event-type", "tomorrow")];
                frames.extend(frame(&headers, rest));
            }
            _ => return None,
        }
    }
    Some(frames)
}

/// The frames that carry the events of a text stream.
pub(super) fn of_events(stream: &str) -> Vec<u8> {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.flat_map(chunk).collect()
}

fn chunk(event: &str) -> Vec<u8> {
    let payload = serde_json::json!({"bytes": BASE64.encode(event.as_bytes()), "p": "abcdefgh"});
    let headers = [
        (":event-type", "chunk"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    frame(&headers, &payload.to_string())
}

fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut written = Vec::new();
    for (name, value) in headers {
        // They are a few letters long.
        written.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        written.extend_from_slice(name.as_bytes());
        written.push(TEXT);
        written.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        written.extend_from_slice(value.as_bytes());
    }
    let mut frame = Vec::new();
    frame.extend(number(16 + written.len() + payload.len()));
    frame.extend(number(written.len()));
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(written);
    frame.extend_from_slice(payload.as_bytes());
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn number(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_publicly_known_empty_message() {
        let known = [
            0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff,
        ];
        assert_eq!(frame(&[], ""), known);
    }

    #[test]
    fn scripts() {
        let chunk = of_script("chunk {\"type\":\"ping\"}\n").unwrap();
        assert_eq!(
            chunk,
            of_events("event: ping\ndata: {\"type\":\"ping\"}\n\n")
        );
        let damaged = of_script("damaged {\"type\":\"ping\"}").unwrap();
        assert_eq!(damaged.len(), chunk.len());
        assert_ne!(damaged, chunk);
        assert_eq!(of_script("something else"), None);
        assert!(of_script("exception throttlingException {}").is_some());
    }
}
