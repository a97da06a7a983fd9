//! Where a path leads: to an interception, to an allowed passthrough, or nowhere.
//!
//! Passthrough is a list and no catch-all, because an operator's key may be good for more than a
//! caller should reach.

use http::Method;

use crate::{DialectId, Format};

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route<'p> {
    /// What is done with the request.
    pub kind: RouteKind,
    /// The path at the provider, below its base address.
    pub upstream_path: &'p str,
    /// The route's name, from a closed list.
    pub label: &'static str,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteKind {
    /// It is recorded.
    Bridged(DialectId),
    /// It is relayed unrecorded.
    Passthrough,
    /// It asks whether anybody is there.
    Hello,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// There is no such route.
    #[error("no such route")]
    NotFound,
    /// The route does not take this method.
    #[error("method not allowed, use {allow}")]
    Method {
        /// The methods it takes.
        allow: &'static str,
    },
}

struct Entry {
    /// Ends with a slash when everything below belongs to it. A star stands for one segment.
    path: &'static str,
    kind: RouteKind,
    allow: &'static str,
}

const MESSAGES: RouteKind = RouteKind::Bridged(DialectId::AnthropicMessages);
const CHAT: RouteKind = RouteKind::Bridged(DialectId::OpenAiChat);
const RESPONSES: RouteKind = RouteKind::Bridged(DialectId::OpenAiResponses);

const fn entry(path: &'static str, kind: RouteKind, allow: &'static str) -> Entry {
    Entry { path, kind, allow }
}

/// Exact paths stand before the trees that hold them.
const ANTHROPIC: [Entry; 6] = [
    entry("/v1/messages", MESSAGES, "POST"),
    entry("/v1/messages/count_tokens", RouteKind::Passthrough, "POST"),
    entry("/v1/models", RouteKind::Passthrough, "GET, HEAD"),
    entry("/v1/models/", RouteKind::Passthrough, "GET, HEAD"),
    entry("/api/event_logging/", RouteKind::Passthrough, "POST"),
    entry("/api/hello", RouteKind::Hello, "GET, HEAD"),
];

const OPENAI: [Entry; 11] = [
    entry("/v1/chat/completions", CHAT, "POST"),
    entry("/v1/responses", RESPONSES, "POST"),
    entry("/v1/responses/compact", RESPONSES, "POST"),
    // Nothing else that is posted below may pass unrecorded: it could make an answer.
    entry("/v1/responses/input_tokens", RouteKind::Passthrough, "POST"),
    entry("/v1/responses/*/cancel", RouteKind::Passthrough, "POST"),
    entry(
        "/v1/responses/",
        RouteKind::Passthrough,
        "GET, HEAD, DELETE",
    ),
    entry("/v1/conversations", RouteKind::Passthrough, "POST"),
    entry(
        "/v1/conversations/",
        RouteKind::Passthrough,
        "GET, HEAD, POST, DELETE",
    ),
    entry("/v1/models", RouteKind::Passthrough, "GET, HEAD"),
    entry("/v1/models/", RouteKind::Passthrough, "GET, HEAD"),
    entry("/api/hello", RouteKind::Hello, "GET, HEAD"),
];

const COPILOT: [Entry; 12] = [
    entry("/chat/completions", CHAT, "POST"),
    entry("/responses", RESPONSES, "POST"),
    entry("/responses/compact", RESPONSES, "POST"),
    entry("/v1/messages", MESSAGES, "POST"),
    entry("/_ping", RouteKind::Passthrough, "GET, HEAD"),
    entry("/auto", RouteKind::Passthrough, "GET, HEAD, POST"),
    entry("/models", RouteKind::Passthrough, "GET, HEAD"),
    entry("/models/", RouteKind::Passthrough, "GET, HEAD, POST"),
    entry("/agents/", RouteKind::Passthrough, "GET, HEAD, POST"),
    entry("/mcp/", RouteKind::Passthrough, "GET, HEAD, POST, DELETE"),
    entry("/.well-known/", RouteKind::Passthrough, "GET, HEAD"),
    entry("/api/hello", RouteKind::Hello, "GET, HEAD"),
];

