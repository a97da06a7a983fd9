//! Calls and answers that come to nothing are recorded all the same, once each.

use std::sync::Arc;
use std::time::Duration;

use bridge_intercept::{AftercareLimits, OnAbort, ToolsConfig};
use bridge_record::Outcome;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::stage::{KEY, Stage, held, patient};
use super::voice::{Call, DIALECTS, Dialect, Says};
use crate::support::{Setup, open, sse, until};

const NEVER: Call = ("call_1", "bmcp_docs_never", "{}");
const FIND: Call = ("call_2", "bmcp_docs_find", "{}");
const OWN: Call = ("call_3", "Read", "{}");

fn reading_on() -> OnAbort {
    OnAbort::ReadOn(AftercareLimits::default())
}

#[tokio::test]
async fn calls_that_had_to_wait_are_recorded_when_the_client_leaves() {
    for on_abort in [OnAbort::Cancel, reading_on()] {
        for is_stream in [true, false] {
            let dialect = Dialect::Anthropic;
            let says = Says::Calls("well", &[NEVER, FIND]);
            let mut setup = Setup::playing(vec![dialect.answer(is_stream, "first", says)]);
            setup.intercept.on_abort = on_abort;
            let config = ToolsConfig {
                at_once: 1,
                ..patient()
            };
            let stage = Stage::with(setup, config).await;
            let body = dialect.request(is_stream);
            let lines = [dialect.line(), KEY];
            let stream = open(stage.world.address, &lines, body.as_bytes()).await;
            let began = stage.docs.wait_for(|seen| !seen.calls.is_empty());
            timeout(Duration::from_secs(20), began).await.unwrap();
            drop(stream);
            stage.world.ended(1).await;
            let used = stage.used();
            let mut ids: Vec<_> = used.iter().map(|it| it.call_id.as_str()).collect();
            ids.sort_unstable();
            assert_eq!(ids, ["call_1", "call_2"], "{on_abort:?} {is_stream}");
            let made = used.iter().filter(|it| it.duration_ms.is_some());
            assert_eq!(made.count(), 1);
            assert_eq!(stage.order().last(), Some(&"ended"));
            assert_eq!(stage.docs.seen().calls.len(), 1);
        }
    }
}

#[tokio::test]
async fn a_mixed_answer_is_recorded_when_the_client_leaves_in_its_middle() {
    for on_abort in [OnAbort::Cancel, reading_on()] {
        for dialect in DIALECTS {
            for is_stream in [true, false] {
                let says = Says::Calls("well", &[NEVER, OWN]);
                let mut setup = Setup::playing(vec![dialect.answer(is_stream, "first", says)]);
                setup.intercept.on_abort = on_abort;
                let stage = Stage::with(setup, patient()).await;
                let body = dialect.request(is_stream);
                let lines = [dialect.line(), KEY];
                let stream = open(stage.world.address, &lines, body.as_bytes()).await;
                let began = stage.docs.wait_for(|seen| !seen.calls.is_empty());
                timeout(Duration::from_secs(20), began).await.unwrap();
                drop(stream);
                let ended = stage.world.ended(1).await.remove(0);
                let case = (on_abort, dialect, is_stream);
                assert_eq!(ended.outcome, Outcome::Aborted, "{case:?}");
                assert_eq!(stage.world.tokens().len(), 1, "{case:?}");
                let mut order = stage.order();
                assert_eq!(order.pop(), Some("ended"), "{case:?}");
                order.sort_unstable();
                let all = ["prompt", "started", "tokens", "tool", "tool"];
                assert_eq!(order, all, "{case:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_read_on_for_its_figures_gives_them_also_when_it_calls_tools() {
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let release = Arc::new(Notify::new());
            let script = dialect.answer(is_stream, "first", Says::Calls("well", &[FIND]));
            let script = held(script, is_stream, &release);
            let mut setup = Setup::playing(vec![script]);
            setup.intercept.on_abort = reading_on();
            let stage = Stage::with(setup, patient()).await;
            let body = dialect.request(is_stream);
            let lines = [dialect.line(), KEY];
            let stream = open(stage.world.address, &lines, body.as_bytes()).await;
            until(|| !stage.world.provider.seen().is_empty()).await;
            drop(stream);
            let reads = "bridge_aftercare_running 1";
            until(|| stage.world.metrics.expose().contains(reads)).await;
            release.notify_one();
            let ended = stage.world.ended(1).await.remove(0);
            let case = (dialect, is_stream);
            assert_eq!(ended.outcome, Outcome::Aborted, "{case:?}");
            let order = ["started", "prompt", "tool", "tokens", "ended"];
            assert_eq!(stage.order(), order, "{case:?}");
            assert!(stage.docs.seen().calls.is_empty(), "{case:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_to_its_end_is_recorded_as_far_as_it_was() {
    let dialect = Dialect::Anthropic;
    let events = dialect.events("first", Says::Text("well"));
    let endless = format!("data: {}", "x".repeat(17 << 20));
    let stage = Stage::playing(vec![sse(&[&events[0], &endless])]).await;
    let reply = stage.ask(dialect, &dialect.request(true)).await;
    assert!(reply.text().contains("cannot be read"), "{}", reply.text());
    let ended = stage.world.ended(1).await.remove(0);
    assert_eq!(ended.outcome, Outcome::Failed);
    assert_eq!(stage.order(), ["started", "prompt", "tokens", "ended"]);
}

#[tokio::test]
async fn a_call_that_hides_in_an_answer_that_is_too_large_is_not_shown() {
    let dialect = Dialect::Anthropic;
    let says = Says::Calls("well", &[FIND]);
    let mut setup = Setup::playing(vec![dialect.answer(false, "first", says)]);
    setup.intercept.answer_bytes = 64;
    let stage = Stage::with(setup, patient()).await;
    let reply = stage.ask(dialect, &dialect.request(false)).await;
    let text = reply.text();
    assert_eq!(reply.status, 502, "{text}");
    assert!(!text.contains("bmcp_"), "{text}");
    let ended = stage.world.ended(1).await.remove(0);
    assert_eq!(ended.outcome, Outcome::Failed);
}

#[tokio::test]
async fn the_closing_line_of_a_turn_whose_tool_was_cancelled_says_how_it_ended() {
    let dialect = Dialect::Anthropic;
    let says = Says::Calls("well", &[NEVER]);
    let mut stage = Stage::playing(vec![dialect.answer(true, "first", says)]).await;
    let body = dialect.request(true);
    let stream = open(stage.world.address, &[dialect.line(), KEY], body.as_bytes()).await;
    let began = stage.docs.wait_for(|seen| !seen.calls.is_empty());
    timeout(Duration::from_secs(20), began).await.unwrap();
    drop(stream);
    stage.world.ended(1).await;
    let closed = "bridge_requests_running 0";
    until(|| stage.world.metrics.expose().contains(closed)).await;
    let log = stage.world.log();
    let line = log.lines().find(|line| line.contains("outcome="));
    assert!(
        line.is_some_and(|line| line.contains("outcome=aborted")),
        "{log}"
    );
}
