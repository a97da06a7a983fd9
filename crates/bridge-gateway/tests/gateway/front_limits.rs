//! How many requests run at once and how fast callers come: refused before anybody is asked.

use std::sync::Arc;

use bridge_auth::RequestSource;
use bridge_gateway::{GatewayConfig, InProcess};
use bridge_guard::FrontLimits;
use bridge_telemetry::task;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::support::{Reply, Setup, Step, World, call, json, open, read_reply, sse, until};

const KEY: &str = "Authorization: Bearer alice-key";
const OTHER_KEY: &str = "Authorization: Bearer waiting-key";
const MESSAGES: &str = "POST /anthropic/v1/messages HTTP/1.1";
const BODY: &[u8] = br#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#;
const ANSWER: &str = r#"{"id":"msg_1","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

fn at_once(limit: usize) -> FrontLimits {
    FrontLimits {
        concurrency: Some(limit),
        ..FrontLimits::default()
    }
}

fn at_once_for_each(limit: usize) -> FrontLimits {
    FrontLimits {
        caller_concurrency: Some(limit),
        ..FrontLimits::default()
    }
}

fn each_second(limit: u32) -> FrontLimits {
    FrontLimits {
        caller_rate: Some(limit),
        ..FrontLimits::default()
    }
}

async fn limited(front: FrontLimits) -> World {
    let mut setup = Setup::playing(vec![json("200 OK", ANSWER)]);
    setup.gateway.front = front;
    World::with(setup).await
}

async fn ask(world: &World, key: &str) -> Reply {
    call(world.address, &[MESSAGES, key], BODY).await
}

/// A request whose credential nobody has answered for yet.
async fn held(world: &World) -> TcpStream {
    let claims = world.asked.claims.lock().len();
    let lines = [MESSAGES, "Authorization: Bearer held-key"];
    let stream = open(world.address, &lines, BODY).await;
    until(|| world.asked.claims.lock().len() > claims).await;
    stream
}

#[tokio::test]
async fn beyond_the_limit_nobody_is_asked_and_the_answer_says_when_to_come_back() {
    let anthropic = r#""type":"overloaded_error"},"type":"error"}"#;
    let openai = r#""type":"server_error""#;
    let routes = [
        (MESSAGES, anthropic),
        ("POST /openai/v1/chat/completions HTTP/1.1", openai),
        ("POST /openai/v1/responses HTTP/1.1", openai),
        ("GET /anthropic/v1/models HTTP/1.1", anthropic),
        ("GET /nowhere/v1/models HTTP/1.1", "later.\n"),
    ];
    let world = limited(at_once(1)).await;
    let mut first = held(&world).await;
    for (line, shape) in routes {
        let reply = call(world.address, &[line, KEY], BODY).await;
        let text = reply.text();
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (503, Some("1"))
        );
        assert!(text.contains(shape), "{line}: {text}");
        assert!(text.contains("AI Gateway is currently at capacity. Please try again later."));
    }
    assert_eq!(world.asked.claims.lock().len(), 1, "nobody else was asked");
    assert!(world.provider.seen().is_empty());
    world.asked.door.notify_one();
    assert_eq!(read_reply(&mut first).await.status, 200);
    until(|| world.gateway.running() == 0).await;
    assert_eq!(ask(&world, KEY).await.status, 200);
    let metrics = world.metrics.expose();
    for counted in [
        "bridge_request_failures_total{kind=\"at_capacity\"} 5",
        "bridge_front_refusals_total{limit=\"concurrency\"} 5",
    ] {
        assert!(metrics.contains(counted), "{metrics}");
    }
}

