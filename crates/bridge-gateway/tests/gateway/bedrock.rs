//! Providers on Amazon Bedrock: what they get, and what callers get of their answers.

mod failures;

use std::sync::Arc;
use std::time::Duration;

use bridge_auth::KeySource;
use bridge_record::Outcome;
use bridge_stream::EventStreamMessage;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::support::{
    Reply, Script, Setup, Step, World, call, chunk, is_signed, json, open, parse, sse, take_ready,
    zipped,
};

const KEY: &str = "Authorization: Bearer alice-key";
const STREAMING: &str = r#"{"model":"claude-haiku-4-5","max_tokens":9007199254740993,"stream":true, "metadata":{"user_id":"u"},"messages":[{"role":"user","content":"hello"}]}"#;
const BLOCKING: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}"#;
const EVENTS: [(&str, &str); 4] = [
    (
        "message_start",
        r#"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":5,"output_tokens":1}}}"#,
    ),
    (
        "content_block_delta",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi é"}}"#,
    ),
    (
        "message_delta",
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#,
    ),
    (
        "message_stop",
        r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":5}}"#,
    ),
];

/// A message that carries an event.
fn framed(event: &str) -> Vec<u8> {
    let payload = format!(
        r#"{{"bytes":"{}","p":"abcdef"}}"#,
        data_encoding::BASE64.encode(event.as_bytes())
    );
    let headers = [
        (":event-type", "chunk"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    message(&headers, payload.as_bytes())
}

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(EventStreamMessage::write(headers, payload, &mut out));
    out
}

/// What callers read of the first events.
fn told(count: usize) -> String {
    let events = EVENTS.iter().take(count);
    events
        .map(|(name, data)| format!("event: {name}\ndata: {data}\n\n"))
        .collect()
}

fn frames(count: usize) -> Vec<u8> {
    let events = EVENTS.iter().take(count);
    events.flat_map(|(_, data)| framed(data)).collect()
}

/// A stream of messages in pieces of this size.
fn streamed(bytes: &[u8], piece: usize) -> Script {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n\
                Transfer-Encoding: chunked\r\nx-amzn-requestid: r-1\r\n\r\n";
    let mut script = vec![Step::Send(head.into())];
    for piece in bytes.chunks(piece) {
        script.push(Step::Send(chunk(piece)));
    }
    script.push(Step::Send(b"0\r\n\r\n".to_vec()));
    script
}

async fn ask(world: &World, provider: &str, body: &str) -> Reply {
    let line = format!("POST /{provider}/v1/messages?beta=true HTTP/1.1");
    let beta = "Anthropic-Beta: context-1m-2025-08-07,claude-code-20250219";
    let forged = "X-Amz-Security-Token: forged";
    let lines = [
        line.as_str(),
        KEY,
        beta,
        "Anthropic-Version: 2023-06-01",
        forged,
    ];
    call(world.address, &lines, body.as_bytes()).await
}

#[tokio::test]
async fn a_stream_is_asked_for_in_bedrocks_way_and_told_in_anthropics() {
    for piece in [1, 7, 100_000] {
        let mut world = World::playing(vec![streamed(&frames(4), piece)]).await;
        let reply = ask(&world, "bedrock", STREAMING).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.text(), told(4), "pieces of {piece}");
        assert!(reply.is_whole);
        let content_type = reply.header("content-type");
        assert_eq!(content_type, Some("text/event-stream; charset=utf-8"));
        assert_eq!(reply.header("x-amzn-requestid"), Some("r-1"));

        let seen = world.provider.seen().remove(0);
        let expected = "POST /base/model/global.anthropic.claude-haiku-4-5-20251001-v1%3A0/\
                        invoke-with-response-stream HTTP/1.1\r\n";
        assert!(seen.head.starts_with(expected), "{}", seen.head);
        assert_eq!(
            String::from_utf8(seen.body.clone()).unwrap(),
            r#"{"max_tokens":9007199254740993,"messages":[{"role":"user","content":"hello"}],"anthropic_beta":["context-1m-2025-08-07"],"anthropic_version":"bedrock-2023-05-31"}"#
        );
        assert!(
            is_signed(&seen, "BEDROCKID", "bedrock secret", "eu-central-1/bedrock"),
            "{}",
            seen.head
        );
        assert_eq!(seen.header("x-amz-security-token"), Some("bedrock token"));
        for absent in ["anthropic-beta", "anthropic-version", "x-api-key"] {
            assert_eq!(seen.header(absent), None, "{absent}");
        }

        let ended = world.ended(1).await.remove(0);
        assert_eq!(ended.outcome, Outcome::Completed);
        let started = world.started().remove(0);
        assert_eq!(started.provider, "anthropic");
        assert_eq!(started.provider_name, "bedrock");
        let model = "global.anthropic.claude-haiku-4-5-20251001-v1:0";
        assert_eq!(started.model, model);
        let asked = ("requested_model".to_owned(), "claude-haiku-4-5".to_owned());
        assert!(started.metadata.contains(&asked), "{:?}", started.metadata);
        assert_eq!(started.credential_kind, KeySource::Centralized);
        assert_eq!(started.credential_hint, "B...D");
        let tokens = world.tokens().remove(0);
        assert_eq!((tokens.input, tokens.output), (5, 7));
        let log = world.log();
        for secret in ["bedrock secret", "bedrock token", "BEDROCKID"] {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

#[tokio::test]
async fn a_whole_answer_is_anthropics_already() {
    let answer = r#"{"id":"msg_1","type":"message", "content":[],"usage":{"input_tokens":3,"output_tokens":4},"stop_reason":"end_turn"}"#;
    let world = World::playing(vec![json("200 OK", answer)]).await;
    let reply = ask(&world, "bedrock", BLOCKING).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, answer));
    let seen = world.provider.seen().remove(0);
    let path = "POST /base/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A111122223333%3A\
                inference-profile%2Fglobal.anthropic.claude-opus-4-6-v1/invoke HTTP/1.1";
    assert_eq!(seen.head.lines().next(), Some(path));
    assert!(is_signed(
        &seen,
        "BEDROCKID",
        "bedrock secret",
        "eu-central-1/bedrock"
    ));
    let tokens = world.tokens().remove(0);
    assert_eq!((tokens.input, tokens.output), (3, 4));
}

#[tokio::test]
async fn a_compressed_request_is_sent_plain() {
    let world = World::playing(vec![json("200 OK", "{}")]).await;
    let body = zipped(&[BLOCKING]).concat();
    let lines = [
        "POST /bedrock/v1/messages HTTP/1.1",
        KEY,
        "Content-Encoding: gzip",
    ];
    let reply = call(world.address, &lines, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = world.provider.seen().remove(0);
    assert_eq!(seen.header("content-encoding"), None);
    assert_eq!(seen.header("accept-encoding"), None);
    let sent = String::from_utf8(seen.body).unwrap();
    assert!(sent.starts_with(r#"{"max_tokens":9,"messages":"#), "{sent}");
}

#[tokio::test]
async fn each_attempt_is_signed() {
    let refused = "HTTP/1.1 503 Later\r\nContent-Length: 2\r\nRetry-After: 0\r\n\r\n{}";
    let refused = vec![Step::Send(refused.into())];
    let mut setup = Setup::playing(vec![refused, json("200 OK", "{}")]);
    setup.intercept.retry.retries = 1;
    let world = World::with(setup).await;
    let reply = ask(&world, "bedrock", BLOCKING).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = world.provider.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].body, seen[1].body, "it is edited once");
    for seen in &seen {
        let scope = "eu-central-1/bedrock";
        assert!(is_signed(seen, "BEDROCKID", "bedrock secret", scope));
    }
}

#[tokio::test]
async fn a_callers_own_key_goes_nowhere() {
    let world = World::playing(vec![json("200 OK", "{}")]).await;
    let lines = [
        "POST /bedrock/v1/messages HTTP/1.1",
        "X-Coder-AI-Governance-Token: alice-key",
        "X-Api-Key: own-key",
        "Authorization: Bearer own-token",
    ];
    call(world.address, &lines, BLOCKING.as_bytes()).await;
    let seen = world.provider.seen().remove(0);
    assert!(is_signed(
        &seen,
        "BEDROCKID",
        "bedrock secret",
        "eu-central-1/bedrock"
    ));
    assert!(!seen.head.contains("own-"), "{}", seen.head);
    assert_eq!(world.started()[0].credential_kind, KeySource::Centralized);
}

#[tokio::test]
async fn what_bedrock_does_not_have_goes_nowhere_else() {
    let world = World::playing(vec![json("200 OK", "{}")]).await;
    for line in [
        "GET /bedrock/v1/models HTTP/1.1",
        "POST /bedrock/v1/messages/count_tokens HTTP/1.1",
        "POST /bedrock/api/event_logging/batch HTTP/1.1",
        "POST /mantle/api/event_logging/batch HTTP/1.1",
    ] {
        let reply = call(world.address, &[line, KEY], b"{}").await;
        assert_eq!(reply.status, 404, "{line}");
        assert!(
            reply.text().contains("route not supported"),
            "{}",
            reply.text()
        );
    }
    assert_eq!(world.provider.connections(), 0);
}

#[tokio::test]
async fn mantle_is_plain_messages_with_a_signature() {
    let world = World::playing(vec![
        sse(&[&told(4)]),
        json("200 OK", r#"{"input_tokens":3}"#),
    ])
    .await;
    let reply = ask(&world, "mantle", STREAMING).await;
    assert_eq!((reply.status, reply.text()), (200, told(4)));
    let counting = "POST /mantle/v1/messages/count_tokens HTTP/1.1";
    let forged = [
        counting,
        KEY,
        "X-Amz-Target: forged",
        "X-Amz-Security-Token: forged",
        "X-Amzn-Forged: forged",
        "Api-Key: own-key",
    ];
    let counted = call(world.address, &forged, BLOCKING.as_bytes()).await;
    assert_eq!(counted.text(), r#"{"input_tokens":3}"#);

    let seen = world.provider.seen();
    let first = seen[0].head.lines().next();
    assert_eq!(
        first,
        Some("POST /anthropic/v1/messages?beta=true HTTP/1.1")
    );
    assert_eq!(seen[0].body, STREAMING.as_bytes());
    assert_eq!(seen[0].header("anthropic-version"), Some("2023-06-01"));
    for seen in &seen {
        let scope = "eu-central-1/bedrock-mantle";
        assert!(
            is_signed(seen, "BEDROCKID", "bedrock secret", scope),
            "{}",
            seen.head
        );
        assert_eq!(seen.header("x-api-key"), None);
        assert!(!seen.head.contains("forged"), "{}", seen.head);
        assert!(!seen.head.contains("own-key"), "{}", seen.head);
    }
    assert_eq!(world.started()[0].model, "claude-haiku-4-5");
}

#[tokio::test]
async fn a_profile_is_asked_about_once_and_decides_what_is_edited() {
    let described = r#"{"models":[{"modelArn":"arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude-opus-4-6-v1"}]}"#;
    let answer = json("200 OK", r#"{"type":"message","usage":{}}"#);
    let world = World::playing(vec![json("200 OK", described), answer]).await;
    let thinking = r#"{"model":"m","max_tokens":9000,"thinking":{"type":"adaptive"}}"#;
    for _ in 0..2 {
        let reply = ask(&world, "profiled", thinking).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let seen = world.provider.seen();
    let paths: Vec<_> = seen
        .iter()
        .map(|seen| seen.head.lines().next().unwrap())
        .collect();
    let profile =
        "arn%3Aaws%3Abedrock%3Aeu-central-1%3A111122223333%3Aapplication-inference-profile%2Fa1";
    let asked = format!("GET /base/inference-profiles/{profile} HTTP/1.1");
    let sent = format!("POST /base/model/{profile}/invoke HTTP/1.1");
    assert_eq!(paths, [&asked, &sent, &sent]);
    for seen in &seen {
        assert!(is_signed(
            seen,
            "BEDROCKID",
            "bedrock secret",
            "eu-central-1/bedrock"
        ));
        assert!(!seen.head.contains("alice-key"), "{}", seen.head);
    }
    let body = String::from_utf8(seen[1].body.clone()).unwrap();
    assert!(body.contains(r#""thinking":{"type":"adaptive"}"#), "{body}");
}

#[tokio::test]
async fn a_profile_that_nobody_describes_is_told_to_callers_and_operators() {
    let refused = json("403 Forbidden", r#"{"message":"no"}"#);
    let mut world = World::playing(vec![refused]).await;
    for _ in 0..2 {
        let reply = ask(&world, "profiled", BLOCKING).await;
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert!(
            reply.text().contains("inference profile"),
            "{}",
            reply.text()
        );
        assert_eq!(reply.header("retry-after"), Some("30"));
    }
    assert_eq!(world.provider.seen().len(), 1, "asked once");
    let log = world.log();
    assert!(log.contains("bedrock:GetInferenceProfile"), "{log}");
}

#[tokio::test]
async fn an_answer_under_way_can_be_read_as_it_comes() {
    let gate = Arc::new(Notify::new());
    let mut script = streamed(&frames(4), 100_000);
    let rest = script.split_off(1);
    let first = frames(2);
    script.push(Step::Send(chunk(&first)));
    script.push(Step::Wait(Arc::clone(&gate)));
    script.push(Step::Send(chunk(&frames(4)[first.len()..])));
    script.extend(rest.into_iter().skip(1));
    let world = World::playing(vec![script]).await;
    let lines = ["POST /bedrock/v1/messages HTTP/1.1", KEY];
    let stream = open(world.address, &lines, STREAMING.as_bytes()).await;
    let mut bytes = Vec::new();
    read_to(&stream, &mut bytes, &told(2)).await;
    gate.notify_one();
    read_to(&stream, &mut bytes, &told(4)).await;
}

/// Reads until the body is this text.
async fn read_to(stream: &TcpStream, bytes: &mut Vec<u8>, expected: &str) {
    let reading = async {
        loop {
            take_ready(stream, bytes);
            if parse(bytes).text() == expected {
                return;
            }
            stream.readable().await.unwrap();
        }
    };
    timeout(Duration::from_secs(20), reading).await.unwrap();
}
