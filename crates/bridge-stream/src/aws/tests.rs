use super::*;
use crate::EventStreamError;

/// The example of an empty message in AWS's description of the format.
const EMPTY: [u8; 16] = [
    0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff,
];

/// What comes out of a stream that is fed as a whole.
fn read(bytes: &[u8], limit: usize) -> (Vec<Vec<u8>>, Result<(), EventStreamError>) {
    let mut decoder = EventStreamDecoder::new(limit);
    let mut payloads = Vec::new();
    let fed = decoder.feed(bytes, |message| payloads.push(message.payload.to_vec()));
    (payloads, fed.and_then(|()| decoder.finish()))
}

fn written(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(EventStreamMessage::write(headers, payload, &mut out));
    out
}

/// A message with these bytes as headers.
fn with_headers(headers: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let total = u32::try_from(SMALLEST + headers.len()).unwrap();
    out.extend_from_slice(&total.to_be_bytes());
    out.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

#[test]
fn the_published_example_is_read_and_written() {
    assert_eq!(read(&EMPTY, 16), (vec![Vec::new()], Ok(())));
    assert_eq!(written(&[], b""), EMPTY);
}

#[test]
fn text_headers_are_found_among_others() {
    let headers = [
        &b"\x01t\x00"[..],
        b"\x01f\x01",
        b"\x01b\x02\xff",
        b"\x01s\x03\x00\x01",
        b"\x01i\x04\x00\x00\x00\x01",
        b"\x01l\x05\x00\x00\x00\x00\x00\x00\x00\x01",
        b"\x01y\x06\x00\x02\xff\xfe",
        b"\x05:type\x07\x00\x05chunk",
        b"\x05:type\x07\x00\x05later",
        b"\x01w\x08\x00\x00\x00\x00\x00\x00\x00\x01",
        b"\x01u\x09\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
        b"\x01x\x07\x00\x01\xff",
    ];
    let mut seen = 0;
    let fed = EventStreamDecoder::new(1_000).feed(&with_headers(&headers.concat()), |message| {
        seen += 1;
        assert_eq!(message.text(":type"), Some("chunk"));
        assert_eq!(message.text("y"), None, "bytes are no text");
        assert_eq!(message.text("x"), None, "not UTF-8");
        assert_eq!(message.text("none"), None);
    });
    assert_eq!((seen, fed), (1, Ok(())));
}

#[test]
fn headers_that_are_not_well_formed_are_refused() {
    for headers in [
        &b"\x00\x00"[..],
        b"\x05ab\x00",
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\x07\x00",
        b"\x01a\x07\x00\x02a",
        b"\x01a\x09\x00",
        b"\x01a\x00\x01",
    ] {
        let (payloads, outcome) = read(&with_headers(headers), 1_000);
        assert_eq!(
            outcome,
            Err(EventStreamError::Headers { offset: 0 }),
            "{headers:?}"
        );
        assert_eq!(payloads.len(), 0);
    }
}

#[test]
fn damage_is_noticed_wherever_it_is() {
    let first = written(&[(":event-type", "chunk")], b"{\"bytes\":\"e30=\"}");
    let offset = u64::try_from(first.len()).unwrap();
    let stream = [first.clone(), first.clone()].concat();
    for at in first.len()..stream.len() {
        let mut damaged = stream.clone();
        damaged[at] ^= 0x10;
        let (payloads, outcome) = read(&damaged, 1_000);
        assert_eq!(payloads.len(), 1, "the message before is good");
        let expected = if at < first.len() + PRELUDE {
            EventStreamError::PreludeChecksum { offset }
        } else {
            EventStreamError::MessageChecksum { offset }
        };
        assert_eq!(outcome, Err(expected), "{at}");
    }
}

#[test]
fn a_stream_that_stops_inside_a_message_is_truncated() {
    let stream = [written(&[], b"one"), written(&[("a", "b")], b"two")].concat();
    let offset = u64::try_from(SMALLEST + 3).unwrap();
    for length in 0..=stream.len() {
        let (_, outcome) = read(&stream[..length], 1_000);
        let expected = match length {
            0 | 19 => Ok(()),
            _ if length == stream.len() => Ok(()),
            1..19 => Err(EventStreamError::Truncated { offset: 0 }),
            _ => Err(EventStreamError::Truncated { offset }),
        };
        assert_eq!(outcome, expected, "{length}");
    }
}

#[test]
fn limits_and_lengths_are_checked_before_anything_is_held() {
    let message = written(&[], &[7; 100]);
    assert_eq!(read(&message, 116).1, Ok(()));
    let too_large = EventStreamError::TooLarge {
        offset: 0,
        limit: 115,
    };
    assert_eq!(read(&message[..PRELUDE], 115).1, Err(too_large));

    for (total, headers) in [
        (15_u32, 0_u32),
        (0, 0),
        (100, 85),
        (16, 1),
        (1 << 20, 200_000),
    ] {
        let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        prelude.extend_from_slice(&crc32fast::hash(&prelude).to_be_bytes());
        let outcome = read(&prelude, 2 << 20).1;
        assert_eq!(
            outcome,
            Err(EventStreamError::Lengths { offset: 0 }),
            "{total} {headers}"
        );
    }
}

#[test]
fn after_an_error_nothing_is_read() {
    let mut decoder = EventStreamDecoder::new(1_000);
    let failed = decoder.feed(&[0; 12], |_| {}).unwrap_err();
    let again = decoder.feed(&EMPTY, |_| panic!("a message"));
    assert_eq!(again, Err(failed));
    assert_eq!(decoder.finish(), Err(failed));
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let mut out = b"before".to_vec();
    let long = "x".repeat(70_000);
    for headers in [[("", "v")], [(&long[..256], "v")], [("a", &long)]] {
        assert!(!EventStreamMessage::write(&headers, b"", &mut out));
        assert_eq!(out, b"before");
    }
}
