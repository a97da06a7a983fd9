//! Errors: those of a provider, read, and our own, rendered in a dialect.

use bytes::Bytes;
use serde_json::json;

use crate::DialectId;
use crate::json::{Value, check};

/// Longest word for a kind of error that is kept, in characters.
const LONGEST_TYPE: usize = 128;
/// Longest explanation that is kept, in characters.
const LONGEST_MESSAGE: usize = 16 << 10;

/// A failure in neutral form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiFailure<'a> {
    /// What kind it is.
    pub kind: FailureKind,
    /// For the caller to read.
    pub message: &'a str,
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The request is wrong.
    InvalidRequest,
    /// The caller may not.
    Permission,
    /// There is nothing there.
    NotFound,
    /// The body is too large.
    TooLarge,
    /// Too often.
    RateLimit,
    /// Not now.
    Overloaded,
    /// Not in time.
    Timeout,
    /// The provider could not be reached or broke off.
    Upstream,
    /// Our own fault.
    Internal,
}

impl FailureKind {
    /// The kind of failure under a provider's status.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Permission,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            429 => Self::RateLimit,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            _ => Self::Upstream,
        }
    }

    /// The error types of Anthropic's API reference.
    const fn anthropic(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request_error",
            Self::Permission => "permission_error",
            Self::NotFound => "not_found_error",
            Self::TooLarge => "request_too_large",
            Self::RateLimit => "rate_limit_error",
            Self::Overloaded => "overloaded_error",
            Self::Timeout => "timeout_error",
            Self::Upstream | Self::Internal => "api_error",
        }
    }

    /// The error types of OpenAI's API reference, and a code of our own words.
    const fn openai(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidRequest => ("invalid_request_error", "invalid_request"),
            Self::Permission => ("permission_error", "permission_denied"),
            Self::NotFound => ("invalid_request_error", "not_found"),
            Self::TooLarge => ("invalid_request_error", "request_too_large"),
            Self::RateLimit => ("rate_limit_error", "rate_limit_exceeded"),
            Self::Overloaded => ("server_error", "service_unavailable"),
            Self::Timeout => ("server_error", "timeout"),
            Self::Upstream => ("server_error", "upstream_error"),
            Self::Internal => ("server_error", "internal_error"),
        }
    }
}

/// The body of an answer that tells a failure in the shape of a dialect.
#[must_use]
pub fn error_body(dialect: DialectId, failure: &ApiFailure<'_>) -> Bytes {
    Bytes::from(rendered(dialect, failure).to_string())
}

/// A whole event that tells a failure in a stream whose status was sent already. It is never one
/// that ends an answer well.
#[must_use]
pub fn error_event(dialect: DialectId, failure: &ApiFailure<'_>) -> Bytes {
    let text = match dialect {
        DialectId::AnthropicMessages => {
            format!("event: error\ndata: {}\n\n", rendered(dialect, failure))
        }
        DialectId::OpenAiChat => format!("data: {}\n\n", rendered(dialect, failure)),
        DialectId::OpenAiResponses => {
            let (kind, code) = failure.kind.openai();
            let message = failure.message;
            let event = json!({
                "type": "error",
                "code": code,
                "message": message,
                "param": null,
                "error": {"type": kind, "code": code, "message": message, "param": null},
            });
            format!("event: error\ndata: {event}\n\n")
        }
    };
    Bytes::from(text)
}

fn rendered(dialect: DialectId, failure: &ApiFailure<'_>) -> serde_json::Value {
    let message = failure.message;
    match dialect {
        DialectId::AnthropicMessages => {
            json!({"type": "error", "error": {"type": failure.kind.anthropic(), "message": message}})
        }
        DialectId::OpenAiChat | DialectId::OpenAiResponses => {
            let (kind, code) = failure.kind.openai();
            json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
        }
    }
}

/// What may be put between two events to show that somebody is still there, in dialects that have
/// such an event.
#[must_use]
pub fn ping(dialect: DialectId) -> Option<&'static [u8]> {
    match dialect {
        DialectId::AnthropicMessages => Some(b"event: ping\ndata: {\"type\": \"ping\"}\n\n"),
        DialectId::OpenAiChat | DialectId::OpenAiResponses => None,
    }
}

