//! New providers and limits under running requests: what runs goes on as it began.

use std::sync::Arc;

use bridge_auth::Secret;
use bridge_gateway::GatewayConfig;
use bridge_intercept::{Blueprint, ProviderSet, ProviderSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::support::{Script, Setup, Step, World, call, find, json, open, read_reply, sse, until};

const KEY: &str = "Authorization: Bearer alice-key";
const LINE: &str = "POST /anthropic/v1/messages HTTP/1.1";
const BODY: &[u8] = br#"{"model":"claude-x","stream":true,"messages":[]}"#;
const ANSWER: &str =
    r#"{"id":"msg_1","type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
const START: &str =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n";
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/// A stream that stands still after its first event until the gate is opened.
fn held_stream(gate: &Arc<Notify>) -> Script {
    let mut script = sse(&[START, STOP]);
    script.insert(2, Step::Wait(Arc::clone(gate)));
    script
}

fn providers(world: &World, key: &str) -> Arc<Blueprint> {
    let spec = ProviderSpec {
        name: "anthropic".to_owned(),
        provider_type: "anthropic".to_owned(),
        enabled: true,
        base_url: format!("http://{}/", world.provider.address),
        keys: vec![Secret::new(key.to_owned())],
        ..ProviderSpec::default()
    };
    Arc::new(Blueprint {
        providers: Arc::new(ProviderSet::try_new(vec![spec]).unwrap()),
        ..world.blueprint.clone()
    })
}

/// Reads until this has come, and gives everything so far.
async fn read_until(stream: &mut TcpStream, end: &str) -> Vec<u8> {
    let mut heard = Vec::new();
    while find(&heard, end.as_bytes()).is_none() {
        let read = stream.read_buf(&mut heard).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&heard));
    }
    heard
}

#[tokio::test]
async fn three_hundred_generations_cut_no_stream() {
    const GENERATIONS: usize = 300;
    const EVERY: usize = 5;
    let gates: Vec<_> = (0..GENERATIONS / EVERY)
        .map(|_| Arc::new(Notify::new()))
        .collect();
    let world = World::playing(gates.iter().map(held_stream).collect()).await;
    let mut streams = Vec::new();
    for number in 0..GENERATIONS {
        let blueprint = providers(&world, &format!("operator-key-{number}"));
        let generation = world.gateway.replace(blueprint, GatewayConfig::default());
        if number % EVERY == 0 {
            let mut stream = open(world.address, &[LINE, KEY], BODY).await;
            let heard = read_until(&mut stream, START).await;
            streams.push((generation, number, stream, heard));
        }
    }
    let running = world.gateway.turns();
    let told: Vec<_> = running.iter().map(|turn| turn.generation).collect();
    let begun: Vec<_> = streams.iter().map(|(generation, ..)| *generation).collect();
    assert_eq!(told, begun);
    gates.iter().for_each(|gate| gate.notify_one());
    for (_, number, mut stream, mut heard) in streams {
        while matches!(stream.read_buf(&mut heard).await, Ok(read) if read > 0) {}
        let heard = String::from_utf8(heard).unwrap();
        assert!(
            heard.contains(STOP) && heard.ends_with("0\r\n\r\n"),
            "{number}: {heard}"
        );
    }
    let keys: Vec<_> = world
        .provider
        .seen()
        .iter()
        .map(|seen| seen.header("x-api-key").unwrap().to_owned())
        .collect();
    let wanted: Vec<_> = (0..GENERATIONS)
        .step_by(EVERY)
        .map(|number| format!("operator-key-{number}"))
        .collect();
    assert_eq!(keys, wanted);
    until(|| world.gateway.turns().is_empty()).await;
}

#[tokio::test]
async fn limits_hold_for_those_who_come_after() {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let big = format!(
        r#"{{"model":"m","messages":[],"x":"{}"}}"#,
        "a".repeat(10_000)
    );
    // The head and half of the body are there before the limit shrinks.
    let mut early = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "{LINE}\r\nHost: g\r\n{KEY}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        big.len()
    );
    let (first, rest) = big.split_at(big.len() / 2);
    early
        .write_all(format!("{head}{first}").as_bytes())
        .await
        .unwrap();
    until(|| world.gateway.turns().len() == 1).await;
    let limits = GatewayConfig {
        body_bytes: 5_000,
        allow_own_keys: false,
        ..GatewayConfig::default()
    };
    let blueprint = Arc::new(world.blueprint.clone());
    world.gateway.replace(blueprint, limits);
    let late = call(world.address, &[LINE, KEY], big.as_bytes()).await;
    assert_eq!(late.status, 413);
    let own = [
        LINE,
        "X-Coder-AI-Governance-Token: alice-key",
        "X-Api-Key: own",
    ];
    assert_eq!(call(world.address, &own, BODY).await.status, 403);
    early.write_all(rest.as_bytes()).await.unwrap();
    assert_eq!(read_reply(&mut early).await.status, 200);
}

