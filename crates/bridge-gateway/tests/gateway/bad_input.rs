//! Input that is wrong gets a clear answer, costs nothing upstream and is no reason to panic.

use crate::support::{Reply, Setup, World, call, json, open, read_reply, until};

const KEY: &str = "Authorization: Bearer alice-key";
const ANSWER: &str =
    r#"{"id":"msg_1","type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;

async fn post(world: &World, path: &str, body: &[u8]) -> Reply {
    call(
        world.address,
        &[&format!("POST {path} HTTP/1.1"), KEY],
        body,
    )
    .await
}

#[tokio::test]
async fn bodies_that_cannot_be_understood_are_refused_in_the_providers_shape() {
    let mut world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let deep = [br#"{"model":"m","messages":"#.as_slice(), &deep, b"}"].concat();
    let rows: [&[u8]; 7] = [
        b"",
        b"   ",
        b"{\"model\":\"m\",\"messages\":[",
        b"<html>private words</html>",
        b"[1,2]",
        b"{\"model\":\"m\"} private words",
        &deep,
    ];
    for body in rows {
        for (path, shape) in [
            ("/anthropic/v1/messages", r#""type":"error""#),
            ("/openai/v1/chat/completions", r#""message":"#),
            ("/openai/v1/responses", r#""message":"#),
        ] {
            let reply = post(&world, path, body).await;
            let text = reply.text();
            assert_eq!(reply.status, 400, "{path} {text}");
            assert!(
                text.contains("invalid request body") && text.contains(shape),
                "{path} {text}"
            );
            assert!(!text.contains("private"), "{text}");
        }
    }
    assert!(world.provider.seen().is_empty() && world.events().is_empty());
    assert!(!world.log().contains("private words"));
}

#[tokio::test]
async fn doubled_keys_travel_as_they_are() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let body = br#"{"model":"first","model":"second","messages":[]}"#;
    assert_eq!(
        post(&world, "/anthropic/v1/messages", body).await.status,
        200
    );
    assert_eq!(world.provider.seen()[0].body, body);
    assert_eq!(world.started()[0].model, "second");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_the_caller_can_read_it() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let body = vec![b' '; 33 << 20];
    let reply = post(&world, "/anthropic/v1/messages", &body).await;
    assert_eq!(reply.status, 413, "{}", reply.text());
    assert!(reply.text().contains("32MiB"), "{}", reply.text());
    assert!(world.provider.seen().is_empty());
}

#[tokio::test]
async fn a_caller_without_a_credential_can_read_the_refusal_of_a_large_body() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let body = vec![b' '; 4 << 20];
    for _ in 0..5 {
        let line = "POST /anthropic/v1/messages HTTP/1.1";
        let reply = call(world.address, &[line, "X-Api-Key: gone-key"], &body).await;
        assert_eq!(reply.status, 403, "{}", reply.text());
    }
}

#[tokio::test]
async fn a_body_that_never_comes_ends_the_request() {
    let mut setup = Setup::playing(vec![json("200 OK", ANSWER)]);
    setup.gateway.body_silence = std::time::Duration::from_millis(50);
    let world = World::with(setup).await;
    let lines = [
        "POST /anthropic/v1/messages HTTP/1.1",
        KEY,
        "Content-Length: 10",
    ];
    let mut stream = open(world.address, &lines, b"{").await;
    let reply = read_reply(&mut stream).await;
    assert_eq!(reply.status, 408, "{}", reply.text());
}

#[tokio::test]
async fn compressed_requests_are_read_and_relayed_as_they_are() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    // {"model":"zipped","messages":[]} as one stored block: gzip without compression.
    let plain = br#"{"model":"zipped","messages":[]}"#;
    let body = stored_gzip(plain);
    let lines = [
        "POST /anthropic/v1/messages HTTP/1.1",
        KEY,
        "Content-Encoding: gzip",
    ];
    let reply = call(world.address, &lines, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = world.provider.seen().remove(0);
    assert_eq!(
        (seen.body, seen.head.contains("gzip")),
        (body.clone(), true)
    );
    assert_eq!(world.started()[0].model, "zipped");
    let torn = call(world.address, &lines, &body[..20]).await;
    assert_eq!(torn.status, 400, "{}", torn.text());
    let unknown = [
        "POST /anthropic/v1/messages HTTP/1.1",
        KEY,
        "Content-Encoding: lzma",
    ];
    assert_eq!(call(world.address, &unknown, &body).await.status, 415);
}

#[tokio::test]
async fn background_requests_are_refused_because_nobody_could_see_their_answers() {
    let world = World::playing(vec![json("200 OK", "{}")]).await;
    let body = br#"{"model":"m","input":"hi","background":true}"#;
    let reply = post(&world, "/openai/v1/responses", body).await;
    assert_eq!(reply.status, 501, "{}", reply.text());
    assert!(world.provider.seen().is_empty());
}

#[tokio::test]
async fn nothing_leaves_when_nothing_can_be_recorded() {
    let mut setup = Setup::playing(vec![json("200 OK", ANSWER)]);
    setup.is_recording = false;
    let world = World::with(setup).await;
    let reply = post(
        &world,
        "/anthropic/v1/messages",
        br#"{"model":"m","messages":[]}"#,
    )
    .await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(world.provider.seen().is_empty());
}

#[tokio::test]
async fn a_provider_without_a_key_says_so() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let reply = post(
        &world,
        "/keyless/v1/messages",
        br#"{"model":"m","messages":[]}"#,
    )
    .await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.text().contains("has no key"), "{}", reply.text());
}

#[tokio::test]
async fn a_draining_gateway_takes_nothing_new_and_finishes_what_runs() {
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    let mut script = vec![crate::support::Step::Wait(gate.clone())];
    script.extend(json("200 OK", ANSWER));
    let mut setup = Setup::playing(vec![script]);
    setup.gateway.body_silence = std::time::Duration::from_secs(5);
    let mut world = World::with(setup).await;
    let body = br#"{"model":"m","messages":[]}"#;
    let lines = ["POST /anthropic/v1/messages HTTP/1.1", KEY];
    let mut running = open(world.address, &lines, body).await;
    until(|| world.provider.seen().len() == 1).await;
    world.gateway.begin_drain();
    assert!(!world.gateway.is_serving());
    gate.notify_one();
    let reply = read_reply(&mut running).await;
    assert_eq!((reply.status, reply.is_whole), (200, true));
    assert_eq!(
        world.serving.take().unwrap().join().await.unwrap(),
        0,
        "nothing was cut"
    );
    assert!(tokio::net::TcpStream::connect(world.address).await.is_err());
}

fn stored_gzip(plain: &[u8]) -> Vec<u8> {
    let length = u16::try_from(plain.len()).unwrap();
    let mut zipped = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    zipped.extend_from_slice(&length.to_le_bytes());
    zipped.extend_from_slice(&(!length).to_le_bytes());
    zipped.extend_from_slice(plain);
    zipped.extend_from_slice(&crc32(plain).to_le_bytes());
    zipped.extend_from_slice(&u32::from(length).to_le_bytes());
    zipped
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
