//! The last requests of a gateway: nothing that was accepted is refused, nothing new is taken.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::support::{Step, World, json, open, read_reply, until};

const ANSWER: &str =
    r#"{"id":"msg_1","type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
const BODY: &str = r#"{"model":"m","messages":[]}"#;

/// A request on a connection that could take another one.
fn request() -> String {
    format!(
        "POST /anthropic/v1/messages HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer alice-key\r\n\
         Content-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}

async fn connected(world: &World, count: usize) -> TcpStream {
    let stream = TcpStream::connect(world.address).await.unwrap();
    let open = format!("connections_open {count}\n");
    until(|| world.metrics.expose().contains(&open)).await;
    stream
}

#[tokio::test]
async fn what_was_accepted_before_the_drain_is_served_and_then_closed() {
    let mut world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let mut fresh = connected(&world, 1).await;
    world.gateway.begin_drain();
    fresh.write_all(request().as_bytes()).await.unwrap();
    let reply = read_reply(&mut fresh).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, ANSWER));
    assert_eq!(reply.header("connection"), Some("close"));
    let cut = world.serving.take().unwrap().join().await.unwrap();
    assert_eq!(cut, 0);
}

#[tokio::test]
async fn a_connection_that_waits_for_its_next_request_is_closed() {
    let mut world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let mut kept = connected(&world, 1).await;
    kept.write_all(request().as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(ANSWER.as_bytes()) {
        assert!(kept.read_buf(&mut heard).await.unwrap() > 0);
    }
    let head = String::from_utf8(heard).unwrap().to_ascii_lowercase();
    assert!(!head.contains("connection: close"), "{head}");
    until(|| world.gateway.turns().is_empty()).await;
    world.gateway.begin_drain();
    assert_eq!(kept.read(&mut [0; 16]).await.unwrap(), 0);
    let cut = world.serving.take().unwrap().join().await.unwrap();
    assert_eq!(cut, 0);
}

#[tokio::test]
async fn an_answer_whose_head_is_not_out_yet_says_that_the_connection_closes() {
    let gate = Arc::new(Notify::new());
    let mut script = json("200 OK", ANSWER);
    script.insert(0, Step::Wait(Arc::clone(&gate)));
    let mut world = World::playing(vec![script]).await;
    let mut running = TcpStream::connect(world.address).await.unwrap();
    running.write_all(request().as_bytes()).await.unwrap();
    until(|| world.provider.seen().len() == 1).await;
    world.gateway.begin_drain();
    until(|| !world.gateway.is_serving()).await;
    gate.notify_one();
    let reply = read_reply(&mut running).await;
    assert_eq!((reply.status, reply.is_whole), (200, true));
    assert_eq!(reply.header("connection"), Some("close"));
    let cut = world.serving.take().unwrap().join().await.unwrap();
    assert_eq!(cut, 0);
}

#[tokio::test]
async fn a_drain_says_how_much_still_runs() {
    let gate = Arc::new(Notify::new());
    let mut script = json("200 OK", ANSWER);
    script.insert(0, Step::Wait(Arc::clone(&gate)));
    let mut world = World::playing(vec![script]).await;
    let line = "POST /anthropic/v1/messages HTTP/1.1";
    let key = "Authorization: Bearer alice-key";
    let mut running = open(world.address, &[line, key], BODY.as_bytes()).await;
    until(|| world.provider.seen().len() == 1).await;
    world.gateway.begin_drain();
    gate.notify_one();
    assert_eq!(read_reply(&mut running).await.status, 200);
    world.serving.take().unwrap().join().await.unwrap();
    let log = world.log();
    let line = log.lines().find(|line| line.starts_with("draining "));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains(" connections=1"), "{line}");
    assert!(line.contains(" requests=1"), "{line}");
}
