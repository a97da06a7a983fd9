use bridge_stream::{Limits, SseDecoder};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Streams with all line ends, comments, events with and without an end, and things that are none.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("data: a\n\n".to_owned()),
        Just("event: x\r\ndata: b\r\n\r\n".to_owned()),
        Just("data: c\r\r".to_owned()),
        Just(": comment\n".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("data: half".to_owned()),
        "[a-z:\\r\\n \u{feff}ä]{0,12}",
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

/// A stream in the pieces that end at these places.
fn cut(stream: &[u8], places: &[usize]) -> Vec<Bytes> {
    let mut ends: Vec<usize> = places.iter().map(|at| at % (stream.len() + 1)).collect();
    ends.push(stream.len());
    ends.sort_unstable();
    let mut from = 0;
    let pieces = ends.into_iter().map(|end| {
        let piece = Bytes::copy_from_slice(&stream[from..end]);
        from = end;
        piece
    });
    pieces.collect()
}

fn joined(pieces: Pieces) -> Vec<u8> {
    pieces.0.into_iter().flatten().flatten().collect()
}

/// Whether a line of an event is open after these bytes.
fn is_inside_an_event(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let text = text.replace('\r', "\n");
    !(text.is_empty() || text.ends_with("\n\n") || text.trim_start_matches('\u{feff}') == "\n")
}

proptest! {
    #[test]
    fn nothing_is_lost_doubled_or_moved(
        stream in stream(),
        places in vec(any::<usize>(), 0..8),
        limit in 0_usize..40,
        lost_track_at in proptest::option::of(0_usize..8),
    ) {
        let mut decoder = SseDecoder::new(Limits::default());
        let (mut held, mut passed_on) = (Held::new(limit), Vec::new());
        let mut heard = 0;
        for (number, piece) in cut(&stream, &places).into_iter().enumerate() {
            heard += piece.len();
            let boundary = decoder.feed(&piece, |_| ()).unwrap();
            let is_lost = lost_track_at.is_some_and(|at| number >= at);
            let pieces = if is_lost { held.give_up(piece) } else { held.pass(piece, boundary) };
            passed_on.extend(joined(pieces));
            prop_assert_eq!(&passed_on[..], &stream[..passed_on.len()]);
            if held.has_given_up() {
                prop_assert_eq!(passed_on.len(), heard);
            } else {
                prop_assert!(heard - passed_on.len() <= limit);
                prop_assert!(!is_inside_an_event(&passed_on), "{:?}", passed_on);
            }
        }
        passed_on.extend(held.rest().into_iter().flatten());
        prop_assert_eq!(passed_on, stream);
        prop_assert!(held.rest().is_none());
    }
}
