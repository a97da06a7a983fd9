//! Whatever headers come in: nothing of the organisation's credential goes on, nothing that never
//! travels does, and what was admitted once is not changed a second time.
#![no_main]

use bridge_auth::{Admitted, HeaderPolicy, KeySource};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

const OWN_KEY: HeaderName = HeaderName::from_static("x-coder-ai-governance-token");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The planted credential, or a beginning of it. In small letters, so that it can be a part of a
/// header's name.
const CREDENTIAL: &str = "key-of-the-organisation";

/// Where a line has this byte, the credential stands there instead.
const PLANT: u8 = b'$';

/// From this length on a credential is looked for inside of values and names; shorter ones may be
/// innocent parts of words.
const LONG: usize = 16;

fuzz_target!(|data: &[u8]| {
    // The first byte says where the credential is presented, the second how long it is.
    let [place, length, lines @ ..] = data else {
        return;
    };
    let credential = &CREDENTIAL[..usize::from(*length) % CREDENTIAL.len() + 1];
    let mut headers = headers(lines, credential);
    let is_planted = plant(&mut headers, *place, credential);
    let token = headers.get(OWN_KEY).cloned();

    let policy = HeaderPolicy::default();
    let admitted = policy.admit(headers);
    check_names(&admitted);
    if is_planted {
        check_gone(&admitted, credential);
    }
    if let Some(found) = admitted.presented.credential() {
        check_gone(&admitted, found.secret().expose());
    }
    let scrubbed = admitted.scrubbed;
    // The mode is told by a header that was taken out, so it is told again.
    let mut again = scrubbed.headers().clone();
    if let Some(token) = token {
        again.insert(OWN_KEY, token);
    }
    assert_eq!(policy.admit(again).scrubbed, scrubbed);
});

/// Presents the credential in one of the three places, or nowhere. Says whether it did.
fn plant(headers: &mut HeaderMap, place: u8, credential: &str) -> bool {
    let (name, value) = match place % 4 {
        0 => (OWN_KEY, credential.to_owned()),
        1 => (AUTHORIZATION, format!("Bearer {credential}")),
        2 => (X_API_KEY, credential.to_owned()),
        _ => return false,
    };
    // Whoever has a token for own-key mode does not present anything elsewhere.
    headers.remove(OWN_KEY);
    headers.insert(
        name,
        HeaderValue::try_from(value).expect("letters and dashes are a value"),
    );
    true
}

fn check_names(admitted: &Admitted) {
    let goes_on = admitted.scrubbed.headers();
    for name in [
        "cookie",
        "forwarded",
        "x-forwarded-for",
        "connection",
        "x-ai-bridge-actor-id",
        "x-coder-ai-governance-token",
    ] {
        assert!(!goes_on.contains_key(name), "{name}");
    }
    if admitted.presented.key_mode() == KeySource::Centralized {
        assert!(!goes_on.contains_key(AUTHORIZATION) && !goes_on.contains_key(X_API_KEY));
    }
}

fn check_gone(admitted: &Admitted, credential: &str) {
    let secret = credential.as_bytes();
    let is_in = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret);
    for (name, value) in admitted.scrubbed.headers() {
        let value = value.as_bytes();
        assert_ne!(value.trim_ascii(), secret, "{name}");
        if secret.len() >= LONG {
            assert!(!is_in(value) && !is_in(name.as_str().as_bytes()), "{name}");
        }
    }
}

/// Lines of `name: value`; what is no header is left out.
fn headers(lines: &[u8], credential: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (halves.next(), halves.next()) else {
            continue;
        };
        let name = HeaderName::from_bytes(&planted(name, credential));
        let value = HeaderValue::from_bytes(&planted(value.trim_ascii_start(), credential));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

fn planted(bytes: &[u8], credential: &str) -> Vec<u8> {
    let parts: Vec<&[u8]> = bytes.split(|byte| *byte == PLANT).collect();
    parts.join(credential.as_bytes())
}
