//! Breakers: what opens them, what does not, and how they close again.

use std::time::Duration;

use bridge_intercept::{BreakerConfig, RetryConfig};
use bridge_record::{ErrorType, Outcome};
use bridge_upstream::{ClientConfig, Timeouts};

use crate::support::{Reply, Script, Setup, Step, World, call, json, open, sse, until};

const KEY: &str = "Authorization: Bearer alice-key";
const OWN: &str = "X-Coder-AI-Governance-Token: alice-key\r\nX-Api-Key: her-own";
const MESSAGES: &str = "POST /anthropic/v1/messages HTTP/1.1";
const CHAT: &str = "POST /openai/v1/chat/completions HTTP/1.1";
const RESPONSES: &str = "POST /openai/v1/responses HTTP/1.1";
const ANSWER: &str = r#"{"id":"x","type":"message","content":[],"stop_reason":"end_turn","choices":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
const START: &str =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n";
const OVERLOADED: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
const INVALID: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no\"}}\n\n";

fn with(breaker: BreakerConfig, scripts: Vec<Script>) -> Setup {
    let mut setup = Setup::playing(scripts);
    setup.intercept.breaker = Some(breaker);
    setup
}

/// One failure opens it.
fn at_once() -> BreakerConfig {
    BreakerConfig {
        failures: 1,
        ..BreakerConfig::default()
    }
}

