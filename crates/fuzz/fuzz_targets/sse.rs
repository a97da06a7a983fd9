//! However a stream is cut into pieces, the same events come out, and the same error.
#![no_main]

use bridge_stream::{FrameError, Limits, SseDecoder};
use libfuzzer_sys::fuzz_target;

type Heard = (Vec<(String, Vec<u8>)>, Option<FrameError>);

fuzz_target!(|data: &[u8]| {
    // The first byte says how large lines may be, the second how the rest is cut.
    let [limit, cuts, stream @ ..] = data else {
        return;
    };
    let line_bytes = usize::from(*limit) + 1;
    let limits = Limits {
        line_bytes,
        event_bytes: 2 * line_bytes,
    };
    let whole = hear(limits, [stream].into_iter());
    let single = hear(limits, stream.chunks(1));
    assert_eq!(whole, single);
    let uneven = hear(limits, stream.chunks(usize::from(*cuts % 17) + 2));
    assert_eq!(whole, uneven);
});

fn hear<'p>(limits: Limits, pieces: impl Iterator<Item = &'p [u8]>) -> Heard {
    let mut decoder = SseDecoder::new(limits);
    let mut events = Vec::new();
    for piece in pieces {
        let fed = decoder.feed(piece, |event| {
            events.push((event.name.to_owned(), event.data.to_vec()));
        });
        match fed {
            Ok(boundary) => assert!(boundary.is_none_or(|at| at <= piece.len())),
            Err(error) => return (events, Some(error)),
        }
    }
    decoder.finish(|event| events.push((event.name.to_owned(), event.data.to_vec())));
    (events, None)
}
