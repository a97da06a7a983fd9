//! The bytes stay, however they are cut, and the events are those of the decoder.

use proptest::prelude::*;

use super::*;

type Stretch = (Option<(String, Vec<u8>)>, Vec<u8>);

fn split(pieces: &[&[u8]]) -> Vec<Stretch> {
    let mut splitter = SseSplitter::new(Limits::default());
    let mut seen = Vec::new();
    let mut keep = |it: RawEvent<'_>| {
        let event = it
            .event
            .map(|event| (event.name.to_owned(), event.data.to_vec()));
        seen.push((event, it.raw.to_vec()));
    };
    for piece in pieces {
        splitter.feed(piece, &mut keep).unwrap();
    }
    splitter.finish(&mut keep);
    seen
}

#[test]
fn events_come_with_their_bytes() {
    let event = |name: &str, data: &str, raw: &str| {
        let event = Some((name.to_owned(), data.as_bytes().to_vec()));
        (event, raw.as_bytes().to_vec())
    };
    let none = |raw: &str| (None, raw.as_bytes().to_vec());
    assert_eq!(
        split(&[
            b"event: a\ndata: 1\n\n: hello\n\ndata: 2\r\n\r\nda",
            b"ta: 3"
        ]),
        [
            event("a", "1", "event: a\ndata: 1\n\n"),
            none(": hello\n\n"),
            event("message", "2", "data: 2\r\n\r\n"),
            event("message", "3", "data: 3"),
        ]
    );
    assert_eq!(split(&[b"data: x\r\n\r", b"\n"]).len(), 1);
    assert_eq!(split(&[b"\n", b"\ndata: y\r\r"]).len(), 3);
    assert_eq!(split(&[b""]), []);
}

#[test]
fn what_is_held_has_a_limit() {
    let limits = Limits {
        line_bytes: 8,
        event_bytes: 8,
    };
    let mut splitter = SseSplitter::new(limits);
    let mut count = 0;
    let fed = splitter.feed(b"data: 1\n\ndata: 23456789", |_| count += 1);
    assert!(matches!(
        fed,
        Err(FrameError::EventTooLarge {
            offset: 9,
            limit: 8
        })
    ));
    assert_eq!(count, 1);
}

proptest! {
    #[test]
    fn cutting_changes_nothing(
        stream in "((data: ?[a-c]{0,3}|event: e|:[a-c]*|)(\n|\r\n|\r)){0,12}(data: z)?",
        at in 0_usize..40,
        next in 0_usize..40,
    ) {
        let bytes = stream.as_bytes();
        let whole = split(&[bytes]);
        let first = at.min(bytes.len());
        let second = (first + next).min(bytes.len());
        let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
        prop_assert_eq!(&split(&pieces), &whole);
        let raw: Vec<u8> = whole.iter().flat_map(|(_, raw)| raw.clone()).collect();
        prop_assert_eq!(raw.as_slice(), bytes);
        let mut decoder = SseDecoder::new(Limits::default());
        let mut events = Vec::new();
        let mut keep = |it: SseEvent<'_>| events.push((it.name.to_owned(), it.data.to_vec()));
        decoder.feed(bytes, &mut keep).unwrap();
        decoder.finish(&mut keep);
        let split: Vec<_> = whole.into_iter().filter_map(|(event, _)| event).collect();
        prop_assert_eq!(split, events);
    }
}
