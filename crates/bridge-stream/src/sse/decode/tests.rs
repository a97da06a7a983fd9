//! Lines, fields, ends and limits, by table.

use super::*;

type Event = (String, String);

/// What a stream holds, fed in the pieces that `cuts` makes.
fn read(pieces: &[&str], limits: Limits) -> (Vec<Event>, Vec<Option<usize>>, Option<FrameError>) {
    let mut decoder = SseDecoder::new(limits);
    let (mut events, mut boundaries) = (Vec::new(), Vec::new());
    let mut keep = |event: SseEvent<'_>| {
        let data = String::from_utf8(event.data.to_vec()).unwrap();
        events.push((event.name.to_owned(), data));
    };
    for piece in pieces {
        match decoder.feed(piece.as_bytes(), &mut keep) {
            Ok(boundary) => boundaries.push(boundary),
            Err(error) => {
                assert_eq!(decoder.feed(b"data: x\n\n", &mut keep), Err(error));
                decoder.finish(&mut keep);
                return (events, boundaries, Some(error));
            }
        }
    }
    decoder.finish(&mut keep);
    (events, boundaries, None)
}

fn check(pieces: &[&str], expected: &[(&str, &str)], boundaries: &[Option<usize>]) {
    let (events, found, error) = read(pieces, Limits::default());
    let events: Vec<_> = events
        .iter()
        .map(|(n, d)| (n.as_str(), d.as_str()))
        .collect();
    assert_eq!(events, expected, "events of {pieces:?}");
    assert_eq!(found, boundaries, "boundaries of {pieces:?}");
    assert_eq!(error, None, "error of {pieces:?}");
}

#[test]
fn fields_are_read_as_the_standard_says() {
    let message = |data| [("message", data)];
    check(&["data: a\n\n"], &message("a"), &[Some(9)]);
    check(&["data:a\n\n"], &message("a"), &[Some(8)]);
    check(&["data:  a \n\n"], &message(" a "), &[Some(11)]);
    check(&["data\n\n"], &message(""), &[Some(6)]);
    check(&["data:\ndata\n\n"], &message("\n"), &[Some(12)]);
    check(
        &["data: a\ndata: b\ndata:\n\n"],
        &message("a\nb\n"),
        &[Some(23)],
    );
    check(&["event: e\ndata: a\n\n"], &[("e", "a")], &[Some(18)]);
    check(
        &["data: a\nevent: e\nevent: f\n\n"],
        &[("f", "a")],
        &[Some(27)],
    );
    check(
        &["event: e\nevent\ndata: a\n\n"],
        &message("a"),
        &[Some(24)],
    );
    check(
        &["id: 1\nretry: 5\nother\ndata: a\n\n"],
        &message("a"),
        &[Some(30)],
    );
    check(
        &["Data: a\ndatum: b\ndata : c\n data: d\n\n"],
        &[],
        &[Some(36)],
    );
    check(&["data: a: b\n\n"], &message("a: b"), &[Some(12)]);
}

#[test]
fn an_event_without_data_is_none_and_its_name_is_forgotten() {
    check(
        &["event: e\n\ndata: a\n\n"],
        &[("message", "a")],
        &[Some(19)],
    );
    check(&["\n\n\n"], &[], &[Some(3)]);
}

#[test]
fn a_comment_is_no_event_but_has_an_end() {
    check(&[": ping\n\n"], &[], &[Some(8)]);
    check(&[":\ndata: a\n: b\n\n"], &[("message", "a")], &[Some(15)]);
    check(&[": ping\n"], &[], &[None]);
}

#[test]
fn every_line_end_counts() {
    check(
        &["data: a\r\n\r\ndata: b\n\n"],
        &[("message", "a"), ("message", "b")],
        &[Some(20)],
    );
    check(
        &["data: a\r\rdata: b\r\r:"],
        &[("message", "a"), ("message", "b")],
        &[Some(18)],
    );
    check(
        &["data: a\r\ndata: b\rdata: c\n\n"],
        &[("message", "a\nb\nc")],
        &[Some(26)],
    );
    check(&["data: a\n\r\n"], &[("message", "a")], &[Some(10)]);
}

#[test]
fn a_line_feed_is_never_parted_from_its_carriage_return() {
    let a = &[("message", "a")];
    check(&["data: a\r\n\r", "\n"], a, &[None, Some(1)]);
    check(&["data: a\r\n\r", "", "\n:"], a, &[None, None, Some(1)]);
    check(&["data: a\r\r", ": b"], a, &[None, Some(0)]);
    check(&["data: a\r", "\n\r\n"], a, &[None, Some(3)]);
    check(&["data: a\r", "\n"], a, &[None, None]);
    check(&["data: a\n\n\r", "\n\n"], a, &[Some(9), Some(2)]);
    check(&["data: a\r\r"], a, &[None]);
}

