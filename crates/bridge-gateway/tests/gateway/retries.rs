//! Calls that are tried again, and those that are not.

use std::time::Duration;

use bridge_intercept::{AftercareLimits, OnAbort, RetryBudgetConfig, RetryConfig};
use bridge_record::{ErrorType, Outcome};

use crate::support::{Reply, Script, Setup, Step, World, call, json, open, until};

const KEY: &str = "Authorization: Bearer alice-key";
const MESSAGES: &str = "POST /anthropic/v1/messages HTTP/1.1";
const BODY: &[u8] =
    br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}"#;
const ANSWER: &str = r#"{"id":"x","type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}"#;
/// Soon enough for a test.
const SOON: &str = "retry-after-ms: 1\r\n";

fn refusal(status: &str, headers: &str, text: &str) -> Script {
    let body = format!(r#"{{"type":"error","error":{{"type":"t","message":"{text}"}}}}"#);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         {headers}\r\n{body}"
    );
    vec![Step::Send(head.into_bytes())]
}

fn trying_again(scripts: Vec<Script>) -> Setup {
    let mut setup = Setup::playing(scripts);
    setup.intercept.retry = RetryConfig::default();
    setup
}

async fn ask(world: &World) -> Reply {
    call(world.address, &[MESSAGES, KEY], BODY).await
}

#[tokio::test]
async fn a_refusal_that_passes_is_not_seen_by_the_caller() {
    for status in [
        "408 a", "409 b", "500 c", "502 d", "503 e", "504 f", "529 g",
    ] {
        let scripts = vec![
            refusal(status, SOON, "first"),
            refusal(status, SOON, "second"),
            json("200 OK", ANSWER),
        ];
        let world = World::with(trying_again(scripts)).await;
        let reply = ask(&world).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, ANSWER),
            "{status}"
        );
        let seen = world.provider.seen();
        assert_eq!(seen.len(), 3, "{status}");
        assert!(seen.iter().all(|it| it.body == BODY), "{status}");
        assert_eq!(world.provider.connections(), 1, "{status}");
        let ended = world.ended(1).await.remove(0);
        assert_eq!(ended.outcome, Outcome::Completed, "{status}");
        assert_eq!(ended.provider_status, Some(200), "{status}");
    }
}

#[tokio::test]
async fn after_the_last_attempt_the_providers_own_answer_stands() {
    let scripts = vec![
        refusal("503 a", SOON, "first"),
        refusal("503 b", SOON, "second"),
        refusal("529 c", "retry-after-ms: 1\r\nrequest-id: r3\r\n", "third"),
    ];
    let world = World::with(trying_again(scripts)).await;
    let reply = ask(&world).await;
    assert_eq!(
        (reply.status, reply.header("request-id")),
        (529, Some("r3"))
    );
    assert!(
        reply.text().contains(r#""message":"third""#),
        "{}",
        reply.text()
    );
    assert_eq!(world.provider.seen().len(), 3);
    let metrics = world.metrics.expose();
    let sample = r#"bridge_retries_total{provider="anthropic",reason="overloaded"} 2"#;
    assert!(metrics.contains(sample), "{metrics}");
}

/// How often the provider is asked for one call.
async fn attempts(setup: Setup, lines: &[&str]) -> usize {
    let world = World::with(setup).await;
    let _reply = call(world.address, lines, BODY).await;
    world.provider.seen().len()
}

#[tokio::test]
async fn what_is_tried_again_and_what_is_not() {
    let own = "X-Coder-AI-Governance-Token: alice-key\r\nX-Api-Key: her-own";
    let stainless = "Authorization: Bearer alice-key\r\nX-Stainless-Retry-Count: 0";
    let count = "POST /anthropic/v1/messages/count_tokens HTTP/1.1";
    let no = "retry-after-ms: 1\r\nx-should-retry: false\r\n";
    let yes = "retry-after-ms: 1\r\nx-should-retry: true\r\n";
    let long = "retry-after: 9\r\n";
    let rows = [
        ("an error of the provider", MESSAGES, KEY, "500 a", SOON, 3),
        ("a fault of the request", MESSAGES, KEY, "400 a", SOON, 1),
        (
            "a limit of the caller's own key",
            MESSAGES,
            own,
            "429 a",
            SOON,
            3,
        ),
        ("the provider forbids it", MESSAGES, KEY, "503 a", no, 1),
        ("the provider asks for it", MESSAGES, KEY, "400 a", yes, 3),
        (
            "the provider wants too much patience",
            MESSAGES,
            KEY,
            "503 a",
            long,
            1,
        ),
        (
            "the caller tries again itself",
            MESSAGES,
            stainless,
            "503 a",
            SOON,
            1,
        ),
        ("it only passes through", count, KEY, "503 a", SOON, 1),
    ];
    for (what, line, key, status, headers, expected) in rows {
        let setup = trying_again(vec![refusal(status, headers, "no")]);
        assert_eq!(attempts(setup, &[line, key]).await, expected, "{what}");
    }
    let mut setup = trying_again(vec![refusal("503 a", SOON, "no")]);
    setup.intercept.retry.for_retrying_callers = true;
    assert_eq!(attempts(setup, &[MESSAGES, stainless]).await, 3);
}

#[tokio::test]
async fn what_may_have_been_processed_is_never_sent_twice() {
    for last in [Step::Reset, Step::Close] {
        let world = World::with(trying_again(vec![vec![last]])).await;
        assert_eq!(ask(&world).await.status, 502);
        assert_eq!(world.provider.seen().len(), 1);
    }
    let broken = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let script = vec![Step::Send(broken.into()), Step::Reset];
    let world = World::with(trying_again(vec![script])).await;
    assert!(!ask(&world).await.is_whole);
    assert_eq!(world.provider.seen().len(), 1);
}

#[tokio::test]
async fn one_that_cannot_be_reached_is_tried_again() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let mut setup = trying_again(vec![]);
    setup.intercept.retry.retries = 1;
    setup.base_url = Some(format!("http://{address}"));
    let world = World::with(setup).await;
    assert_eq!(ask(&world).await.status, 502);
    let metrics = world.metrics.expose();
    let sample = r#"bridge_retries_total{provider="anthropic",reason="never_sent"} 1"#;
    assert!(metrics.contains(sample), "{metrics}");
}

