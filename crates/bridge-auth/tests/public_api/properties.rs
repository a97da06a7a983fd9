//! Over random headers: no credential survives, scrubbing twice is scrubbing once, nothing panics.

use bridge_auth::{HeaderPolicy, KeySource, Scrubbed};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const OWN_KEY: HeaderName = HeaderName::from_static("x-coder-ai-governance-token");

type Lines = Vec<(String, Vec<u8>)>;

fn name() -> impl Strategy<Value = String> {
    let known = select(vec![
        "accept",
        "accept-encoding",
        "anthropic-beta",
        "api-key",
        "authorization",
        "connection",
        "cookie",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-authorization",
        "referer",
        "te",
        "user-agent",
        "via",
        "x-ai-bridge-actor-id",
        "x-api-key",
        "x-coder-ai-governance-token",
        "x-coder-ai-governance-request-id",
        "x-coder-token",
        "x-forwarded-for",
        "x-goog-api-key",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => "[a-z0-9!#$%&'*+.^_|~-]{1,24}"]
}

/// Bytes that a header value may hold: anything but controls, with or without text in it.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let allowed = any::<u8>().prop_map(|byte| match byte {
        0..0x20 | 0x7f => b'\t',
        other => other,
    });
    let bytes = vec(allowed, 0..40);
    let words = "( |\t)?(Bearer|bearer|Basic|close|keep-alive)?[ ,]?[!-~]{0,30}[ ,]?(x-api-key)?";
    prop_oneof![bytes, words.prop_map(String::into_bytes)]
}

fn lines() -> impl Strategy<Value = Lines> {
    vec((name(), value()), 0..24)
}

/// A credential as organisations issue them: without spaces, and long enough to be one.
fn secret() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._~+/-]{16,48}"
}

/// How the credential may be wrapped where it does not belong.
fn wrapping() -> impl Strategy<Value = (&'static str, &'static str)> {
    select(vec![
        ("", ""),
        ("Bearer ", ""),
        ("token=", "; path=/"),
        ("https://host/?key=", "&a=1"),
        ("<", ">"),
        ("\"", "\""),
        ("a, ", ", b"),
    ])
}

fn map(lines: &Lines) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    map
}

fn holds(scrubbed: &Scrubbed, secret: &str) -> bool {
    let secret = secret.as_bytes();
    let has = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret);
    let mut headers = scrubbed.headers().iter();
    headers.any(|(name, value)| has(name.as_str().as_bytes()) || has(value.as_bytes()))
}

fn expected_gone(name: &str) -> bool {
    let prefixes = ["x-coder-", "x-forwarded-", "proxy-", "x-ai-bridge-actor"];
    let names = [
        "connection",
        "cookie",
        "forwarded",
        "host",
        "keep-alive",
        "te",
        "via",
    ];
    names.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

proptest! {
    #[test]
    fn no_credential_of_the_organisation_survives(
        lines in lines(),
        secret in secret(),
        plants in vec((name(), wrapping()), 0..6),
        place in 0..3_usize,
    ) {
        let mut headers = map(&lines);
        for (name, (before, after)) in plants {
            let value = HeaderValue::try_from(format!("{before}{secret}{after}")).unwrap();
            headers.append(name.parse::<HeaderName>().unwrap(), value);
        }
        // The place where it is presented, with nothing before it that would be found first.
        headers.remove(OWN_KEY);
        let (name, value) = match place {
            0 => (OWN_KEY, secret.clone()),
            1 => (http::header::AUTHORIZATION, format!("Bearer {secret}")),
            _ => {
                headers.remove("authorization");
                (HeaderName::from_static("x-api-key"), secret.clone())
            }
        };
        headers.insert(name, HeaderValue::try_from(value).unwrap());
        let policy = HeaderPolicy::default();
        let admitted = policy.admit(headers);
        prop_assert_eq!(admitted.presented.credential().unwrap().secret().expose(), &secret);
        prop_assert!(!holds(&admitted.scrubbed, &secret), "{:?}", admitted.scrubbed.headers());
    }

    #[test]
    fn scrubbing_twice_is_scrubbing_once(lines in lines(), token in "[ ]?[!-~]{0,30}") {
        let policy = HeaderPolicy::default();
        let token = HeaderValue::try_from(token).unwrap();
        let mut headers = map(&lines);
        headers.insert(OWN_KEY, token.clone());
        let once = policy.admit(headers);

        // The mode is told by the header that scrubbing removes, so it is told again.
        let mut again = once.scrubbed.headers().clone();
        again.insert(OWN_KEY, token);
        let twice = policy.admit(again);
        prop_assert_eq!(&once.scrubbed, &twice.scrubbed);
        if once.presented.key_mode() == KeySource::Byok {
            prop_assert_eq!(once.presented.verdict(), twice.presented.verdict());
        }
    }

    #[test]
    fn nothing_that_must_not_travel_is_left_whatever_the_bytes(lines in lines()) {
        let policy = HeaderPolicy::default();
        let headers = map(&lines);
        let admitted = policy.admit(headers.clone());
        prop_assert_eq!(&policy.present(&headers), &admitted.presented);
        let scrubbed = admitted.scrubbed;
        for (name, _) in scrubbed.headers() {
            prop_assert!(!expected_gone(name.as_str()), "{name}");
        }
        let is_central = admitted.presented.key_mode() == KeySource::Centralized;
        let brings_own = scrubbed.own_bearer().is_some() || scrubbed.own_api_key().is_some();
        prop_assert!(!(is_central && brings_own));
        for (name, value) in scrubbed.headers() {
            let sent: Vec<_> = headers.get_all(name).iter().collect();
            prop_assert!(sent.contains(&value), "nothing is invented");
        }
    }
}
