//! What never travels, whoever sent it.

use http::header::{AUTHORIZATION, CONNECTION, HeaderValue};
use http::{HeaderMap, HeaderName};

use crate::scheme::Reading;
use crate::{HeaderPolicy, KeySource, Presented, Secret};

pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Headers that mean something to providers or to the reading of bodies, so that no setting may
/// take them away. A name stands for all that begin with it, too.
pub(crate) const NEEDED: [&str; 13] = [
    "accept",
    "accept-encoding",
    "anthropic-beta",
    "anthropic-version",
    "authorization",
    "content-encoding",
    "content-type",
    "idempotency-key",
    "openai-organization",
    "openai-project",
    "user-agent",
    "x-api-key",
    "x-stainless-",
];

/// Headers of others that must not be given a meaning here: of providers, of HTTP and of tracing. A
/// name stands for all that begin with it. Unlike the needed ones they may be kept from providers by
/// an internal prefix.
const OF_OTHERS: [&str; 15] = [
    "anthropic-",
    "baggage",
    "cache-control",
    "chatgpt-",
    "copilot-",
    "date",
    "openai-",
    "range",
    "traceparent",
    "tracestate",
    "vscode-",
    "x-amz-",
    "x-goog-",
    "x-initiator",
    "x-request-id",
];

/// Headers in which one provider or another takes a credential.
pub(crate) const SECRET: [&str; 6] = [
    "authorization",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-goog-api-key",
    "x-amz-security-token",
];

/// From this length on, a credential is looked for inside of values and names. A shorter one is
/// more likely a placeholder like `anthropic`, which must not take innocent headers along; it is
/// looked for as a word of its own.
const LONG: usize = 16;

/// How many names are usually taken out of a request.
const USUAL: usize = 12;

/// Whether a header has a meaning of its own, so that no setting may give it another.
pub(crate) fn is_reserved(name: &HeaderName) -> bool {
    let text = name.as_str();
    let begins_with = |names: &[&str]| names.iter().any(|name| text.starts_with(name));
    never_travels(text) || holds_secret(text) || begins_with(&NEEDED) || begins_with(&OF_OTHERS)
}

/// Takes out what must not go on, and marks what must not be shown.
pub(crate) fn scrub(
    headers: &mut HeaderMap,
    policy: &HeaderPolicy,
    mode: KeySource,
    stains: &Stains<'_>,
) {
    remove_connection_options(headers);
    let mut doomed: Vec<HeaderName> = Vec::with_capacity(USUAL);
    for (name, value) in headers.iter_mut() {
        if doomed.last() == Some(name) {
            continue;
        }
        let is_for_us = mode == KeySource::Centralized && is_credential(name);
        if is_for_us
            || never_travels(name.as_str())
            || policy.is_own(name)
            || stains.are_on(name, value)
        {
            doomed.push(name.clone());
        } else if holds_secret(name.as_str()) {
            value.set_sensitive(true);
        }
    }
    for name in doomed {
        headers.remove(name);
    }
}

/// The headers in which both the organisation's credential and a caller's own may stand.
fn is_credential(name: &HeaderName) -> bool {
    *name == AUTHORIZATION || *name == X_API_KEY
}

fn holds_secret(name: &str) -> bool {
    SECRET.contains(&name)
}

fn never_travels(name: &str) -> bool {
    is_of_connection(name) || is_of_network(name) || name == "anthropic-workspace-id"
}

/// Hop-by-hop headers (RFC 9110, section 7.6.1, and those before it), and what the transport on
/// the other side sets for itself. `Expect` was answered when the body was asked for.
fn is_of_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "content-length"
            | "expect"
            | "host"
            | "http2-settings"
            | "keep-alive"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    ) || name.starts_with("proxy-")
}

/// What tells a provider of the network and the browser a request came from.
fn is_of_network(name: &str) -> bool {
    matches!(
        name,
        "cf-connecting-ip"
            | "client-ip"
            | "cookie"
            | "cookie2"
            | "fastly-client-ip"
            | "forwarded"
            | "set-cookie"
            | "true-client-ip"
            | "via"
            | "x-client-ip"
            | "x-cluster-client-ip"
            | "x-envoy-external-address"
            | "x-forwarded"
            | "x-original-host"
            | "x-real-ip"
            | "x-remote-addr"
            | "x-remote-ip"
    ) || name.starts_with("x-forwarded-")
        || name.starts_with("x-original-forwarded-")
}

/// A sender lists in `Connection` what it means for this hop only (RFC 9110, section 7.6.1).
fn remove_connection_options(headers: &mut HeaderMap) {
    let is_plain = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        bytes.eq_ignore_ascii_case(b"keep-alive") || bytes.eq_ignore_ascii_case(b"close")
    };
    let values = headers.get_all(CONNECTION).iter();
    let values: Vec<HeaderValue> = values.filter(|value| !is_plain(value)).cloned().collect();
    for value in &values {
        for option in value.as_bytes().split(|byte| *byte == b',') {
            let option = str::from_utf8(option.trim_ascii()).unwrap_or_default();
            headers.remove(option);
        }
    }
}

/// The organisation's credentials of a request, looked for in every header.
pub(crate) struct Stains<'a> {
    found: Option<&'a Secret>,
    /// Some tools send one credential in `Authorization` and another in `X-Api-Key`. In central
    /// mode both are the organisation's.
    second: Option<Secret>,
}

impl<'a> Stains<'a> {
    pub(crate) fn of(presented: &'a Presented, headers: &HeaderMap) -> Self {
        let second = match presented.key_mode() {
            KeySource::Centralized => Reading::whole(headers.get(&X_API_KEY)).text(),
            KeySource::Byok => None,
        };
        let found = presented.credential().map(|found| found.secret());
        let second = second.filter(|text| found.is_none_or(|found| found.expose() != *text));
        Self {
            found,
            second: second.map(|text| Secret::new(text.to_owned())),
        }
    }

    fn are_on(&self, name: &HeaderName, value: &HeaderValue) -> bool {
        [self.found, self.second.as_ref()]
            .into_iter()
            .flatten()
            .any(|secret| is_on(secret.expose().as_bytes(), name, value.as_bytes()))
    }
}

/// The caller sent both, so there is nobody from whom the time of this comparison would have to be
/// hidden.
fn is_on(secret: &[u8], name: &HeaderName, value: &[u8]) -> bool {
    if secret.len() < LONG {
        return contains_word(value, secret);
    }
    let name = name.as_str().as_bytes();
    let mut parts = name.windows(secret.len());
    contains(value, secret) || parts.any(|part| part.eq_ignore_ascii_case(secret))
}

/// Whether the secret stands in the value with nothing before and behind it that would make it a
/// part of a longer word. It may be several words itself, so the value cannot be split.
fn contains_word(value: &[u8], secret: &[u8]) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_none_or(is_between_words);
    let mut parts = value.windows(secret.len()).enumerate();
    parts.any(|(at, part)| {
        part == secret
            && is_end(value.get(..at).and_then(<[u8]>::last))
            && is_end(value.get(at + secret.len()))
    })
}

fn is_between_words(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b':' | b'=' | b'"')
}

fn contains(value: &[u8], secret: &[u8]) -> bool {
    let first = secret.first();
    let mut parts = value.windows(secret.len());
    parts.any(|part| part.first() == first && part == secret)
}

#[cfg(test)]
mod tests;
