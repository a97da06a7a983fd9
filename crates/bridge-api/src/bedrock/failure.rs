//! Bedrock's errors in Anthropic's shape.

use bytes::Bytes;

use crate::json::{Value, check};
use crate::{ApiFailure, DialectId, FailureKind, error_body, error_event};

/// Longest explanation that is repeated, in characters.
const LONGEST_MESSAGE: usize = 16 << 10;

/// Bedrock's exceptions and what they mean, without the `Exception` at their end. Messages of
/// streams begin them with a small letter.
const EXCEPTIONS: [(&str, FailureKind); 15] = [
    ("AccessDenied", FailureKind::Permission),
    ("ExpiredToken", FailureKind::Permission),
    ("IncompleteSignature", FailureKind::Permission),
    ("InternalServer", FailureKind::Upstream),
    ("InvalidSignature", FailureKind::Permission),
    ("ModelError", FailureKind::Upstream),
    ("ModelNotReady", FailureKind::Overloaded),
    ("ModelStreamError", FailureKind::Upstream),
    ("ModelTimeout", FailureKind::Timeout),
    ("ResourceNotFound", FailureKind::NotFound),
    ("ServiceQuotaExceeded", FailureKind::RateLimit),
    ("ServiceUnavailable", FailureKind::Overloaded),
    ("Throttling", FailureKind::RateLimit),
    ("UnrecognizedClient", FailureKind::Permission),
    ("Validation", FailureKind::InvalidRequest),
];

/// The event that tells an exception in the middle of a stream: `exception` is its type, and what
/// it says stands in a header of the message or in its payload.
#[must_use]
pub fn bedrock_exception(exception: &str, said: Option<&str>, payload: &[u8]) -> Bytes {
    let kind = kind_of(exception).unwrap_or(FailureKind::Upstream);
    let message = said.map_or_else(|| message(payload, exception), shortened);
    let failure = ApiFailure {
        kind,
        message: &message,
    };
    error_event(DialectId::AnthropicMessages, &failure)
}

/// The body that tells a refusal in Anthropic's shape: `status` and `error_type`, the value of
/// `x-amzn-errortype`, say what it is. Nothing when the body has that shape already.
#[must_use]
pub fn bedrock_failure(status: u16, error_type: &str, body: &[u8]) -> Option<Bytes> {
    let is_json = check(body).is_ok();
    if is_json && Value::new(body).get("error").is_some_and(Value::is_object) {
        return None;
    }
    let kind = kind_of(error_type).unwrap_or_else(|| FailureKind::of_status(status));
    let message = message(body, error_type);
    let failure = ApiFailure {
        kind,
        message: &message,
    };
    Some(error_body(DialectId::AnthropicMessages, &failure))
}

/// The name may be followed by where it is defined, and stand behind a namespace.
fn kind_of(exception: &str) -> Option<FailureKind> {
    let name = exception.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().trim();
    let name = name.strip_suffix("Exception").unwrap_or(name);
    let mut known = EXCEPTIONS.iter();
    let found = known.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, kind)| *kind)
}

/// What Bedrock says, or at least its word for it.
fn message(body: &[u8], exception: &str) -> String {
    let value = Value::new(body);
    let said = ["message", "Message", "originalMessage"]
        .into_iter()
        .find_map(|name| value.get(name).and_then(Value::filled));
    if let Some(said) = said {
        return shortened(without_request(&said));
    }
    let name = exception.split(':').next().unwrap_or_default().trim();
    if name.is_empty() {
        return "Bedrock refused the request without saying why".to_owned();
    }
    let name: String = name.chars().take(128).collect();
    format!("Bedrock answered with {name}")
}

/// What AWS says of a wrong signature, without the request that it repeats then: among its signed
/// headers is the session token.
fn without_request(said: &str) -> &str {
    const BEGINNINGS: [&str; 2] = ["The Canonical String for", "The String-to-Sign"];
    let ends = BEGINNINGS
        .iter()
        .filter_map(|beginning| said.find(beginning));
    let end = ends.min().unwrap_or(said.len());
    said.get(..end).unwrap_or_default().trim_end()
}

fn shortened(said: &str) -> String {
    said.chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_failure(status: u16, error_type: &str, body: &str, kind: &str, message: &str) {
        let found = bedrock_failure(status, error_type, body.as_bytes()).unwrap();
        let expected = serde_json::json!({
            "type": "error",
            "error": {"type": kind, "message": message},
        });
        let found: serde_json::Value = serde_json::from_slice(&found).unwrap();
        assert_eq!(found, expected, "{status} {error_type} {body}");
    }

    #[test]
    fn refusals_are_told_in_anthropics_shape() {
        let slow = r#"{"message":"Too many requests"}"#;
        check_failure(
            429,
            "ThrottlingException",
            slow,
            "rate_limit_error",
            "Too many requests",
        );
        check_failure(
            400,
            "ValidationException:http://internal.amazon.com/coral/",
            r#"{"message":"max_tokens: field required"}"#,
            "invalid_request_error",
            "max_tokens: field required",
        );
        check_failure(
            403,
            "com.amazon#AccessDeniedException",
            r#"{"Message":"no access"}"#,
            "permission_error",
            "no access",
        );
        check_failure(
            503,
            "",
            "",
            "overloaded_error",
            "Bedrock refused the request without saying why",
        );
        check_failure(
            424,
            "ModelErrorException",
            "{}",
            "api_error",
            "Bedrock answered with ModelErrorException",
        );
        check_failure(
            500,
            "Odd",
            "<html>",
            "api_error",
            "Bedrock answered with Odd",
        );
        check_failure(
            403,
            "InvalidSignatureException",
            r#"{"message":"It does not match.\n\nThe Canonical String for this request should have been\n'POST\n/model/m/invoke\n\nhost:h\nx-amz-security-token:secret'\n\nThe String-to-Sign should have been 'x'"}"#,
            "permission_error",
            "It does not match.",
        );
        check_failure(
            418,
            "Odd",
            "{\"message\":\"\"}",
            "invalid_request_error",
            "Bedrock answered with Odd",
        );
    }

    #[test]
    fn what_has_the_shape_already_stays() {
        let body = br#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#;
        assert_eq!(bedrock_failure(529, "", body), None);
    }

    #[test]
    fn exceptions_become_events() {
        let event = bedrock_exception("throttlingException", None, br#"{"message":"slow down"}"#);
        let text = std::str::from_utf8(&event).unwrap();
        let data = text.strip_prefix("event: error\ndata: ").unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["error"]["type"], "rate_limit_error");
        assert_eq!(data["error"]["message"], "slow down");
        assert!(text.ends_with("\n\n"));
        let event = bedrock_exception(
            "modelStreamErrorException",
            None,
            br#"{"originalMessage":"lost"}"#,
        );
        let text = std::str::from_utf8(&event).unwrap();
        assert!(
            text.contains("api_error") && text.contains("lost"),
            "{text}"
        );
    }
}
