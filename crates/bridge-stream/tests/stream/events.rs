//! Event streams: any cut gives the same events, and boundaries are boundaries.

use bridge_stream::{FrameError, Limits, SseDecoder, SseEvent};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::cuts::{cut, cuts};

type Event = (String, Vec<u8>);

/// What a stream holds, with the boundaries as offsets in the whole stream.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Read {
    events: Vec<Event>,
    /// How many events came before the end of the stream was told.
    before_end: usize,
    boundaries: Vec<usize>,
    error: Option<FrameError>,
}

fn read(pieces: &[&[u8]], limits: Limits) -> Read {
    let mut decoder = SseDecoder::new(limits);
    let mut events = Vec::new();
    let (mut boundaries, mut offset, mut error) = (Vec::new(), 0, None);
    let mut keep = |event: SseEvent<'_>| events.push((event.name.to_owned(), event.data.to_vec()));
    let mut fed = 0;
    for piece in pieces {
        match decoder.feed(piece, |event| {
            keep(event);
            fed += 1;
        }) {
            Ok(boundary) => boundaries.extend(boundary.map(|boundary| offset + boundary)),
            Err(failed) => error = error.or(Some(failed)),
        }
        offset += piece.len();
    }
    decoder.finish(&mut keep);
    Read {
        events,
        before_end: fed,
        boundaries,
        error,
    }
}

/// What streams of events are made of, and what they stumble over.
const TOKENS: &[&[u8]] = &[
    b"data: ",
    b"data:",
    b"data",
    b"event: ",
    b"event",
    b"id: 7",
    b":",
    b" ",
    b"\n",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\n\r\n",
    b"{\"type\":\"text\"}",
    b"word",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB",
    b"\xFF",
    b"\xC3\xA9",
];

/// Bytes that look like a stream of events, most of the time.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(select(TOKENS), 0..40).prop_map(|tokens| tokens.concat())
}

/// Names and data that can be written and read back.
fn event() -> impl Strategy<Value = Event> {
    let data = prop_oneof![
        "[a-z\n: ]{0,30}".prop_map(String::into_bytes),
        prop::collection::vec(
            any::<u8>().prop_filter("no CR", |byte| *byte != b'\r'),
            0..30
        ),
    ];
    ("[a-z_.]{1,12}", data)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn events_do_not_depend_on_cuts(
        stream in stream(),
        cuts in cuts(),
        line_bytes in select(vec![12, 1_000_usize]),
        event_bytes in select(vec![10, 1_000_usize]),
    ) {
        let limits = Limits { line_bytes, event_bytes };
        let whole = read(&[&stream], limits);
        let pieces = read(&cut(&stream, &cuts), limits);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        for other in [&pieces, &read(&bytes, limits)] {
            prop_assert_eq!(&other.events, &whole.events);
            prop_assert_eq!(&other.error, &whole.error);
            prop_assert_eq!(other.before_end, whole.before_end);
        }
    }

    /// What comes before a boundary is whole events, what comes after it begins afresh, and an
    /// event put between them is an event of its own.
    #[test]
    fn something_may_be_added_at_every_boundary(stream in stream(), cuts in cuts()) {
        let limits = Limits::default();
        let whole = read(&[&stream], limits);
        for boundary in read(&cut(&stream, &cuts), limits).boundaries {
            let (before, after) = stream.split_at(boundary);
            prop_assert!(!(before.ends_with(b"\r") && after.starts_with(b"\n")));
            let first = read(&[before], limits);
            prop_assert_eq!(first.before_end, first.events.len(), "a part is left before");
            let added = read(&[before, b"event: ping\ndata: {}\n\n", after], limits);
            let mut expected = whole.events.clone();
            expected.insert(first.events.len(), ("ping".to_owned(), b"{}".to_vec()));
            prop_assert_eq!(added.events, expected);
        }
    }

    /// The last boundary of a piece is told, not an earlier one: at most the beginning of one
    /// event is left behind it.
    #[test]
    fn every_whole_event_is_before_a_boundary(stream in stream(), cuts in cuts()) {
        let mut decoder = SseDecoder::new(Limits::default());
        let mut behind: Vec<u8> = Vec::new();
        for piece in cut(&stream, &cuts) {
            let mut events = 0;
            let boundary = decoder.feed(piece, |_| events += 1).unwrap();
            if let Some(boundary) = boundary {
                behind.clear();
                behind.extend_from_slice(&piece[boundary..]);
            } else {
                behind.extend_from_slice(piece);
            }
            // A carriage return at the end is told with the next piece.
            let is_open = behind.ends_with(b"\r");
            let left = read(&[&behind], Limits::default()).before_end;
            prop_assert!(left == 0 || is_open, "{left} events behind the boundary");
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        events in prop::collection::vec(event(), 0..8),
        cuts in cuts(),
    ) {
        let mut stream = Vec::new();
        for (name, data) in &events {
            SseEvent { name, data }.write_to(&mut stream);
        }
        let read = read(&cut(&stream, &cuts), Limits::default());
        prop_assert_eq!(read.before_end, events.len());
        prop_assert_eq!(read.events, events);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        stream in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(any::<Index>(), 0..20),
    ) {
        let limits = Limits { line_bytes: 50, event_bytes: 60 };
        prop_assert_eq!(
            read(&cut(&stream, &cuts), limits).events,
            read(&[&stream], limits).events
        );
    }
}
