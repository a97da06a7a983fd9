//! Where the time of a request goes, for the operator and for callers who ask.

use crate::support::{Reply, Setup, World, call, json, until};

const BODY: &[u8] =
    br#"{"model":"m-1","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}"#;
const ANSWER: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m-1","content":[],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}"#;
const ASK: &str = "X-AI-Bridge-Server-Timing: please";

async fn world(server_timing: bool) -> World {
    let script = || json("200 OK", ANSWER);
    let mut setup = Setup::playing(vec![script(), script()]);
    setup.gateway.server_timing = server_timing;
    World::with(setup).await
}

async fn ask(world: &World, line: &str, headers: &[&str]) -> Reply {
    let mut lines = vec![line, "X-Api-Key: alice-key"];
    lines.extend_from_slice(headers);
    call(world.address, &lines, BODY).await
}

/// The names of the parts, each of which must have a number.
fn parts(reply: &Reply) -> Vec<String> {
    let told = reply.header("server-timing").unwrap_or_default();
    let parts = told.split(", ").filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, millis) = part.split_once(";dur=").unwrap();
            assert!(millis.parse::<f64>().unwrap() >= 0.0, "{part}");
            name.to_owned()
        })
        .collect()
}

#[tokio::test]
async fn callers_who_ask_are_told_and_the_provider_is_not() {
    let world = world(true).await;
    let turn = "POST /anthropic/v1/messages HTTP/1.1";
    let told = ask(&world, turn, &[ASK]).await;
    let expected = [
        "auth",
        "pool",
        "body",
        "journal",
        "connect",
        "first_byte",
        "gateway",
    ];
    assert_eq!(
        (told.status, parts(&told)),
        (200, expected.map(str::to_owned).to_vec())
    );
    let untold = ask(&world, turn, &[]).await;
    assert_eq!((untold.status, untold.header("server-timing")), (200, None));
    for seen in world.provider.seen() {
        assert_eq!(seen.header("x-ai-bridge-server-timing"), None);
    }
}

#[tokio::test]
async fn nobody_is_told_unless_the_operator_allows_it() {
    let world = world(false).await;
    let reply = ask(&world, "POST /anthropic/v1/messages HTTP/1.1", &[ASK]).await;
    assert_eq!((reply.status, reply.header("server-timing")), (200, None));
    let seen = world.provider.seen();
    assert_eq!(seen[0].header("x-ai-bridge-server-timing"), None);
}

#[tokio::test]
async fn the_operator_sees_each_part_once_for_each_request_of_a_known_caller() {
    let world = world(false).await;
    let refused = call(
        world.address,
        &["POST /anthropic/v1/messages HTTP/1.1"],
        BODY,
    )
    .await;
    assert_eq!(refused.status, 400);
    let served = ask(&world, "POST /anthropic/v1/messages HTTP/1.1", &[]).await;
    let passed = ask(
        &world,
        "POST /anthropic/v1/messages/count_tokens HTTP/1.1",
        &[],
    )
    .await;
    assert_eq!((served.status, passed.status), (200, 200));
    let count = |part: &str, number: usize| {
        format!("bridge_request_part_seconds_count{{part=\"{part}\"}} {number}\n")
    };
    for (part, number) in [
        ("auth", 2),
        ("pool", 2),
        ("body", 2),
        ("journal", 1),
        ("connect", 1),
        ("first_byte", 2),
        ("gateway", 2),
        ("relay", 2),
    ] {
        let sample = count(part, number);
        until(|| world.metrics.expose().contains(&sample)).await;
    }
}
