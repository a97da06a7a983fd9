//! What is taken out, case by case.

use super::*;

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

/// What is left besides the credential, which is a bearer token in central mode.
fn left(credential: &str, headers: &[(&str, &str)]) -> Vec<String> {
    let mut headers = map(headers);
    let bearer = HeaderValue::try_from(format!("Bearer {credential}")).unwrap();
    headers.insert(AUTHORIZATION, bearer);
    let left = HeaderPolicy::default().admit(headers).scrubbed;
    left.headers().keys().map(ToString::to_string).collect()
}

const KEY: &str = "key-of-the-organisation";

#[test]
fn a_credential_is_found_under_other_names() {
    fn check(name: &str, value: &str, stays: bool) {
        let expected: &[&str] = if stays { &[name] } else { &[] };
        assert_eq!(left(KEY, &[(name, value)]), expected, "{name}: {value}");
    }
    check("api-key", KEY, false);
    check("x-goog-api-key", " key-of-the-organisation ", false);
    check("x-custom", "Bearer key-of-the-organisation", false);
    check(
        "referer",
        "https://host/?token=key-of-the-organisation&a=1",
        false,
    );
    check("x-custom", "<key-of-the-organisation>", false);
    check("key-of-the-organisation", "1", false);
    check("x-key-of-the-organisation-2", "1", false);
    check("x-custom", "key-of-the-organisatio", true);
    check("x-custom", "Key-Of-The-Organisation", true);
    check("x-custom", "", true);
}

#[test]
fn a_short_credential_takes_only_its_own_word_along() {
    fn check(key: &str, name: &str, value: &str, stays: bool) {
        let expected: &[&str] = if stays { &[name] } else { &[] };
        assert_eq!(
            left(key, &[(name, value)]),
            expected,
            "{key} {name}: {value}"
        );
    }
    check("short", "api-key", "short", false);
    check("short", "x-custom", "Token short", false);
    check("short", "x-custom", "token=short;", false);
    check("short", "x-custom", "\"short\"", false);
    check("short", "x-custom", "shorter", true);
    check("short", "x-short", "1", true);
    check("team:one", "x-custom", "team:one", false);
    check("team:one", "x-custom", "key=team:one, b", false);
    check("team:one", "x-custom", "team:ones team one", true);
    check("a,\"b", "x-custom", "a,\"b", false);
    check("anthropic", "anthropic-version", "2023-06-01", true);
    check("claude", "user-agent", "claude-cli/2.1", true);
    check("fifteen-letters", "x-custom", "<fifteen-letters>", true);
    check("sixteen-letters!", "x-custom", "<sixteen-letters!>", false);
}

#[test]
fn what_connection_names_goes_with_it() {
    let headers = [
        ("connection", "keep-alive, X-First"),
        ("connection", "x-second ,, ,\u{e9}, X-Third"),
        ("x-first", "1"),
        ("x-second", "1"),
        ("x-third", "1"),
        ("x-fourth", "1"),
    ];
    assert_eq!(left(KEY, &headers), ["x-fourth"]);
}

#[test]
fn a_plain_connection_takes_nothing_along() {
    for plain in ["keep-alive", "close", "Close", "Keep-Alive", "", ","] {
        let headers = [("connection", plain), ("x-first", "1")];
        assert_eq!(left(KEY, &headers), ["x-first"], "{plain}");
    }
}

#[test]
fn both_credentials_of_a_caller_are_the_organisations() {
    let second = "another-key-of-the-organisation";
    let headers = [
        ("x-api-key", second),
        ("x-custom", second),
        ("accept", "*/*"),
    ];
    assert_eq!(left(KEY, &headers), ["accept"]);
}

#[test]
fn reserved_names_are_those_with_a_meaning() {
    fn check(name: &'static str, is: bool) {
        assert_eq!(is_reserved(&HeaderName::from_static(name)), is, "{name}");
    }
    check("authorization", true);
    check("te", true);
    check("via", true);
    check("x-forwarded-for", true);
    check("x-stainless-os", true);
    check("x-coder-anything", false);
    check("x-user-id", false);
    check("x-forwarded", true);
    check("x-forward", false);
}