/// Finds the route of a path, which is what follows the provider's name and begins with a slash.
///
/// A slash behind an intercepted path changes nothing. Paths with empty segments, dot segments or
/// encoded separators lead nowhere: a provider might read them otherwise than this list.
///
/// # Errors
/// [`RouteError::NotFound`] for an unknown path, [`RouteError::Method`] for a known one.
pub fn route<'p>(format: Format, method: &Method, path: &'p str) -> Result<Route<'p>, RouteError> {
    if !is_plain(path) {
        return Err(RouteError::NotFound);
    }
    let (entry, path) = find(format, path).ok_or(RouteError::NotFound)?;
    if !entry
        .allow
        .split(", ")
        .any(|allowed| allowed == method.as_str())
    {
        return Err(RouteError::Method { allow: entry.allow });
    }
    let upstream_path = match format {
        // The base address ends with the version already.
        Format::OpenAi => path.strip_prefix("/v1").unwrap_or(path),
        Format::Anthropic | Format::Copilot => path,
    };
    Ok(Route {
        kind: entry.kind,
        upstream_path,
        label: entry.path,
    })
}

fn find(format: Format, path: &str) -> Option<(&'static Entry, &str)> {
    let entries: &'static [Entry] = match format {
        Format::Anthropic => &ANTHROPIC,
        Format::OpenAi => &OPENAI,
        Format::Copilot => &COPILOT,
    };
    let exact = |path: &str| entries.iter().find(|entry| entry.path == path);
    if let Some(short) = path.strip_suffix('/')
        && let Some(bridged) = exact(short)
        && matches!(bridged.kind, RouteKind::Bridged(_))
    {
        return Some((bridged, short));
    }
    exact(path)
        .or_else(|| entries.iter().find(|entry| entry.holds(path)))
        .map(|entry| (entry, path))
}

impl Entry {
    /// Whether a path that is not the entry's own belongs to it.
    fn holds(&self, path: &str) -> bool {
        match self.path.split_once('*') {
            Some((before, after)) => {
                let rest = path.strip_prefix(before);
                let star = rest.and_then(|rest| rest.strip_suffix(after));
                star.is_some_and(|star| !star.is_empty() && !star.contains('/'))
            }
            None => self.path.ends_with('/') && path.starts_with(self.path),
        }
    }
}

/// Whether every reader takes the path for the same segments.
fn is_plain(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        // Some readers take what follows a semicolon for parameters of the segment.
        let name = segment.split(';').next().unwrap_or(segment);
        let is_dots = matches!(name, "." | "..");
        if is_dots || (segment.is_empty() && !is_last) || has_encoded_separator(segment) {
            return false;
        }
    }
    path.bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// Dots, slashes, backslashes, percent signs and control characters in percent encoding, and
/// encodings that are none.
fn has_encoded_separator(segment: &str) -> bool {
    segment.split('%').skip(1).any(|after| {
        let code = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            None | Some(b'.' | b'/' | b'\\' | b'%' | 0x7f) => true,
            Some(code) => code < 0x20,
        }
    })
}