#[tokio::test]
async fn a_probe_takes_no_place_and_is_answered_when_there_is_none() {
    let world = limited(at_once(1)).await;
    let _first = held(&world).await;
    let reply = call(world.address, &["GET /anthropic/api/hello HTTP/1.1"], b"").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn one_callers_requests_are_no_other_callers() {
    let world = limited(at_once_for_each(1)).await;
    let mut first = held(&world).await;
    let busy = ask(&world, "X-Api-Key: held-key").await;
    assert_eq!((busy.status, busy.header("retry-after")), (429, Some("1")));
    let text = busy.text();
    assert!(text.contains("rate_limit_error") && text.contains("You have 1 requests running"));
    assert_eq!(ask(&world, KEY).await.status, 200);
    world.asked.door.notify_one();
    assert_eq!(read_reply(&mut first).await.status, 200);
}

#[tokio::test]
async fn a_stream_holds_its_place_until_it_is_over_or_its_caller_leaves() {
    for leaves in [false, true] {
        let gate = Arc::new(Notify::new());
        let mut script = sse(&[STOP]);
        script.insert(1, Step::Wait(Arc::clone(&gate)));
        let mut setup = Setup::playing(vec![script, json("200 OK", ANSWER)]);
        setup.gateway.front = at_once(1);
        let world = World::with(setup).await;
        let mut first = open(world.address, &[MESSAGES, KEY], BODY).await;
        until(|| {
            world
                .gateway
                .turns()
                .iter()
                .any(|turn| turn.status.is_some())
        })
        .await;
        assert_eq!(ask(&world, OTHER_KEY).await.status, 503);
        if leaves {
            drop(first);
        } else {
            gate.notify_one();
            assert!(read_reply(&mut first).await.is_whole);
        }
        until(|| world.gateway.running() == 0).await;
        assert_eq!(ask(&world, OTHER_KEY).await.status, 200, "leaves: {leaves}");
    }
}

#[tokio::test]
async fn a_body_that_is_over_holds_no_place_though_a_host_program_keeps_it() {
    let world = limited(at_once(1)).await;
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let source = RequestSource::new("agents").unwrap();
    let transport = host.transport_for("anthropic", source).unwrap();
    let request = || {
        let request = Request::post("/v1/messages");
        request.body(Full::new(Bytes::from_static(BODY))).unwrap()
    };
    let mut first = transport.send("alice-id", request()).await.unwrap();
    let refused = transport.send("alice-id", request()).await.unwrap();
    assert_eq!(refused.status(), 503);
    drop(refused);
    while first.body_mut().frame().await.is_some() {}
    let second = transport.send("alice-id", request()).await.unwrap();
    assert_eq!(second.status(), 200);
}

#[tokio::test]
async fn who_gives_up_before_an_answer_leaves_their_place() {
    let world = limited(at_once(1)).await;
    drop(held(&world).await);
    until(|| world.gateway.running() == 0).await;
    assert_eq!(ask(&world, KEY).await.status, 200);
}

#[tokio::test]
async fn who_is_refused_holds_no_place_while_their_body_is_thrown_away() {
    let world = limited(at_once(1)).await;
    let lines = [
        MESSAGES,
        "Authorization: Bearer nobody-key",
        "Content-Length: 1000",
    ];
    let _slow = open(world.address, &lines, b"{").await;
    until(|| world.asked.claims.lock().len() == 1).await;
    while ask(&world, KEY).await.status == 503 {}
    let turns = world.gateway.turns();
    let is_refused = turns.iter().any(|turn| turn.status.is_none());
    assert!(is_refused, "its body is still waited for: {turns:?}");
}

/// Nothing passes until the test ends: the runtime never rests, and so it never moves its clock.
fn hold_time() -> task::Task<()> {
    tokio::time::pause();
    task::spawn(&bridge_telemetry::discard(), "restless", async {
        loop {
            tokio::task::yield_now().await;
        }
    })
}

#[tokio::test]
async fn passing_through_and_being_refused_counts_as_well() {
    let world = limited(each_second(2)).await;
    let _held = hold_time();
    let models = "GET /anthropic/v1/models HTTP/1.1";
    assert_eq!(call(world.address, &[models, KEY], b"").await.status, 200);
    assert_eq!(ask(&world, KEY).await.status, 200);
    let reply = ask(&world, KEY).await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("1"))
    );
    assert!(
        reply
            .text()
            .contains("You've been rate limited. Please try again later.")
    );
    assert_eq!(ask(&world, OTHER_KEY).await.status, 200);
    let bad = "Authorization: Bearer nobody-key";
    let told = [
        ask(&world, bad).await,
        ask(&world, bad).await,
        ask(&world, bad).await,
    ];
    assert_eq!(told.map(|reply| reply.status), [403, 403, 429]);
    let nobody = "Accept: */*";
    let told = [
        ask(&world, nobody).await,
        ask(&world, nobody).await,
        ask(&world, nobody).await,
    ];
    assert_eq!(told.map(|reply| reply.status), [400, 400, 429]);
    assert_eq!(world.gateway.known_callers(), 4);
}

#[tokio::test]
async fn limits_that_are_given_later_hold_for_the_next_one_and_see_who_is_inside() {
    let world = limited(FrontLimits::default()).await;
    let mut first = held(&world).await;
    let limits = |front| GatewayConfig {
        front,
        ..GatewayConfig::default()
    };
    let blueprint = Arc::new(world.blueprint.clone());
    world
        .gateway
        .replace(Arc::clone(&blueprint), limits(at_once(1)));
    assert_eq!(ask(&world, KEY).await.status, 503);
    world.gateway.replace(blueprint, limits(at_once(2)));
    assert_eq!(ask(&world, KEY).await.status, 200);
    world.asked.door.notify_one();
    assert_eq!(read_reply(&mut first).await.status, 200);
}

#[tokio::test]
async fn a_body_that_says_that_it_is_too_large_is_refused_before_anybody_is_asked() {
    let mut setup = Setup::playing(vec![json("200 OK", ANSWER)]);
    setup.gateway.body_bytes = BODY.len() - 1;
    let world = World::with(setup).await;
    for key in [KEY, "Accept: */*"] {
        let reply = call(world.address, &[MESSAGES, key], BODY).await;
        assert_eq!(reply.status, 413, "{}", reply.text());
        let size = format!("request body size is {} bytes.", BODY.len() - 1);
        for part in ["request_too_large", &size] {
            assert!(reply.text().contains(part), "{}", reply.text());
        }
    }
    assert!(world.asked.claims.lock().is_empty());
}

#[tokio::test]
async fn own_keys_are_refused_before_anybody_is_asked() {
    let mut setup = Setup::playing(vec![json("200 OK", ANSWER)]);
    setup.gateway.allow_own_keys = false;
    let world = World::with(setup).await;
    let lines = [
        MESSAGES,
        "X-Coder-AI-Governance-Token: alice-key",
        "X-Api-Key: own",
    ];
    let reply = call(world.address, &lines, BODY).await;
    let text = reply.text();
    assert_eq!(reply.status, 403, "{text}");
    assert!(
        text.contains("Bring Your Own Key (BYOK) mode is not enabled."),
        "{text}"
    );
    assert!(text.contains("gateway.allow_own_keys"), "{text}");
    assert!(world.asked.claims.lock().is_empty());
}
