//! What is read from headers, and in which order.

use bridge_auth::{HeaderPolicy, KeySource, Scheme, Verdict};
use http::{HeaderMap, HeaderValue};

use crate::map;

const TOKEN: &str = "X-Coder-AI-Governance-Token";
const REQUEST_ID: &str = "X-Coder-AI-Governance-Request-Id";

#[derive(Debug, PartialEq)]
enum Expected {
    Absent,
    Malformed,
    Found(&'static str, Scheme),
}

fn check(headers: &[(&str, &str)], mode: KeySource, expected: &Expected) {
    check_map(&map(headers), mode, expected);
}

fn check_map(headers: &HeaderMap, mode: KeySource, expected: &Expected) {
    let presented = HeaderPolicy::default().present(headers);
    assert_eq!(presented.key_mode(), mode, "{headers:?}");
    match (presented.verdict(), expected) {
        (Verdict::Absent, Expected::Absent) | (Verdict::Malformed, Expected::Malformed) => {
            assert_eq!(presented.credential(), None, "{headers:?}");
        }
        (Verdict::Found(found), Expected::Found(secret, scheme)) => {
            assert_eq!(found.secret().expose(), *secret, "{headers:?}");
            assert_eq!(found.scheme(), *scheme, "{headers:?}");
            assert_eq!(presented.credential(), Some(found));
        }
        (verdict, expected) => panic!("{headers:?}: {verdict:?} and not {expected:?}"),
    }
    let admitted = HeaderPolicy::default().admit(headers.clone());
    assert_eq!(admitted.presented, presented, "{headers:?}");
}

#[test]
fn a_credential_is_looked_for_in_three_places() {
    use Expected::{Absent, Found, Malformed};
    use KeySource::Centralized;

    check(&[], Centralized, &Absent);
    check(&[("Coder-Session-Token", "key")], Centralized, &Absent);
    check(&[("X-Coder-Token", "key")], Centralized, &Absent);
    check(
        &[("Proxy-Authorization", "Bearer key")],
        Centralized,
        &Absent,
    );

    check(&[("Authorization", "invalid")], Centralized, &Malformed);
    check(&[("Authorization", "bearer")], Centralized, &Malformed);
    check(&[("Authorization", "Bearer a b")], Centralized, &Malformed);
    check(&[("Authorization", "Basic xyz")], Centralized, &Malformed);
    check(&[("Authorization", " ")], Centralized, &Absent);
    let bearer = Found("key", Scheme::Bearer);
    check(&[("Authorization", "bearer key")], Centralized, &bearer);
    check(&[("Authorization", "BEARer key")], Centralized, &bearer);
    check(
        &[("Authorization", " \tBearer  key ")],
        Centralized,
        &bearer,
    );

    let both = [("Authorization", "Bearer key"), ("X-Api-Key", "other")];
    check(&both, Centralized, &bearer);

    let api_key = Found("key", Scheme::ApiKey);
    check(&[("X-Api-Key", "")], Centralized, &Absent);
    check(&[("X-Api-Key", " \t")], Centralized, &Absent);
    check(&[("X-Api-Key", "key")], Centralized, &api_key);
    check(&[("x-api-key", " key ")], Centralized, &api_key);
    for malformed in ["invalid", "bearer", "Bearer a b", "Basic xyz", ""] {
        let both = [("Authorization", malformed), ("X-Api-Key", "key")];
        check(&both, Centralized, &api_key);
    }
    let spaced = Found("two words", Scheme::ApiKey);
    check(&[("X-Api-Key", "two words")], Centralized, &spaced);
}

#[test]
fn the_own_key_header_goes_before_all_others() {
    use KeySource::{Byok, Centralized};

    let token = Expected::Found("key", Scheme::OwnKeyToken);
    check(&[(TOKEN, "key")], Byok, &token);
    check(&[(TOKEN, " key\t")], Byok, &token);
    check(&[(&TOKEN.to_lowercase(), "key")], Byok, &token);
    let all = [
        (TOKEN, "key"),
        ("Authorization", "Bearer own"),
        ("X-Api-Key", "own"),
    ];
    check(&all, Byok, &token);

    check(&[(TOKEN, "")], Centralized, &Expected::Absent);
    check(&[(TOKEN, " \t ")], Centralized, &Expected::Absent);
    let blank = [(TOKEN, "  "), ("Authorization", "Bearer key")];
    check(&blank, Centralized, &Expected::Found("key", Scheme::Bearer));
}

#[test]
fn only_the_first_value_counts() {
    use KeySource::{Byok, Centralized};

    check(
        &[(TOKEN, "first"), (TOKEN, "second")],
        Byok,
        &Expected::Found("first", Scheme::OwnKeyToken),
    );
    check(
        &[(TOKEN, ""), (TOKEN, "second")],
        Centralized,
        &Expected::Absent,
    );
    check(
        &[
            ("Authorization", "Bearer first"),
            ("Authorization", "Bearer second"),
        ],
        Centralized,
        &Expected::Found("first", Scheme::Bearer),
    );
    check(
        &[
            ("Authorization", "Basic first"),
            ("Authorization", "Bearer second"),
        ],
        Centralized,
        &Expected::Malformed,
    );
    check(
        &[("X-Api-Key", ""), ("X-Api-Key", "second")],
        Centralized,
        &Expected::Absent,
    );
}

#[test]
fn bytes_that_are_no_text_are_no_credential() {
    use KeySource::{Byok, Centralized};

    let garbled = |bytes| HeaderValue::from_bytes(bytes).unwrap();
    let mut headers = map(&[("X-Api-Key", "key")]);
    headers.insert("authorization", garbled(b"Bearer \xff\xfe"));
    check_map(
        &headers,
        Centralized,
        &Expected::Found("key", Scheme::ApiKey),
    );
    headers.insert("x-api-key", garbled(b"\xff"));
    check_map(&headers, Centralized, &Expected::Malformed);

    // In own-key mode what stands elsewhere is for the provider, so it is not tried.
    let mut headers = map(&[("Authorization", "Bearer own"), ("X-Api-Key", "own")]);
    headers.insert("x-coder-ai-governance-token", garbled(b"\xff"));
    check_map(&headers, Byok, &Expected::Malformed);
}

#[test]
fn a_correlation_id_is_taken_and_removed() {
    fn check(value: &[u8], id: Option<&str>) {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(value).unwrap();
        headers.insert("x-coder-ai-governance-request-id", value);
        let admitted = HeaderPolicy::default().admit(headers);
        assert_eq!(admitted.presented.correlation_id(), id);
        assert!(admitted.scrubbed.headers().is_empty());
    }
    check(
        b"6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10",
        Some("6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10"),
    );
    check(b" id-1 ", Some("id-1"));
    check(b"", None);
    check(b"  ", None);
    check(b"two words", None);
    check(b"\xff", None);
    check(&[b'a'; 256], Some(&"a".repeat(256)));
    check(&[b'a'; 257], None);

    let none = HeaderPolicy::default().present(&map(&[("X-Request-Id", "id-1")]));
    assert_eq!(none.correlation_id(), None);
    let twice = HeaderPolicy::default().present(&map(&[(REQUEST_ID, "1"), (REQUEST_ID, "2")]));
    assert_eq!(twice.correlation_id(), Some("1"));
}
