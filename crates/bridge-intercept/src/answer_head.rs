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

    /// Decides by the first bytes of the body where the head did not say.
    pub(crate) fn sniff(first: &[u8]) -> Self {
        let text = first.trim_ascii_start();
        match text.first() {
            Some(b'{' | b'[') => Self::Whole,
            _ if [&b"data:"[..], b"event:", b"id:", b":"]
                .iter()
                .any(|s| text.starts_with(s)) =>
            {
                Self::Events
            }
            _ => Self::Foreign,
        }
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
        assert_eq!(BodyKind::sniff(b" \n{\"id\""), BodyKind::Whole);
        assert_eq!(BodyKind::sniff(b"data: {}"), BodyKind::Events);
        assert_eq!(BodyKind::sniff(b": hello"), BodyKind::Events);
        assert_eq!(BodyKind::sniff(b"<html>"), BodyKind::Foreign);
        assert_eq!(BodyKind::sniff(b""), BodyKind::Foreign);
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
