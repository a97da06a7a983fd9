//! Content codings: any cut gives the same bytes, flushes pass, limits and ends hold.

use bridge_stream::{ContentDecoder, DecodeError, Encoding, Limits, SseDecoder};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::codings::{SENDERS, Sender};
use crate::cuts::{cut, cuts};

fn decode(
    encodings: &[Encoding],
    limit: usize,
    pieces: &[&[u8]],
) -> (Vec<u8>, Result<(), DecodeError>) {
    let mut decoder = ContentDecoder::new(encodings, limit);
    let mut out = Vec::new();
    for piece in pieces {
        if let Err(error) = decoder.feed(piece, &mut out) {
            let again = decoder.feed(b"x", &mut out);
            assert!(matches!(again, Err(DecodeError::UsedUp)));
            return (out, Err(error));
        }
    }
    let ended = decoder.finish();
    let again = decoder.finish();
    assert!(matches!(again, Err(DecodeError::UsedUp)));
    (out, ended)
}

/// Text that can be compressed, and noise that cannot.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let run = prop_oneof![
        (any::<u8>(), 0..5_000_usize).prop_map(|(byte, length)| vec![byte; length]),
        prop::collection::vec(any::<u8>(), 0..300),
        Just(b"data: {\"type\":\"text\"}\n\n".repeat(20)),
    ];
    prop::collection::vec(run, 0..12).prop_map(|runs| runs.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn decoding_gives_the_original_however_it_is_cut(
        body in body(),
        sender in select(&SENDERS[..]),
        cuts in cuts(),
    ) {
        let coded = sender.whole(&body);
        for pieces in [cut(&coded, &cuts), coded.chunks(1).collect()] {
            let (out, ended) = decode(&[sender.encoding()], body.len(), &pieces);
            prop_assert!(ended.is_ok(), "{ended:?}");
            prop_assert_eq!(&out, &body);
        }
    }

    #[test]
    fn codings_are_undone_in_the_other_order(
        body in body(),
        senders in prop::collection::vec(select(&SENDERS[..]), 0..4),
        cuts in cuts(),
    ) {
        let coded = senders.iter().fold(body.clone(), |coded, sender| sender.whole(&coded));
        let encodings: Vec<Encoding> = senders.iter().map(|sender| sender.encoding()).collect();
        let (out, ended) = decode(&encodings, body.len(), &cut(&coded, &cuts));
        prop_assert!(ended.is_ok(), "{ended:?}");
        prop_assert_eq!(out, body);
    }

    /// What was flushed is there at once, whatever the stream still brings.
    #[test]
    fn a_flush_passes(
        parts in prop::collection::vec(body(), 1..6),
        sender in select(&SENDERS[..]),
    ) {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let mut decoder = ContentDecoder::new(&[sender.encoding()], usize::MAX);
        for (coded, part) in sender.flushed(&parts).iter().zip(&parts) {
            let mut out = Vec::new();
            decoder.feed(coded, &mut out).unwrap();
            prop_assert_eq!(&out[..], *part);
        }
    }

    /// No more than the limit ever comes out, and exactly the limit may.
    #[test]
    fn the_limit_holds(
        body in body(),
        limit in any::<Index>(),
        sender in select(&SENDERS[..]),
        cuts in cuts(),
    ) {
        let limit = limit.index(body.len() + 1);
        let coded = sender.whole(&body);
        let (out, ended) = decode(&[sender.encoding()], limit, &cut(&coded, &cuts));
        prop_assert_eq!(&out[..], &body[..limit]);
        match ended {
            Ok(()) => prop_assert_eq!(limit, body.len()),
            Err(DecodeError::TooLarge { limit: told }) => {
                prop_assert!(limit < body.len());
                prop_assert_eq!(told, limit);
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn content_that_is_cut_short_is_told(
        body in body(),
        sender in select(&SENDERS[..]),
        at in any::<Index>(),
    ) {
        let coded = sender.whole(&body);
        let kept = &coded[..at.index(coded.len())];
        let (out, ended) = decode(&[sender.encoding()], usize::MAX, &[kept]);
        prop_assert!(body.starts_with(&out));
        if kept.is_empty() {
            prop_assert!(ended.is_ok(), "no content at all is good");
        } else {
            prop_assert!(matches!(ended, Err(DecodeError::Truncated { .. })), "{ended:?}");
        }
    }

    #[test]
    fn any_bytes_are_decoded_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        begins_well in prop::bool::ANY,
        sender in select(&SENDERS[..]),
        cuts in cuts(),
    ) {
        let mut coded = if begins_well { sender.whole(&[7; 3_000]) } else { Vec::new() };
        coded.truncate(coded.len() / 2);
        coded.extend(bytes);
        let (out, _) = decode(&[sender.encoding()], 10_000, &cut(&coded, &cuts));
        prop_assert!(out.len() <= 10_000);
    }
}

#[test]
fn events_are_seen_when_they_are_flushed() {
    let events: Vec<String> = (0..50).map(|n| format!("data: {n}\n\n")).collect();
    let parts: Vec<&[u8]> = events.iter().map(String::as_bytes).collect();
    for sender in SENDERS {
        let mut content = ContentDecoder::new(&[sender.encoding()], 1 << 20);
        let mut decoder = SseDecoder::new(Limits::default());
        for (n, coded) in sender.flushed(&parts).iter().enumerate() {
            let (mut plain, mut seen) = (Vec::new(), Vec::new());
            content.feed(coded, &mut plain).unwrap();
            let fed = decoder.feed(&plain, |event| seen.push(event.data.to_vec()));
            assert_eq!(fed, Ok(Some(plain.len())));
            assert_eq!(seen, [n.to_string().into_bytes()], "{sender:?}");
        }
    }
}

#[test]
fn a_bomb_is_stopped_while_it_swells() {
    let large = vec![0; 16 << 20];
    for sender in SENDERS {
        let coded = sender.whole(&large);
        let (out, ended) = decode(&[sender.encoding()], 1 << 20, &[&coded]);
        assert!(
            matches!(ended, Err(DecodeError::TooLarge { limit: 1_048_576 })),
            "{ended:?}"
        );
        assert_eq!(out.len(), 1 << 20);
        assert!(out.capacity() <= 4 << 20);
        // A bomb inside another coding swells between the two.
        let twice = Sender::Gzip.whole(&coded);
        let encodings = [sender.encoding(), Encoding::Gzip];
        let (_, ended) = decode(&encodings, 1 << 20, &[&twice]);
        assert!(
            matches!(ended, Err(DecodeError::TooLarge { limit: 1_048_576 })),
            "{ended:?}"
        );
    }
}

#[test]
fn members_and_frames_may_follow_each_other() {
    for sender in [Sender::Gzip, Sender::Zstd] {
        let coded = [
            sender.whole(b"one "),
            sender.whole(b""),
            sender.whole(b"two"),
        ]
        .concat();
        for size in [1, 7, 1_000] {
            let pieces: Vec<_> = coded.chunks(size).collect();
            let (out, ended) = decode(&[sender.encoding()], 100, &pieces);
            ended.unwrap();
            assert_eq!(out, b"one two");
        }
        let more = [&coded[..], &sender.whole(b"three")[..5]].concat();
        let (_, ended) = decode(&[sender.encoding()], 100, &[&more]);
        assert!(
            matches!(ended, Err(DecodeError::Truncated { .. })),
            "{ended:?}"
        );
    }
}

#[test]
fn nothing_may_follow_the_end() {
    for sender in SENDERS {
        let coded = [&sender.whole(b"body")[..], b"more"].concat();
        for size in [1, 1_000] {
            let pieces: Vec<_> = coded.chunks(size).collect();
            let (out, ended) = decode(&[sender.encoding()], 100, &pieces);
            assert_eq!(out, b"body");
            assert!(
                matches!(ended, Err(DecodeError::Corrupt { .. })),
                "{sender:?} {ended:?}"
            );
        }
    }
}

#[test]
fn a_gzip_head_may_have_every_part() {
    let member = flate2::GzBuilder::new()
        .extra(vec![0; 300])
        .filename("name")
        .comment("comment")
        .write(Vec::new(), flate2::Compression::fast());
    let mut member = member;
    std::io::Write::write_all(&mut member, b"body").unwrap();
    let mut coded = member.finish().unwrap();
    // The builder knows no checksum of the head: set its flag and put one behind the comment.
    let body = coded
        .windows(8)
        .position(|bytes| bytes == b"comment\0")
        .unwrap()
        + 8;
    coded[3] |= 2;
    coded.splice(body..body, [1, 2]);
    for size in [1, 5, 1_000] {
        let pieces: Vec<_> = coded.chunks(size).collect();
        let (out, ended) = decode(&[Encoding::Gzip], 100, &pieces);
        ended.unwrap();
        assert_eq!(out, b"body");
    }
}

#[test]
fn damage_is_noticed() {
    let check = |encoding, damaged: &[u8], expected: &str| {
        let (_, ended) = decode(&[encoding], 1_000, &[damaged]);
        let error = ended.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(std::error::Error::source(&error).is_some());
    };
    let good = Sender::Gzip.whole(b"body");
    for (at, flip) in [
        (0, 1),
        (1, 1),
        (2, 1),
        (3, 0x80),
        (good.len() - 1, 1),
        (good.len() - 8, 1),
    ] {
        let mut bad = good.clone();
        bad[at] ^= flip;
        check(Encoding::Gzip, &bad, "gzip content is corrupt");
    }
    let mut bad = Sender::Zlib.whole(b"body");
    *bad.last_mut().unwrap() ^= 1;
    check(Encoding::Deflate, &bad, "deflate content is corrupt");
    check(
        Encoding::Brotli,
        b"\xFF\xFF\xFF\xFF",
        "br content is corrupt",
    );
    check(Encoding::Zstd, b"no frame", "zstd content is corrupt");
}

#[test]
fn windows_larger_than_the_standard_allows_are_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(24).unwrap();
    encoder.include_contentsize(false).unwrap();
    std::io::Write::write_all(&mut encoder, &[1; 100_000]).unwrap();
    let coded = encoder.finish().unwrap();
    let (_, ended) = decode(&[Encoding::Zstd], 1 << 20, &[&coded]);
    assert!(
        matches!(ended, Err(DecodeError::Corrupt { .. })),
        "{ended:?}"
    );
}

#[test]
fn without_codings_bytes_pass_up_to_the_limit() {
    let (out, ended) = decode(&[], 6, &[b"abc", b"", b"def"]);
    ended.unwrap();
    assert_eq!(out, b"abcdef");
    let (out, ended) = decode(&[], 5, &[b"abc", b"def"]);
    assert!(matches!(ended, Err(DecodeError::TooLarge { limit: 5 })));
    assert_eq!(out, b"abcde");
}

/// A decoder that keeps its window in a ring may stop at the ring's end with more to give.
#[test]
fn content_that_is_cut_short_gives_the_same_however_it_is_cut() {
    let body = vec![0; 200_000];
    for sender in SENDERS {
        let coded = sender.whole(&body);
        for kept in (0..coded.len()).map(|at| &coded[..at]) {
            let (whole, _) = decode(&[sender.encoding()], usize::MAX, &[kept]);
            let bytes: Vec<_> = kept.chunks(1).collect();
            let (single, _) = decode(&[sender.encoding()], usize::MAX, &bytes);
            // Lengths, because every byte is the same.
            assert_eq!(
                whole.len(),
                single.len(),
                "{sender:?} after {} bytes",
                kept.len()
            );
        }
    }
}

#[test]
fn empty_pieces_change_nothing() {
    for sender in SENDERS {
        let coded = sender.whole(b"body");
        for at in [0, 1, coded.len() / 2, coded.len()] {
            let (before, after) = coded.split_at(at);
            let mut pieces = vec![before];
            pieces.extend([&b""[..]; 40]);
            pieces.push(after);
            let (out, ended) = decode(&[sender.encoding()], 100, &pieces);
            assert!(ended.is_ok(), "{sender:?} at {at}: {ended:?}");
            assert_eq!(out, b"body");
        }
    }
}
