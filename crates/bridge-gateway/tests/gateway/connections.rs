//! What happens on one connection: old callers, callers who ask first, the next request behind a
//! refusal, and providers who answer before they have read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bridge_telemetry::task;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Setup, World, call, find, json, sse};

const KEY: &str = "Authorization: Bearer alice-key";
const ANSWER: &str =
    r#"{"id":"msg_1","type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
const BODY: &str = r#"{"model":"m","messages":[]}"#;

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut heard = Vec::new();
    while find(&heard, end.as_bytes()).is_none() {
        let read = stream.read_buf(&mut heard).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&heard));
    }
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn a_caller_of_http_1_0_gets_a_stream_without_chunks() {
    let events = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let world = World::playing(vec![sse(&[events])]).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let length = BODY.len();
    let request = format!(
        "POST /anthropic/v1/messages HTTP/1.0\r\n{KEY}\r\nContent-Length: {length}\r\n\r\n{BODY}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    assert!(!head.to_ascii_lowercase().contains("transfer-encoding"));
    assert_eq!(body, events);
}

#[tokio::test]
async fn a_caller_who_asks_first_is_told_before_it_sends() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let length = BODY.len();
    let head = |key: &str| {
        format!(
            "POST /anthropic/v1/messages HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream
        .write_all(head("alice-key").as_bytes())
        .await
        .unwrap();
    let word = read_until(&mut stream, "\r\n\r\n").await;
    assert!(word.starts_with("HTTP/1.1 100 "), "{word}");
    stream.write_all(BODY.as_bytes()).await.unwrap();
    let reply = read_until(&mut stream, ANSWER).await;
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    assert_eq!(world.provider.seen()[0].header("expect"), None);
    let mut refused = TcpStream::connect(world.address).await.unwrap();
    refused
        .write_all(head("gone-key").as_bytes())
        .await
        .unwrap();
    let word = read_until(&mut refused, "\r\n\r\n").await;
    assert!(word.starts_with("HTTP/1.1 403 "), "{word}");
}

#[tokio::test]
async fn behind_a_refusal_the_connection_takes_the_next_request() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let length = BODY.len();
    for (key, path, status, end) in [
        ("gone-key", "/v1/messages", "403", "\"type\":\"error\"}"),
        ("alice-key", "/v1/nowhere", "404", "\"type\":\"error\"}"),
        ("alice-key", "/v1/messages", "200", ANSWER),
        ("alice-key", "/v1/messages", "200", ANSWER),
    ] {
        let request = format!(
            "POST /anthropic{path} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: {length}\r\n\r\n{BODY}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let reply = read_until(&mut stream, end).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
    }
    assert_eq!(world.provider.seen().len(), 2);
}

#[tokio::test]
async fn a_provider_who_answers_before_it_has_read_is_heard_and_not_asked_again_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let logger = bridge_telemetry::discard();
    let _hasty = task::spawn(&logger, "hasty provider", async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            read_until(&mut stream, "messages").await;
            let error = r#"{"type":"error","error":{"type":"request_too_large","message":"no"}}"#;
            let length = error.len();
            let answer = format!(
                "HTTP/1.1 413 No\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\n\r\n{error}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            open.push(stream);
        }
    });
    let mut setup = Setup::playing(vec![]);
    setup.base_url = Some(format!("http://{address}"));
    let world = World::with(setup).await;
    let body = format!(
        r#"{{"model":"m","messages":[],"x":"{}"}}"#,
        "a".repeat(16 << 20)
    );
    for _ in 0..2 {
        let line = "POST /anthropic/v1/messages HTTP/1.1";
        let reply = call(world.address, &[line, KEY], body.as_bytes()).await;
        assert_eq!((reply.status, reply.is_whole), (413, true));
        assert!(reply.text().contains("request_too_large"));
    }
    assert_eq!(count.load(Ordering::SeqCst), 2);
}
