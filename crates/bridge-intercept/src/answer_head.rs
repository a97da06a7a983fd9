//! The head of an answer on its way to the caller.

use http::header::{
    ALT_SVC, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, SET_COOKIE, STRICT_TRANSPORT_SECURITY, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, StatusCode};

/// Names that concern one connection only (RFC 9110, section 7.6.1), or bind the caller to the
/// provider's origin instead of to us.
const NOT_FOR_CALLERS: [HeaderName; 12] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    SET_COOKIE,
    ALT_SVC,
    STRICT_TRANSPORT_SECURITY,
    HeaderName::from_static("public-key-pins"),
];

/// Beginnings of names that only the gateway itself may say.
const OURS: [&str; 3] = ["x-coder-", "x-ai-bridge-", "x-bridge-"];

/// How streams of events begin.
const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];

/// How many bytes are looked at. White space may stand before what tells.
const LONGEST_SNIFF: usize = 1 << 10;

/// What an answer's body is, by its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// A stream of events.
    Events,
    /// A whole JSON value.
    Whole,
    /// The head does not say; the first bytes will.
    Unsaid,
    /// Something that is no API's, like a web page.
    Foreign,
    /// A failure of the provider.
    Failure,
}

impl BodyKind {
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        if !status.is_success() {
            return Self::Failure;
        }
        let Some(content_type) = headers.get(CONTENT_TYPE) else {
            return Self::Unsaid;
        };
        let bare = content_type
            .as_bytes()
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default();
        let bare = bare.trim_ascii().to_ascii_lowercase();
        match bare.as_slice() {
            b"text/event-stream" => Self::Events,
            b"text/plain" | b"application/octet-stream" | b"" => Self::Unsaid,
            json if json == b"application/json" || json.ends_with(b"+json") => Self::Whole,
            _ => Self::Foreign,
        }
    }

    /// Decides by the first bytes of the body where the head did not say. None when they are too
    /// few to tell.
    pub(crate) fn sniff(first: &[u8]) -> Option<Self> {
        let text = first.trim_ascii_start();
        if let [b'{' | b'[', ..] = text {
            return Some(Self::Whole);
        }
        let begins = |field: &&[u8]| text.starts_with(field);
        let may_begin = |field: &&[u8]| field.starts_with(text);
        if FIELDS.iter().any(begins) {
            return Some(Self::Events);
        }
        let is_open = FIELDS.iter().any(may_begin) && first.len() < LONGEST_SNIFF;
        (!is_open).then_some(Self::Foreign)
    }
}

/// Whether the provider said how long the body is, so that an early end is noticed.
pub(crate) fn is_framed(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(CONTENT_LENGTH)
}

/// What a status says that no API answers with, and no caller asked for.
pub(crate) fn no_answer(status: StatusCode) -> Option<&'static str> {
    if status.is_informational() {
        return Some("a switch of protocols");
    }
    status.is_redirection().then_some("a redirect")
}

/// Removes what is not for callers. A length beside chunks means nothing and must not be repeated
/// (RFC 9112, section 6.3).
pub(crate) fn clean(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in NOT_FOR_CALLERS.iter().chain(&named) {
        headers.remove(name);
    }
    let ours: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_ours(name.as_str()))
        .cloned()
        .collect();
    for name in &ours {
        headers.remove(name);
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with('x') && OURS.iter().any(|start| name.starts_with(start))
}

/// Makes sure that proxies on the way pass events on as they come. The length goes, because an
/// error event may follow what the provider sent.
pub(crate) fn prepare_events(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
    headers
        .entry(HeaderName::from_static("x-accel-buffering"))
        .or_insert(HeaderValue::from_static("no"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        headers
    }

    #[test]
    fn kinds_follow_the_head() {
        let check = |status: u16, content_type: &'static str, kind: BodyKind| {
            let headers = map(&[("content-type", content_type)]);
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                BodyKind::of(status, &headers),
                kind,
                "{status} {content_type}"
            );
        };
        check(200, "text/event-stream; charset=utf-8", BodyKind::Events);
        check(200, "Text/Event-Stream", BodyKind::Events);
        check(200, "application/json", BodyKind::Whole);
        check(201, "application/problem+json; x=y", BodyKind::Whole);
        check(200, "text/html", BodyKind::Foreign);
        check(200, "text/plain", BodyKind::Unsaid);
        check(429, "application/json", BodyKind::Failure);
        check(302, "text/html", BodyKind::Failure);
        assert_eq!(
            BodyKind::of(StatusCode::OK, &HeaderMap::new()),
            BodyKind::Unsaid
        );
    }

    #[test]
    fn the_first_bytes_decide_where_the_head_does_not() {
        assert_eq!(BodyKind::sniff(b" \n{\"id\""), Some(BodyKind::Whole));
        assert_eq!(BodyKind::sniff(b"data: {}"), Some(BodyKind::Events));
        assert_eq!(BodyKind::sniff(b": hello"), Some(BodyKind::Events));
        assert_eq!(BodyKind::sniff(b"<html>"), Some(BodyKind::Foreign));
        assert_eq!(BodyKind::sniff(b"date"), Some(BodyKind::Foreign));
        for too_few in [&b""[..], b"\n ", b"d", b" even"] {
            assert_eq!(BodyKind::sniff(too_few), None);
        }
        assert_eq!(BodyKind::sniff(&[b' '; 2_000]), Some(BodyKind::Foreign));
    }

    #[test]
    fn callers_get_what_is_safe_and_useful() {
        let mut headers = map(&[
            ("connection", "close, x-odd"),
            ("x-odd", "1"),
            ("transfer-encoding", "chunked"),
            ("set-cookie", "a=b"),
            ("alt-svc", "h3"),
            ("x-coder-anything", "1"),
            ("x-ai-bridge-actor-id", "1"),
            ("retry-after", "3"),
            ("request-id", "req_1"),
            ("anthropic-ratelimit-requests-remaining", "9"),
            ("x-ratelimit-remaining-tokens", "9"),
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
        ]);
        clean(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        let expected = [
            "anthropic-ratelimit-requests-remaining",
            "content-encoding",
            "content-type",
            "request-id",
            "retry-after",
            "x-ratelimit-remaining-tokens",
        ];
        assert_eq!(left, expected);
    }
}