#[tokio::test]
async fn who_came_before_is_served_on_nothing_that_came_after() {
    let world = World::playing(vec![json("200 OK", ANSWER), json("200 OK", ANSWER)]).await;
    let held = "Authorization: Bearer held-key";
    let mut early = open(world.address, &[LINE, held], BODY).await;
    until(|| world.asked.claims.lock().len() == 1).await;
    let mut blueprint = world.blueprint.clone();
    blueprint.config.send_actor = true;
    let limits = GatewayConfig::default();
    world.gateway.replace(Arc::new(blueprint), limits);
    assert_eq!(call(world.address, &[LINE, KEY], BODY).await.status, 200);
    world.asked.door.notify_one();
    assert_eq!(read_reply(&mut early).await.status, 200);
    let seen = world.provider.seen();
    let named = |at: usize| seen[at].header("x-ai-bridge-actor-id").is_some();
    assert_eq!((named(0), named(1)), (true, false));
}

#[tokio::test]
async fn more_connections_are_let_in_as_soon_as_they_may() {
    let gate = Arc::new(Notify::new());
    let mut setup = Setup::playing(vec![held_stream(&gate), json("200 OK", ANSWER)]);
    setup.gateway.connections = 1;
    let world = World::with(setup).await;
    let mut running = open(world.address, &[LINE, KEY], BODY).await;
    read_until(&mut running, START).await;
    let mut waiting = open(world.address, &[LINE, KEY], BODY).await;
    until(|| world.metrics.expose().contains("connections_full_total 1")).await;
    assert_eq!(world.gateway.turns().len(), 1);
    let blueprint = Arc::new(world.blueprint.clone());
    world.gateway.replace(blueprint, GatewayConfig::default());
    assert_eq!(read_reply(&mut waiting).await.status, 200);
    gate.notify_one();
    assert!(read_until(&mut running, "0\r\n\r\n").await.len() > STOP.len());
}

#[tokio::test]
async fn the_running_requests_can_be_looked_at() {
    let gate = Arc::new(Notify::new());
    let mut held = json("200 OK", ANSWER);
    held.insert(0, Step::Wait(Arc::clone(&gate)));
    let world = World::playing(vec![held]).await;
    let agent = "User-Agent: claude-cli/2.0";
    let mut messages = open(world.address, &[LINE, KEY, agent], BODY).await;
    until(|| world.provider.seen().len() == 1).await;
    let models = ["GET /anthropic/v1/models?limit=3 HTTP/1.1", KEY];
    let mut models = open(world.address, &models, b"").await;
    until(|| world.provider.seen().len() == 2).await;
    let running = world.gateway.turns();
    let [turn, passed] = &running[..] else {
        panic!("{running:?}");
    };
    let known = turn.known.as_ref().unwrap();
    assert_eq!(known.grant.actor.username, "alice");
    assert_eq!(known.grant.api_key_id, "alice-id");
    assert_eq!(
        (&*known.provider, known.route, known.client),
        ("anthropic", "/v1/messages", "Claude Code")
    );
    assert_eq!(turn.model.as_deref(), Some("claude-x"));
    assert_eq!((turn.method.as_str(), turn.status), ("POST", None));
    assert_eq!((turn.generation, turn.bytes), (2, 0));
    assert!(!known.is_passthrough);
    assert!(passed.known.as_ref().unwrap().is_passthrough);
    assert_eq!(passed.path, "/anthropic/v1/models");
    assert_eq!(passed.model, None);
    gate.notify_one();
    gate.notify_one();
    assert_eq!(read_reply(&mut messages).await.status, 200);
    gate.notify_one();
    assert_eq!(read_reply(&mut models).await.status, 200);
    until(|| world.gateway.turns().is_empty()).await;
}
