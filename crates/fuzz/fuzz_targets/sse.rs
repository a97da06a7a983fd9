//! However a stream is cut into pieces, the same events come out, and the same error; and where a
//! boundary is told, another event may be put in.
#![no_main]

use bridge_stream::{FrameError, Limits, SseDecoder};
use libfuzzer_sys::fuzz_target;

/// Names and data.
type Events = Vec<(String, Vec<u8>)>;

/// What came out of one stream.
#[derive(Debug, PartialEq)]
struct Heard {
    events: Events,
    error: Option<FrameError>,
}

/// What is put in. Its line is the shortest that every limit here allows.
const GUEST: &[u8] = b"data:guest\n\n";

fuzz_target!(|data: &[u8]| {
    // The first byte says how large lines may be, the second how the rest is cut.
    let [limit, cuts, stream @ ..] = data else {
        return;
    };
    let line_bytes = usize::from(*limit) + GUEST.len();
    let limits = Limits {
        line_bytes,
        event_bytes: 2 * line_bytes,
    };
    let (whole, boundary) = hear(limits, [stream].into_iter());
    check_boundary(limits, stream, boundary, &whole);
    for size in [1, usize::from(*cuts % 17) + 2] {
        let (cut, boundary) = hear(limits, stream.chunks(size));
        assert_eq!(whole, cut);
        check_boundary(limits, stream, boundary, &whole);
    }
});

/// Also says where in the stream the last boundary is.
fn hear<'p>(limits: Limits, pieces: impl Iterator<Item = &'p [u8]>) -> (Heard, Option<usize>) {
    let mut decoder = SseDecoder::new(limits);
    let (mut events, mut error) = (Events::new(), None);
    let (mut offset, mut boundary) = (0, None);
    for piece in pieces {
        let fed = decoder.feed(piece, |event| {
            events.push((event.name.to_owned(), event.data.to_vec()));
        });
        match fed {
            Ok(Some(at)) => {
                assert!(at <= piece.len());
                boundary = Some(offset + at);
            }
            Ok(None) => {}
            Err(cause) => {
                assert_eq!(
                    decoder.feed(b"data:x\n\n", |_| panic!("an event")),
                    Err(cause)
                );
                error = Some(cause);
                break;
            }
        }
        offset += piece.len();
    }
    decoder.finish(|event| events.push((event.name.to_owned(), event.data.to_vec())));
    (Heard { events, error }, boundary)
}

/// Before a boundary stand whole events, and a guest there disturbs nobody.
fn check_boundary(limits: Limits, stream: &[u8], boundary: Option<usize>, whole: &Heard) {
    let Some(at) = boundary else {
        return;
    };
    let (before, after) = stream.split_at(at);
    let mut decoder = SseDecoder::new(limits);
    let mut count = 0;
    decoder
        .feed(before, |_| count += 1)
        .expect("it was good in the stream");
    decoder.finish(|_| panic!("an event goes on behind the boundary"));

    let (mut heard, _) = hear(limits, [before, GUEST, after].into_iter());
    assert_eq!(
        heard.events.remove(count),
        ("message".to_owned(), b"guest".to_vec())
    );
    assert_eq!(heard.events, whole.events);
    assert_eq!(heard.error, whole.error.map(behind_the_guest));
}

/// An error behind a boundary is later by the guest.
fn behind_the_guest(error: FrameError) -> FrameError {
    let later = GUEST.len() as u64;
    match error {
        FrameError::LineTooLong { offset, limit } => FrameError::LineTooLong {
            offset: offset + later,
            limit,
        },
        FrameError::EventTooLarge { offset, limit } => FrameError::EventTooLarge {
            offset: offset + later,
            limit,
        },
    }
}
