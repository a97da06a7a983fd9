//! Failures behind the first round: told properly, and never a second execution.

use bridge_record::{ErrorType, Outcome};

use super::stage::{Stage, patient};
use super::voice::{Call, DIALECTS, Dialect, Says};
use crate::support::{Reply, Script, Setup, Step, json};

const CALLS: [Call; 1] = [("call_1", "bmcp_docs_find", "{}")];

/// Calls a tool, and has the provider play this next.
async fn then(dialect: Dialect, is_stream: bool, next: Vec<Script>) -> (Stage, Reply) {
    let mut scripts = vec![dialect.answer(is_stream, "first", Says::Calls("a", &CALLS))];
    scripts.extend(next);
    let stage = Stage::playing(scripts).await;
    let reply = stage.ask(dialect, &dialect.request(is_stream)).await;
    (stage, reply)
}

fn refusal(status: &str) -> Script {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"too much"}}"#;
    json(status, error)
}

#[tokio::test]
async fn a_refusal_in_the_middle_ends_the_turn() {
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let (stage, reply) = then(dialect, is_stream, vec![refusal("529 Too much")]).await;
            let text = reply.text();
            assert!(text.contains("too much"), "{dialect:?} {text}");
            assert!(
                !text.contains("[DONE]") && !text.contains("message_stop"),
                "{text}"
            );
            if is_stream {
                assert_eq!((reply.status, reply.is_whole), (200, true));
            } else {
                assert_eq!(reply.status, 529);
                assert_eq!(reply.header("x-should-retry"), Some("false"));
            }
            let ended = stage.world.ended(1).await.remove(0);
            assert_eq!(ended.outcome, Outcome::Failed);
            assert_eq!(ended.error_type, Some(ErrorType::Overloaded));
            assert_eq!(ended.provider_status, Some(529));
            assert_eq!(stage.docs.seen().calls.len(), 1);
            // The first round was paid for all the same.
            assert_eq!(stage.world.tokens().len(), 1);
            assert_eq!(stage.order().last(), Some(&"ended"));
        }
    }
}

#[tokio::test]
async fn a_provider_that_breaks_off_before_its_head_ends_the_turn() {
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let (stage, reply) = then(dialect, is_stream, vec![vec![Step::Reset]]).await;
            let text = reply.text();
            assert!(
                !text.contains("[DONE]") && !text.contains("message_stop"),
                "{text}"
            );
            assert!(text.contains("error"), "{text}");
            if !is_stream {
                assert_eq!(reply.status, 502);
                assert_eq!(reply.header("x-should-retry"), Some("false"));
            }
            let ended = stage.world.ended(1).await.remove(0);
            assert_eq!(
                ended.outcome,
                Outcome::Failed,
                "{dialect:?} {is_stream} {ended:?}"
            );
            assert_eq!(stage.docs.seen().calls.len(), 1);
        }
    }
}

#[tokio::test]
async fn a_provider_that_breaks_off_in_the_second_round_ends_the_turn() {
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let mut cut = dialect.answer(is_stream, "second", Says::Text("half"));
            let last = cut.len() - 1;
            if let Step::Send(bytes) = &mut cut[last.min(2)] {
                bytes.truncate(bytes.len() - 9);
            }
            cut.truncate(3);
            cut.push(Step::Reset);
            let (stage, reply) = then(dialect, is_stream, vec![cut]).await;
            let text = reply.text();
            assert!(text.contains("error"), "{dialect:?} {text}");
            assert!(
                !text.contains("[DONE]") && !text.contains("message_stop"),
                "{text}"
            );
            let ended = stage.world.ended(1).await.remove(0);
            assert_eq!(ended.outcome, Outcome::Failed, "{dialect:?} {is_stream}");
            if !is_stream {
                assert_eq!(
                    (reply.status, reply.header("x-should-retry")),
                    (502, Some("false"))
                );
            }
            assert_eq!(stage.docs.seen().calls.len(), 1);
        }
    }
}

/// A client that cannot read its answer may ask again, and tools would run again.
#[tokio::test]
async fn a_further_round_that_is_no_json_ends_the_turn() {
    for dialect in DIALECTS {
        for body in ["<html>busy</html>", "{\"id\":\"x\",", "[]"] {
            let (stage, reply) = then(dialect, false, vec![json("200 OK", body)]).await;
            assert_eq!(reply.status, 502, "{dialect:?} {}", reply.text());
            assert_eq!(reply.header("x-should-retry"), Some("false"));
            assert!(!reply.text().contains(body), "{}", reply.text());
            let ended = stage.world.ended(1).await.remove(0);
            assert_eq!(ended.outcome, Outcome::Failed);
            assert_eq!(stage.docs.seen().calls.len(), 1);
        }
    }
}

#[tokio::test]
async fn a_further_round_is_tried_again_and_with_another_key() {
    let dialect = Dialect::Anthropic;
    for is_stream in [true, false] {
        let mut setup = Setup::playing(vec![
            dialect.answer(is_stream, "first", Says::Calls("a", &CALLS)),
            refusal("503 Later\r\nretry-after-ms: 1"),
            refusal("401 Unknown key"),
            dialect.answer(is_stream, "second", Says::Text("done")),
        ]);
        setup.keys = vec!["first-operator-key", "second-operator-key"];
        setup.intercept.retry.retries = 1;
        let stage = Stage::with(setup, patient()).await;
        let reply = stage.ask(dialect, &dialect.request(is_stream)).await;
        assert!(reply.text().contains("done"), "{}", reply.text());
        let seen = stage.world.provider.seen();
        let keys: Vec<_> = seen
            .iter()
            .map(|it| it.header("x-api-key").unwrap())
            .collect();
        let [first, second] = ["first-operator-key", "second-operator-key"];
        assert_eq!(keys, [first, first, first, second]);
        assert_eq!(stage.docs.seen().calls.len(), 1);
        let ended = stage.world.ended(1).await.remove(0);
        assert_eq!(ended.outcome, Outcome::Completed);
        assert_eq!(ended.provider_status, Some(200));
    }
}

#[tokio::test]
async fn what_is_of_one_body_goes_with_the_first_round_alone() {
    let dialect = Dialect::Chat;
    let stage = Stage::playing(vec![
        dialect.answer(false, "first", Says::Calls("a", &CALLS)),
        dialect.answer(false, "second", Says::Text("done")),
    ])
    .await;
    let lines = [dialect.line(), super::stage::KEY, "Idempotency-Key: once"];
    let body = dialect.request(false);
    let reply = crate::support::call(stage.world.address, &lines, body.as_bytes()).await;
    assert!(reply.text().contains("done"), "{}", reply.text());
    let seen = stage.world.provider.seen();
    let keys: Vec<_> = seen.iter().map(|it| it.header("idempotency-key")).collect();
    assert_eq!(keys, [Some("once"), None]);
}