#[tokio::test]
async fn the_last_attempt_is_what_is_recorded() {
    let gone = vec![Step::Reset];
    let world = World::with(trying_again(vec![refusal("503 a", SOON, "no"), gone])).await;
    assert_eq!(ask(&world).await.status, 502);
    let ended = world.ended(1).await.remove(0);
    assert_eq!(
        (ended.outcome, ended.provider_status),
        (Outcome::Failed, None)
    );
}

#[tokio::test]
async fn retries_end_with_their_budget() {
    let mut setup = trying_again(vec![refusal("503 a", SOON, "no")]);
    setup.intercept.retry.budget = RetryBudgetConfig {
        percent: 10,
        reserve: 3,
    };
    let world = World::with(setup).await;
    let mut before = 0;
    let mut made = Vec::new();
    for _ in 0..14 {
        assert_eq!(ask(&world).await.status, 503);
        let now = world.provider.seen().len();
        made.push(now - before);
        before = now;
    }
    assert_eq!(made[..3], [3, 2, 1]);
    assert_eq!(made.iter().sum::<usize>(), 14 + 3 + 1, "{made:?}");
    let metrics = world.metrics.expose();
    assert!(
        metrics.contains("bridge_retry_budget_exhausted_total"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_wait() {
    let drain = OnAbort::ReadOn(AftercareLimits {
        time: Duration::from_secs(60),
        bytes: 1 << 20,
        at_once: 8,
    });
    for (on_abort, wait) in [(OnAbort::Cancel, "8000"), (drain, "500")] {
        let headers = format!("retry-after-ms: {wait}\r\n");
        let mut setup = trying_again(vec![refusal("503 a", &headers, "no")]);
        setup.intercept.on_abort = on_abort;
        let world = World::with(setup).await;
        let stream = open(world.address, &[MESSAGES, KEY], BODY).await;
        until(|| world.metrics.expose().contains("bridge_retries_total{")).await;
        drop(stream);
        let ended = world.ended(1).await.remove(0);
        assert_eq!(ended.outcome, Outcome::Aborted, "{on_abort:?}");
        assert_eq!(ended.error_type, None::<ErrorType>, "{on_abort:?}");
        assert_eq!(world.provider.seen().len(), 1, "{on_abort:?}");
    }
}
