//! What callers read when Bedrock refuses, breaks off, or cannot be asked.

use bridge_record::{ErrorType, Outcome};

use super::{BLOCKING, STREAMING, ask, frames, message, streamed, told};
use crate::support::{Script, Step, World, json};

/// What is told of a stream, and how it is recorded.
async fn check_failed(stream: Vec<u8>, kind: &str, message: &str, error_type: ErrorType) {
    let world = World::playing(vec![streamed(&stream, 50)]).await;
    let reply = ask(&world, "bedrock", STREAMING).await;
    let text = reply.text();
    let rest = text
        .strip_prefix(&told(2))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(rest.starts_with("event: error\ndata: "), "{text}");
    assert!(rest.contains(kind) && rest.contains(message), "{text}");
    assert_eq!(rest.matches("\n\n").count(), 1, "{text}");
    assert!(reply.is_whole);
    let ended = world.ended(1).await.remove(0);
    let found = (ended.outcome, ended.error_type);
    assert_eq!(
        found,
        (Outcome::Failed, Some(error_type)),
        "{kind} {ended:?}"
    );
}

#[tokio::test]
async fn exceptions_in_a_stream_become_error_events() {
    let exception = |name: &str| {
        let headers = [
            (":exception-type", name),
            (":content-type", "application/json"),
            (":message-type", "exception"),
        ];
        [frames(2), message(&headers, br#"{"message":"so it is"}"#)].concat()
    };
    let check = async |name: &str, kind: &str, error_type: ErrorType| {
        check_failed(exception(name), kind, "so it is", error_type).await;
    };
    check(
        "throttlingException",
        "rate_limit_error",
        ErrorType::RateLimited,
    )
    .await;
    check(
        "serviceUnavailableException",
        "overloaded_error",
        ErrorType::Overloaded,
    )
    .await;
    check(
        "validationException",
        "invalid_request_error",
        ErrorType::BadRequest,
    )
    .await;
    check("modelTimeoutException", "timeout_error", ErrorType::Timeout).await;
    let server = ErrorType::ServerError;
    check("internalServerException", "api_error", server).await;
}

#[tokio::test]
async fn a_damaged_stream_is_a_broken_one() {
    let mut damaged = frames(4);
    let at = frames(2).len() + 40;
    damaged[at] ^= 1;
    check_failed(
        damaged,
        "api_error",
        "broke before the end",
        ErrorType::Unknown,
    )
    .await;

    let cut = frames(3)[..frames(3).len() - 5].to_vec();
    check_failed(cut, "api_error", "broke before the end", ErrorType::Unknown).await;

    let headers = [(":event-type", "chunk"), (":message-type", "event")];
    let nothing = [frames(2), message(&headers, b"{}"), frames(4)].concat();
    check_failed(
        nothing,
        "api_error",
        "broke before the end",
        ErrorType::Unknown,
    )
    .await;
}

fn refusal(status: &str, error_type: &str, body: &str) -> Script {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.1\r\n\
         Content-Length: {length}\r\nx-amzn-ErrorType: {error_type}\r\nRetry-After: 7\r\n\r\n{body}"
    );
    vec![Step::Send(head.into_bytes())]
}

#[tokio::test]
async fn refusals_are_told_in_anthropics_shape_under_their_own_status() {
    let slow = r#"{"message":"Too many requests, wait."}"#;
    let wrong = r#"{"message":"max_tokens: field required"}"#;
    let rows = [
        ("429 Slow", "ThrottlingException", slow, "rate_limit_error"),
        (
            "400 Bad",
            "ValidationException:http://x/",
            wrong,
            "invalid_request_error",
        ),
        (
            "403 No",
            "AccessDeniedException",
            r#"{"Message":"no access"}"#,
            "permission_error",
        ),
        (
            "503 Later",
            "ServiceUnavailableException",
            "{}",
            "overloaded_error",
        ),
        ("500 Oh", "InternalServerException", "<html>", "api_error"),
    ];
    for (status, error_type, body, kind) in rows {
        let world = World::playing(vec![refusal(status, error_type, body)]).await;
        let reply = ask(&world, "bedrock", STREAMING).await;
        assert_eq!(reply.status.to_string(), status[..3]);
        let text = reply.text();
        let shape = format!(r#""type":"{kind}""#);
        assert!(
            text.contains(&shape) && text.contains(r#""type":"error""#),
            "{text}"
        );
        assert!(reply.is_whole, "{text}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("retry-after"), Some("7"));
        let ended = world.ended(1).await.remove(0);
        assert_eq!(ended.outcome, Outcome::Failed);
        assert_eq!(ended.provider_status, status[..3].parse().ok());
    }
}

#[tokio::test]
async fn what_cannot_be_signed_is_not_sent() {
    let mut world = World::playing(vec![json("200 OK", "{}")]).await;
    let reply = ask(&world, "unsigned", BLOCKING).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    let text = "no valid credentials for AI provider \\\"unsigned\\\"";
    assert!(reply.text().contains(text), "{}", reply.text());
    assert_eq!(world.provider.connections(), 0);
    let ended = world.ended(1).await.remove(0);
    assert_eq!(
        (ended.outcome, ended.provider_status),
        (Outcome::Failed, None)
    );
    let log = world.log();
    assert!(log.contains("cannot be signed"), "{log}");
    assert!(!log.contains("bedrock secret"), "{log}");
}
