//! Whatever headers come in: nothing of the organisation's credential goes on, and nothing that
//! never travels does.
#![no_main]

use bridge_auth::{HeaderPolicy, KeySource};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// From this length on a credential is looked for inside of values; shorter ones may be innocent
/// parts of words.
const LONG: usize = 16;

fuzz_target!(|data: &[u8]| {
    let headers = headers(data);
    let admitted = HeaderPolicy::default().admit(headers);
    let goes_on = admitted.scrubbed.headers();
    for name in [
        "cookie",
        "forwarded",
        "x-forwarded-for",
        "connection",
        "x-coder-ai-governance-token",
    ] {
        assert!(!goes_on.contains_key(name), "{name}");
    }
    if admitted.presented.key_mode() == KeySource::Centralized {
        assert!(!goes_on.contains_key("authorization") && !goes_on.contains_key("x-api-key"));
    }
    if let Some(found) = admitted.presented.credential() {
        let secret = found.secret().expose().as_bytes();
        let leaks = |value: &HeaderValue| {
            value
                .as_bytes()
                .windows(secret.len())
                .any(|at| at == secret)
        };
        assert!(secret.len() < LONG || !goes_on.values().any(leaks));
    }
    // What was admitted once has nothing more to lose but a caller's own key.
    let again = HeaderPolicy::default().admit(goes_on.clone());
    for name in again.scrubbed.headers().keys() {
        assert!(goes_on.contains_key(name));
    }
});

/// Lines of `name: value`; what is no header is left out.
fn headers(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (halves.next(), halves.next()) else {
            continue;
        };
        let name = HeaderName::from_bytes(name);
        let value = HeaderValue::from_bytes(value.trim_ascii_start());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}