/// A provider's own words about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFailure {
    /// The provider's word for the kind of error; empty when there is none.
    pub error_type: String,
    /// The provider's explanation.
    pub message: String,
}

/// Reads the error body of a provider. Nothing when there is no message to be found in it.
#[must_use]
pub fn read_error(body: &[u8]) -> Option<ProviderFailure> {
    check(body).ok()?;
    let body = Value::new(body);
    // Google's endpoint wraps the body in an array.
    failure_in(body.items().next().unwrap_or(body))
}

/// All dialects say `error` with a `message`; relays in front of them say less.
pub(crate) fn failure_in(body: Value<'_>) -> Option<ProviderFailure> {
    let error = body.get("error").filter(|error| error.is_something());
    let error = error.unwrap_or(body);
    let text = |name: &str| error.get(name).and_then(Value::text);
    let message = text("message")
        .or_else(|| error.text())
        .or_else(|| text("detail"))?;
    // `type` of the outer object is only the word "error".
    let kind = text("type").filter(|kind| kind != "error");
    // A code says more than a type as general as "invalid_request_error". Some providers write a
    // status there, as a number.
    let number = || error.get("code").and_then(Value::count);
    let code = text("code").or_else(|| number().map(|code| code.to_string().into()));
    let error_type = match (kind, code) {
        (Some(kind), Some(code)) if is_general(&kind) => code,
        (Some(kind), _) => kind,
        (None, code) => code.unwrap_or_default(),
    };
    Some(ProviderFailure {
        error_type: shortened(&error_type, LONGEST_TYPE),
        message: shortened(&message, LONGEST_MESSAGE),
    })
}

fn shortened(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

fn is_general(kind: &str) -> bool {
    matches!(kind, "invalid_request_error" | "tokens" | "requests")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURE: ApiFailure<'_> = ApiFailure {
        kind: FailureKind::Overloaded,
        message: "say \"no\"",
    };
    const DIALECTS: [DialectId; 3] = [
        DialectId::AnthropicMessages,
        DialectId::OpenAiChat,
        DialectId::OpenAiResponses,
    ];

    #[test]
    fn our_failures_are_read_back_by_ourselves() {
        for dialect in DIALECTS {
            let read = read_error(&error_body(dialect, &FAILURE)).unwrap();
            assert_eq!(read.message, FAILURE.message, "{dialect:?}");
            let event = String::from_utf8(error_event(dialect, &FAILURE).to_vec()).unwrap();
            assert!(
                event.ends_with("}\n\n") && !event.contains("[DONE]"),
                "{event}"
            );
            let data = event
                .lines()
                .find_map(|line| line.strip_prefix("data: "))
                .unwrap();
            assert_eq!(
                read_error(data.as_bytes()).unwrap().message,
                FAILURE.message
            );
        }
    }

    #[test]
    fn words_of_providers_are_found() {
        let check = |body: &str, expected: Option<(&str, &str)>| {
            let found = read_error(body.as_bytes());
            let found = found
                .as_ref()
                .map(|it| (it.error_type.as_str(), it.message.as_str()));
            assert_eq!(found, expected, "{body}");
        };
        check(
            r#"{"type":"error","error":{"type":"a","message":"b"}}"#,
            Some(("a", "b")),
        );
        check(
            r#"{"error":{"message":"b","type":"t","code":null}}"#,
            Some(("t", "b")),
        );
        check(
            r#"{"error":{"message":"b","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            Some(("context_length_exceeded", "b")),
        );
        check(r#"{"error":"plain"}"#, Some(("", "plain")));
        check(r#"{"detail":"d"}"#, Some(("", "d")));
        check(
            r#"{"type":"error","code":"c","message":"m"}"#,
            Some(("c", "m")),
        );
        check(
            r#"{"id":"gen-1","error":{"code":502,"message":"m"},"choices":[]}"#,
            Some(("502", "m")),
        );
        check(
            r#"[{"error":{"code":429,"message":"m"}}]"#,
            Some(("429", "m")),
        );
        check(r#"{"error":null}"#, None);
        check("<html>", None);
        check("", None);
    }
}
