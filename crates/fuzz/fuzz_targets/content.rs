//! Whatever coding a body claims: decoding keeps to the limit and says the same however the body
//! was cut.
#![no_main]

use bridge_stream::{ContentDecoder, DecodeError, Encoding};
use libfuzzer_sys::fuzz_target;

/// What was appended, and how it ended.
type Decoded = (Vec<u8>, Result<(), DecodeError>);

const ENCODINGS: [Encoding; 4] = [
    Encoding::Gzip,
    Encoding::Deflate,
    Encoding::Brotli,
    Encoding::Zstd,
];

/// How many codings lie on each other: enough for one between two others.
const MOST: usize = 3;

fuzz_target!(|data: &[u8]| {
    // The first byte names the codings, two bits each and two for how many; the next two are the
    // limit, the fourth says how the body is cut.
    let [codings, low, high, cuts, body @ ..] = data else {
        return;
    };
    let count = usize::from(codings >> 6).min(MOST);
    let encodings: Vec<Encoding> = (0..count)
        .map(|at| ENCODINGS[usize::from(codings >> (2 * at) & 3)])
        .collect();
    let limit = usize::from(u16::from_le_bytes([*low, *high]));

    let whole = decode(&encodings, limit, [body].into_iter());
    let single = decode(&encodings, limit, body.chunks(1));
    let uneven = decode(&encodings, limit, body.chunks(usize::from(*cuts) + 2));
    agree(&whole, &single);
    agree(&whole, &uneven);
    if encodings.is_empty() {
        assert_eq!(whole.0, body[..body.len().min(limit)]);
    }
});

fn decode<'p>(
    encodings: &[Encoding],
    limit: usize,
    pieces: impl Iterator<Item = &'p [u8]>,
) -> Decoded {
    let mut decoder = ContentDecoder::new(encodings, limit);
    let mut out = Vec::new();
    let mut outcome = Ok(());
    for piece in pieces {
        outcome = decoder.feed(piece, &mut out);
        assert!(out.len() <= limit);
        if outcome.is_err() {
            break;
        }
    }
    if outcome.is_ok() {
        outcome = decoder.finish();
    }
    assert!(out.len() <= limit);
    // Whatever happened, it is used up now.
    let before = out.len();
    assert!(matches!(
        decoder.feed(b"x", &mut out),
        Err(DecodeError::UsedUp)
    ));
    assert_eq!(out.len(), before);
    (out, outcome)
}

/// What is good is the same in any cut. Of what is not, more may come out the finer it is cut, and
/// never anything else.
fn agree((one, one_end): &Decoded, (other, other_end): &Decoded) {
    match (one_end, other_end) {
        (Ok(()), Ok(())) => assert_eq!(one, other),
        (Err(DecodeError::Truncated { .. }), Err(DecodeError::Truncated { .. })) => {
            assert_eq!(one, other);
        }
        (Err(_), Err(_)) => assert!(one.starts_with(other) || other.starts_with(one)),
        ends => panic!("{ends:?}"),
    }
}