/// The dialect in which callers on this path expect to read errors.
#[must_use]
pub fn error_dialect(format: Format, path: &str) -> DialectId {
    match format {
        Format::Anthropic => DialectId::AnthropicMessages,
        Format::Copilot if path.starts_with("/v1/messages") => DialectId::AnthropicMessages,
        Format::OpenAi | Format::Copilot if path.contains("/responses") => {
            DialectId::OpenAiResponses
        }
        Format::OpenAi | Format::Copilot => DialectId::OpenAiChat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Format, request: &str, expected: Result<(RouteKind, &str), RouteError>) {
        let (method, path) = request.split_once(' ').unwrap();
        let found = route(format, &method.parse().unwrap(), path);
        let found = found
            .as_ref()
            .map(|found| (found.kind, found.upstream_path));
        assert_eq!(found.map_err(|error| *error), expected, "{request}");
    }

    #[test]
    fn paths_lead_where_the_lists_say() {
        use Format::{Anthropic, Copilot, OpenAi};
        let pass = |path| Ok((RouteKind::Passthrough, path));
        let method = |allow| Err(RouteError::Method { allow });
        check(
            Anthropic,
            "POST /v1/messages",
            Ok((MESSAGES, "/v1/messages")),
        );
        check(
            Anthropic,
            "POST /v1/messages/",
            Ok((MESSAGES, "/v1/messages")),
        );
        check(Anthropic, "GET /v1/messages", method("POST"));
        check(
            Anthropic,
            "POST /v1/messages/count_tokens",
            pass("/v1/messages/count_tokens"),
        );
        check(Anthropic, "GET /v1/models/m%3A1", pass("/v1/models/m%3A1"));
        check(
            Anthropic,
            "HEAD /api/hello",
            Ok((RouteKind::Hello, "/api/hello")),
        );
        check(
            OpenAi,
            "POST /v1/chat/completions",
            Ok((CHAT, "/chat/completions")),
        );
        check(OpenAi, "POST /v1/responses/", Ok((RESPONSES, "/responses")));
        check(
            OpenAi,
            "POST /v1/responses/compact",
            Ok((RESPONSES, "/responses/compact")),
        );
        check(
            OpenAi,
            "GET /v1/responses/resp_1",
            pass("/responses/resp_1"),
        );
        check(
            OpenAi,
            "PUT /v1/responses/resp_1",
            method("GET, HEAD, DELETE"),
        );
        let cancel = "/responses/resp_1/cancel";
        check(OpenAi, "POST /v1/responses/resp_1/cancel", pass(cancel));
        let tokens = "/responses/input_tokens";
        check(OpenAi, "POST /v1/responses/input_tokens", pass(tokens));
        for unrecorded in [
            "resp_1",
            "com%70act",
            "compact/x",
            "compactor",
            "a/b/cancel",
            "cancel",
        ] {
            let request = format!("POST /v1/responses/{unrecorded}");
            check(OpenAi, &request, method("GET, HEAD, DELETE"));
        }
        check(OpenAi, "GET /v1/models", pass("/models"));
        check(
            Copilot,
            "POST /chat/completions",
            Ok((CHAT, "/chat/completions")),
        );
        check(Copilot, "POST /v1/messages", Ok((MESSAGES, "/v1/messages")));
        check(Copilot, "GET /.well-known/x", pass("/.well-known/x"));
    }

    #[test]
    fn nothing_leads_out_of_the_lists() {
        for path in [
            "",
            "/",
            "v1/models",
            "/v1",
            "/v1/files",
            "/v1/models/../files",
            "/v1//models",
            "/v1/models/./x",
            "/v1/models/%2e%2e/files",
            "/v1/models/%2E%2e%2ffiles",
            "/v1/models/a%5Cb",
            "/v1/models/..;x/files",
            "/v1/models/%252e",
            "/v1/models/%zz",
            "/v1/models/%2",
            "/v1/models/a\\b",
            "/v1/models/%00",
            "/v1/models/é",
            "/V1/models",
            "/v1/modelsx",
        ] {
            for format in [Format::Anthropic, Format::OpenAi, Format::Copilot] {
                let found = route(format, &Method::GET, path);
                assert_eq!(found, Err(RouteError::NotFound), "{format:?} {path}");
            }
        }
    }

    #[test]
    fn errors_are_read_in_the_dialect_of_the_path() {
        let dialect = |format, path| error_dialect(format, path);
        assert_eq!(
            dialect(Format::Anthropic, "/x"),
            DialectId::AnthropicMessages
        );
        assert_eq!(
            dialect(Format::OpenAi, "/v1/responses"),
            DialectId::OpenAiResponses
        );
        assert_eq!(dialect(Format::OpenAi, "/v1/models"), DialectId::OpenAiChat);
        assert_eq!(
            dialect(Format::Copilot, "/v1/messages"),
            DialectId::AnthropicMessages
        );
    }
}
