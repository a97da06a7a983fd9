//! However a stream of AWS messages is cut into pieces, the same messages come out, and the same
//! error; and a message that came out can be written, and is the same message again.
#![no_main]

use bridge_stream::{EventStreamDecoder, EventStreamError, EventStreamMessage};
use libfuzzer_sys::fuzz_target;

/// What came out of one stream: a header, how long the headers are, and the payload.
type Messages = Vec<(Option<String>, usize, Vec<u8>)>;

fuzz_target!(|data: &[u8]| {
    // The first byte says how large messages may be, the second how the rest is cut, the third
    // whether checksums are put right, without which little would get past them.
    let [limit, cuts, mend, rest @ ..] = data else {
        return;
    };
    let mut stream = rest.to_vec();
    if mend % 4 != 0 {
        mended(&mut stream);
    }
    let limit = 16 + 8 * usize::from(*limit);
    let whole = hear(limit, [stream.as_slice()].into_iter());
    for size in [1, usize::from(*cuts % 17) + 2] {
        assert_eq!(whole, hear(limit, stream.chunks(size)));
    }
    for (kind, _, payload) in whole.0 {
        check_written(kind.as_deref(), &payload);
    }
});

fn hear<'p>(
    limit: usize,
    pieces: impl Iterator<Item = &'p [u8]>,
) -> (Messages, Result<(), EventStreamError>) {
    let mut decoder = EventStreamDecoder::new(limit);
    let mut messages = Messages::new();
    for piece in pieces {
        let fed = decoder.feed(piece, |message| {
            assert!(message.payload.len() + message.headers_len() + 16 <= limit);
            let kind = message.text(":event-type").map(str::to_owned);
            messages.push((kind, message.headers_len(), message.payload.to_vec()));
        });
        if let Err(error) = fed {
            assert_eq!(decoder.feed(b"more", |_| panic!("a message")), Err(error));
            break;
        }
    }
    let outcome = decoder.finish();
    (messages, outcome)
}

/// Gives messages the checksums that they would have, and lengths that fit what is there.
fn mended(stream: &mut [u8]) {
    let mut rest = stream;
    while rest.len() >= 16 {
        let total = usize::from(rest[3]).clamp(16, rest.len());
        let headers = usize::from(rest[7]).min(total - 16);
        let (message, later) = rest.split_at_mut(total);
        message[..4].copy_from_slice(&(total as u32).to_be_bytes());
        message[4..8].copy_from_slice(&(headers as u32).to_be_bytes());
        let prelude = crc32fast::hash(&message[..8]);
        message[8..12].copy_from_slice(&prelude.to_be_bytes());
        let whole = crc32fast::hash(&message[..total - 4]);
        message[total - 4..].copy_from_slice(&whole.to_be_bytes());
        rest = later;
    }
}

fn check_written(kind: Option<&str>, payload: &[u8]) {
    let headers: Vec<_> = kind.into_iter().map(|kind| (":event-type", kind)).collect();
    let mut out = Vec::new();
    assert!(EventStreamMessage::write(&headers, payload, &mut out));
    let mut count = 0;
    let fed = EventStreamDecoder::new(usize::MAX).feed(&out, |message| {
        count += 1;
        assert_eq!((message.text(":event-type"), message.payload), (kind, payload));
    });
    assert_eq!((count, fed), (1, Ok(())));
}
