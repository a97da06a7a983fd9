//! AWS event streams: any cut gives the same messages, and what is written is read back.

use bridge_stream::{EventStreamDecoder, EventStreamError, EventStreamMessage};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::cuts::{cut, cuts};

/// What is said of one message: the values of two headers, and the payload.
type Message = (Option<String>, Option<String>, Vec<u8>);

fn read(pieces: &[&[u8]], limit: usize) -> (Vec<Message>, Result<(), EventStreamError>) {
    let mut decoder = EventStreamDecoder::new(limit);
    let mut messages = Vec::new();
    for piece in pieces {
        let _told_by_finish = decoder.feed(piece, |message| {
            let text = |name| message.text(name).map(str::to_owned);
            messages.push((text("a"), text("b"), message.payload.to_vec()));
        });
    }
    let outcome = decoder.finish();
    (messages, outcome)
}

fn message() -> impl Strategy<Value = Message> {
    let value = || prop::option::of("[a-zé]{0,20}");
    (value(), value(), prop::collection::vec(any::<u8>(), 0..60))
}

fn write(messages: &[Message]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (a, b, payload) in messages {
        let a = a.as_deref().map(|value| ("a", value));
        let b = b.as_deref().map(|value| ("b", value));
        let headers: Vec<_> = a.into_iter().chain(b).collect();
        assert!(EventStreamMessage::write(&headers, payload, &mut stream));
    }
    stream
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_written_is_read_back(
        messages in prop::collection::vec(message(), 0..6),
        cuts in cuts(),
    ) {
        let stream = write(&messages);
        let (found, outcome) = read(&cut(&stream, &cuts), 1_000);
        prop_assert_eq!(outcome, Ok(()));
        prop_assert_eq!(found, messages);
    }

    /// One damaged byte, or a stream that stops early: the same messages and the same error.
    #[test]
    fn damage_does_not_depend_on_cuts(
        messages in prop::collection::vec(message(), 1..6),
        place in any::<Index>(),
        length in any::<Index>(),
        bits in any::<u8>(),
        limit in prop::sample::select(vec![20, 60, 1_000_usize]),
        cuts in cuts(),
    ) {
        let mut stream = write(&messages);
        let at = place.index(stream.len());
        stream[at] ^= bits;
        stream.truncate(length.index(stream.len()) + 1);
        let whole = read(&[&stream], limit);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&read(&cut(&stream, &cuts), limit), &whole);
        prop_assert_eq!(&read(&bytes, limit), &whole);
        prop_assert!(messages.starts_with(&whole.0), "no message that was not written");
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        stream in prop::collection::vec(any::<u8>(), 0..200),
        cuts in cuts(),
    ) {
        prop_assert_eq!(read(&cut(&stream, &cuts), 100), read(&[&stream], 100));
    }
}