#[test]
fn an_event_may_be_cut_anywhere() {
    check(
        &["da", "ta: ", "a", "\n", "\n"],
        &[("message", "a")],
        &[None, None, None, None, Some(1)],
    );
    check(
        &["event: e\ndata: a\n", "data: b\n\nd"],
        &[("e", "a\nb")],
        &[None, Some(9)],
    );
    check(
        &["event: e\nda", "ta: a\ndata: b\n\n"],
        &[("e", "a\nb")],
        &[None, Some(15)],
    );
}

#[test]
fn a_mark_at_the_beginning_means_nothing() {
    check(&["\u{feff}data: a\n\n"], &[("message", "a")], &[Some(12)]);
    check(&["\u{feff}\u{feff}data: a\n\n"], &[], &[Some(15)]);
    check(
        &["data: b\n\n\u{feff}data: a\n\n"],
        &[("message", "b")],
        &[Some(21)],
    );
}

#[test]
fn a_stream_may_end_without_a_blank_line() {
    check(
        &["data: a\n\ndata: b\n"],
        &[("message", "a"), ("message", "b")],
        &[Some(9)],
    );
    check(&["event: e\ndata: b"], &[("e", "b")], &[None]);
    check(&["event: e"], &[], &[None]);
    check(&[""], &[], &[None]);
}

#[test]
fn finishing_twice_gives_nothing_more() {
    let mut decoder = SseDecoder::new(Limits::default());
    let mut count = 0;
    assert_eq!(decoder.feed(b"data: a", |_| count += 1), Ok(None));
    decoder.finish(|_| count += 1);
    decoder.finish(|_| count += 1);
    assert_eq!(count, 1);
}

#[test]
fn a_name_that_is_no_text_is_mended() {
    let mut decoder = SseDecoder::new(Limits::default());
    let mut names = Vec::new();
    let fed = decoder.feed(b"event: a\xFF\ndata: \xFF\n\n", |event| {
        names.push(event.name.to_owned());
        assert_eq!(event.data, b"\xFF");
    });
    assert_eq!(fed, Ok(Some(19)));
    assert_eq!(names, ["a\u{fffd}"]);
}

#[test]
fn limits_hold_however_the_stream_is_cut() {
    let limits = Limits {
        line_bytes: 8,
        event_bytes: 5,
    };
    let check_limits = |stream: &str, events: usize, expected: Option<FrameError>| {
        for cut in 0..=stream.len() {
            let (before, after) = stream.split_at(cut);
            let (found, _, error) = read(&[before, after], limits);
            assert_eq!(error, expected, "{stream:?} cut at {cut}");
            assert_eq!(found.len(), events, "{stream:?} cut at {cut}");
        }
    };
    let line = |offset| Some(FrameError::LineTooLong { offset, limit: 8 });
    let event = |offset| Some(FrameError::EventTooLarge { offset, limit: 5 });
    check_limits("data:123\n\n", 1, None);
    check_limits("data:1\n\ndata:1234\n\n", 1, line(8));
    check_limits(":2345678\r\n:23456789\r\n", 0, line(10));
    check_limits("data:12\ndata:34\n\n", 1, None);
    check_limits("data:12\r\ndata:345\r\n\r\n", 0, event(9));
    check_limits("event:12\ndata:34\ndata:5\n\n", 0, event(17));
    check_limits("data:12\n\ndata:34\n\ndata:56\n\n", 3, None);
    check_limits("data:123456", 0, line(0));
}

#[test]
fn what_a_stream_may_be_resumed_with_is_remembered() {
    let check = |stream: &str, id: Option<&str>, retry: Option<u64>| {
        for cut in 0..=stream.len() {
            let Some((one, other)) = stream.split_at_checked(cut) else {
                continue;
            };
            let mut decoder = SseDecoder::new(Limits::default());
            for piece in [one, other] {
                decoder.feed(piece.as_bytes(), |_| {}).unwrap();
            }
            assert_eq!(
                (decoder.last_id(), decoder.retry_ms()),
                (id, retry),
                "{stream:?} at {cut}"
            );
        }
    };
    check("data: x\n\n", None, None);
    check("id: 7\ndata: x\n\n", Some("7"), None);
    check(
        "id: 7\ndata: x\n\nid: é8\ndata:\n\ndata: y\n\n",
        Some("é8"),
        None,
    );
    check("id: 7\n\nretry: 250\n\n", Some("7"), Some(250));
    check("id: 7\nid\n\n", None, None);
    check("id: 7\nid: a\0b\n\n", Some("7"), None);
    // An event that is not whole was not had: the stream is resumed before it.
    check("id: 7\ndata: x\n\nid: 8\ndata: y\n", Some("7"), None);
    check("id: 7\ndata: x\n\nid: 8\n", Some("7"), None);
    check("id: 7\ndata: x\n\nid\n", Some("7"), None);
    check(
        "retry: 250\nretry: 3s\nretry:\nretry: 99999999999999999999\n",
        None,
        Some(250),
    );
    check("idle: 1\nretrying: 2\n", None, None);
    let long = format!("id: 7\nid: {}\n\n", "x".repeat(1_025));
    let mut decoder = SseDecoder::new(Limits::default());
    decoder.feed(long.as_bytes(), |_| {}).unwrap();
    assert_eq!(decoder.last_id(), Some("7"));
}