async fn ask(world: &World, line: &str, key: &str, model: &str) -> Reply {
    let body = format!(r#"{{"model":"{model}","max_tokens":9,"messages":[]}}"#);
    call(world.address, &[line, key], body.as_bytes()).await
}

#[tokio::test]
async fn what_keeps_failing_is_left_alone_for_a_while() {
    let breaker = BreakerConfig {
        failures: 2,
        ..BreakerConfig::default()
    };
    let world = World::with(with(breaker, vec![json("503 Busy", "{}")])).await;
    for _ in 0..2 {
        let reply = ask(&world, MESSAGES, KEY, "m").await;
        assert_eq!((reply.status, reply.text().as_str()), (503, "{}"));
    }
    let reply = ask(&world, MESSAGES, KEY, "m").await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("30"))
    );
    let text = reply.text();
    assert!(text.contains(r#""type":"overloaded_error""#), "{text}");
    assert!(text.contains("circuit breaker is open"), "{text}");
    assert_eq!(world.provider.seen().len(), 2);
    let ended = world.ended(3).await.remove(2);
    assert_eq!(ended.outcome, Outcome::Failed);
    assert_eq!(ended.error_type, Some(ErrorType::Overloaded));
    assert_eq!(ended.provider_status, None);
    world.blueprint.providers.measure(&world.metrics);
    let metrics = world.metrics.expose();
    let labels = r#"provider="anthropic",route="/v1/messages",model="m",credential="central""#;
    let state = format!("bridge_breaker_state{{{labels}}} 1");
    assert!(metrics.contains(&state), "{state} is not in\n{metrics}");
    for family in ["trips", "rejects"] {
        let sample = format!("bridge_breaker_{family}_total{{{labels}}} 1");
        assert!(metrics.contains(&sample), "{sample} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn models_routes_and_own_keys_are_apart() {
    let scripts = vec![json("503 Busy", "{}"), json("200 OK", ANSWER)];
    let world = World::with(with(at_once(), scripts)).await;
    assert_eq!(ask(&world, CHAT, KEY, "m").await.status, 503);
    let refused = ask(&world, CHAT, KEY, "m").await;
    assert_eq!(refused.status, 503);
    let text = refused.text();
    assert!(text.contains(r#""code":"service_unavailable""#), "{text}");
    assert_eq!(ask(&world, CHAT, KEY, "other").await.status, 200);
    assert_eq!(ask(&world, RESPONSES, KEY, "m").await.status, 200);
    assert_eq!(ask(&world, MESSAGES, KEY, "m").await.status, 200);
    let own = "X-Coder-AI-Governance-Token: alice-key\r\nAuthorization: Bearer her-own";
    assert_eq!(ask(&world, CHAT, own, "m").await.status, 200);

    let scripts = vec![json("503 Busy", "{}"), json("200 OK", ANSWER)];
    let world = World::with(with(at_once(), scripts)).await;
    assert_eq!(ask(&world, MESSAGES, OWN, "m").await.status, 503);
    assert_eq!(ask(&world, MESSAGES, KEY, "m").await.status, 200);
    assert_eq!(ask(&world, MESSAGES, OWN, "m").await.status, 503);
    assert_eq!(world.provider.seen().len(), 2);
}

#[tokio::test]
async fn it_closes_when_the_provider_is_well_again() {
    let breaker = BreakerConfig {
        open_for: Duration::from_millis(20),
        probes: 2,
        ..at_once()
    };
    let scripts = vec![
        json("503 Busy", "{}"),
        json("503 Still", "{}"),
        json("200 OK", ANSWER),
    ];
    let mut world = World::with(with(breaker, scripts)).await;
    let mut statuses = vec![ask(&world, MESSAGES, KEY, "m").await.status];
    while world.provider.seen().len() < 5 {
        statuses.push(ask(&world, MESSAGES, KEY, "m").await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 3);
    assert_eq!(statuses.last(), Some(&200));
    let log = world.log();
    let moves: Vec<_> = log
        .lines()
        .filter(|line| line.contains("breaker moved"))
        .map(|line| {
            let word = |key: &str| {
                let from = line.find(&format!(" {key}="))? + key.len() + 2;
                line[from..].split(' ').next()
            };
            (word("from").unwrap(), word("to").unwrap())
        })
        .collect();
    let expected = [
        ("closed", "open"),
        ("open", "half_open"),
        ("half_open", "open"),
        ("open", "half_open"),
        ("half_open", "closed"),
    ];
    assert_eq!(moves, expected, "{log}");
}

fn hasty() -> ClientConfig {
    ClientConfig {
        timeouts: Timeouts {
            connect: Duration::from_millis(300),
            head: Duration::from_millis(300),
            silence: Duration::from_millis(300),
            ..Timeouts::default()
        },
        ..ClientConfig::default()
    }
}

/// Ends a stream in its middle.
fn broken(last: Step) -> Script {
    let mut script = sse(&[START]);
    script.pop();
    script.push(last);
    script
}

#[tokio::test]
async fn what_the_provider_does_opens_it_and_nothing_else() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
    let rows: [(&str, Script, bool); 18] = [
        ("503", json("503 Busy", "{}"), true),
        ("504", json("504 Late", "{}"), true),
        ("529", json("529 Busy", "{}"), true),
        ("reset before the head", vec![Step::Reset], true),
        ("closed before the head", vec![Step::Close], true),
        ("no head in time", vec![Step::Hang], true),
        ("reset in a stream", broken(Step::Reset), true),
        ("closed in a stream", broken(Step::Close), true),
        ("a stream stands still", broken(Step::Hang), true),
        (
            "a body is cut",
            vec![Step::Send(head.into()), Step::Close],
            true,
        ),
        ("overloaded in a stream", sse(&[START, OVERLOADED]), true),
        ("refused in a stream", sse(&[START, INVALID]), false),
        ("400", json("400 Bad", "{}"), false),
        ("403", json("403 No", "{}"), false),
        ("500", json("500 Oh", "{}"), false),
        ("502", json("502 Oh", "{}"), false),
        ("a web page", vec![Step::Send(html.into())], false),
        ("a good answer", json("200 OK", ANSWER), false),
    ];
    for (what, script, is_failure) in rows {
        let mut setup = with(at_once(), vec![script]);
        setup.client = hasty();
        let world = World::with(setup).await;
        let _first = ask(&world, MESSAGES, KEY, "m").await;
        let _recorded = world.ended(1).await;
        let second = ask(&world, MESSAGES, KEY, "m").await;
        let is_open = second.text().contains("circuit breaker is open");
        assert_eq!(
            is_open,
            is_failure,
            "{what}: {} {}",
            second.status,
            second.text()
        );
        let asked = if is_failure { 1 } else { 2 };
        assert_eq!(world.provider.seen().len(), asked, "{what}");
    }
}

#[tokio::test]
async fn one_that_cannot_be_reached_opens_it() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let mut setup = with(at_once(), vec![]);
    setup.base_url = Some(format!("http://{address}"));
    let world = World::with(setup).await;
    assert_eq!(ask(&world, MESSAGES, KEY, "m").await.status, 502);
    assert_eq!(ask(&world, MESSAGES, KEY, "m").await.status, 503);
}

#[tokio::test]
async fn callers_who_leave_and_keys_that_cool_tell_nothing() {
    let world = World::with(with(
        at_once(),
        vec![vec![Step::Hang], json("200 OK", ANSWER)],
    ))
    .await;
    let body = br#"{"model":"m","max_tokens":9,"messages":[]}"#;
    let stream = open(world.address, &[MESSAGES, KEY], body).await;
    until(|| world.provider.seen().len() == 1).await;
    drop(stream);
    let ended = world.ended(1).await.remove(0);
    assert_eq!(ended.outcome, Outcome::Aborted);
    assert_eq!(ask(&world, MESSAGES, KEY, "m").await.status, 200);

    let world = World::with(with(at_once(), vec![json("429 Often", "{}")])).await;
    for _ in 0..3 {
        assert_eq!(ask(&world, MESSAGES, KEY, "m").await.status, 429);
    }
}

#[tokio::test]
async fn a_call_counts_once_however_often_it_is_tried() {
    let refusal = "HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                   retry-after-ms: 1\r\n\r\n{}";
    let breaker = BreakerConfig {
        failures: 2,
        ..BreakerConfig::default()
    };
    let mut setup = with(breaker, vec![vec![Step::Send(refusal.into())]]);
    setup.intercept.retry = RetryConfig::default();
    let world = World::with(setup).await;
    for _ in 0..3 {
        assert_eq!(ask(&world, MESSAGES, KEY, "m").await.status, 503);
    }
    assert_eq!(world.provider.seen().len(), 6);
}
