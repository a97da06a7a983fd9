//! Which parts of a head are shown in part only.

use std::collections::HashSet;

use bridge_auth::{Secret, SecretHint};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers that hold a credential: of requests, of answers, and those by which callers present
/// themselves to the gateway, which never get here.
const MASKED: [&str; 19] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-goog-api-key",
    "cookie",
    "cookie2",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-credential",
    "x-coder-ai-governance-token",
    "x-coder-ai-governance-session-token",
    "ocp-apim-subscription-key",
    "x-github-token",
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
    "proxy-authenticate",
];

/// Parts of the names of headers and parameters that nobody has listed, and that hold a credential
/// all the same.
const PARTS: [&str; 9] = [
    "token",
    "secret",
    "password",
    "passwd",
    "apikey",
    "api-key",
    "api_key",
    "signature",
    "credential",
];

/// Names with such a part that hold counts and limits.
const HARMLESS: [&str; 3] = ["ratelimit", "rate-limit", "max-tokens"];

/// Parameters that hold a credential.
const PARAMETERS: [&str; 4] = ["key", "sig", "auth", "access_key"];

/// Masks heads.
#[derive(Debug)]
pub(super) struct Masks(HashSet<HeaderName>);

impl Masks {
    /// What is always masked, and these.
    pub(super) fn new(more: &[HeaderName]) -> Self {
        let always = MASKED.into_iter().map(HeaderName::from_static);
        Self(always.chain(more.iter().cloned()).collect())
    }

    /// The headers as lines, sorted by name, one for each value.
    pub(super) fn lines(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let mut lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| (canonical(name), self.shown(name, value)))
            .collect();
        lines.sort_by(|(one, _), (other, _)| one.cmp(other));
        lines
    }

    fn shown(&self, name: &HeaderName, value: &HeaderValue) -> String {
        let text = String::from_utf8_lossy(value.as_bytes());
        if value.is_sensitive() || self.0.contains(name) || sounds_secret(name.as_str()) {
            return hint(&text);
        }
        // An address may have a credential in its query.
        match text.split_once('?') {
            Some((before, query)) => format!("{before}?{}", masked_query(query)),
            None => text.into_owned(),
        }
    }
}

/// The target of a request, without the values of parameters that hold a credential.
pub(super) fn target(target: &str) -> String {
    match target.split_once('?') {
        Some((path, query)) => format!("{path}?{}", masked_query(query)),
        None => target.to_owned(),
    }
}

fn masked_query(query: &str) -> String {
    let pairs: Vec<_> = query.split('&').map(masked_pair).collect();
    pairs.join("&")
}

fn masked_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, value)) if is_secret_parameter(name) => format!("{name}={}", hint(value)),
        Some(_) | None => pair.to_owned(),
    }
}

fn is_secret_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PARAMETERS.contains(&name.as_str()) || sounds_secret(&name)
}

fn sounds_secret(name: &str) -> bool {
    let has = |part: &&str| name.contains(*part);
    PARTS.iter().any(has) && !HARMLESS.iter().any(has)
}

fn hint(text: &str) -> String {
    SecretHint::of(&Secret::new(text.to_owned())).to_string()
}

/// `x-api-key` as `X-Api-Key`.
fn canonical(name: &HeaderName) -> String {
    let mut is_first = true;
    let letters = name.as_str().chars().map(|c| {
        let shown = if is_first { c.to_ascii_uppercase() } else { c };
        is_first = c == '-';
        shown
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, value: &'static str, wanted: &str) {
        let masks = Masks::new(&[HeaderName::from_static("x-house")]);
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )]);
        let lines = masks.lines(&headers);
        assert_eq!(lines[0].1, wanted, "{name}");
    }

    #[test]
    fn credentials_are_shown_in_part() {
        check("authorization", "Bearer sk-secret-key-12345", "Bear...2345");
        check("x-api-key", "secret-api-key-value", "secr...alue");
        check("cookie", "session=abc123", "se...23");
        check("www-authenticate", "Basic realm=\"api\"", "Ba...i\"");
        check("x-amz-security-token", "short", "s...t");
        check("x-house", "a-word-of-the-house-itself", "a-wo...self");
        check(
            "x-vendor-client-secret",
            "twenty-characters-ab",
            "twen...s-ab",
        );
        check(
            "location",
            "https://h/a?token=twenty-characters-ab&b=1",
            "https://h/a?token=twen...s-ab&b=1",
        );
        check("content-type", "application/json", "application/json");
        check("anthropic-ratelimit-tokens-limit", "400000", "400000");
        check(
            "x-request-id",
            "req_0123456789abcdef0123",
            "req_0123456789abcdef0123",
        );
    }

    #[test]
    fn what_is_marked_as_secret_is_masked_whatever_its_name() {
        let mut value = HeaderValue::from_static("twenty-characters-ab");
        value.set_sensitive(true);
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-plain"), value)]);
        let lines = Masks::new(&[]).lines(&headers);
        assert_eq!(lines, [("X-Plain".to_owned(), "twen...s-ab".to_owned())]);
    }

    #[test]
    fn parameters_that_hold_keys_are_masked() {
        for (text, wanted) in [
            ("/v1/models", "/v1/models"),
            (
                "/m?key=twenty-characters-ab&alt=sse",
                "/m?key=twen...s-ab&alt=sse",
            ),
            (
                "/m?X-Amz-Signature=0123456789&beta=true",
                "/m?X-Amz-Signature=01...89&beta=true",
            ),
            ("/m?beta", "/m?beta"),
        ] {
            assert_eq!(target(text), wanted, "{text}");
        }
    }
}
