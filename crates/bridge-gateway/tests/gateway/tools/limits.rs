//! How much a turn may do, and how it ends when that is used up.

use std::time::Duration;

use bridge_intercept::ToolsConfig;
use bridge_record::Outcome;

use super::stage::{Stage, patient};
use super::voice::{Call, DIALECTS, Dialect, Says};
use crate::support::Setup;

const CALL: Call = ("call_1", "bmcp_docs_find", "{}");
const AGAIN: Call = ("call_2", "bmcp_docs_find", "{}");

/// A model that calls a tool in two answers and then says `done`.
async fn stubborn(dialect: Dialect, is_stream: bool, config: ToolsConfig) -> Stage {
    let setup = Setup::playing(vec![
        dialect.answer(is_stream, "first", Says::Calls("a", &[CALL])),
        dialect.answer(is_stream, "second", Says::Calls("b", &[AGAIN])),
        dialect.answer(is_stream, "third", Says::Text("done")),
    ]);
    Stage::with(setup, config).await
}

#[tokio::test]
async fn behind_the_last_round_the_model_hears_so_and_answers_once_more() {
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let config = ToolsConfig {
                rounds: 1,
                ..patient()
            };
            let stage = stubborn(dialect, is_stream, config).await;
            let reply = stage.ask(dialect, &dialect.request(is_stream)).await;
            assert!(
                reply.text().contains("done") && reply.is_whole,
                "{}",
                reply.text()
            );
            let third = stage.asked()[2].to_string();
            assert!(third.contains("used up its 1 round of"), "{third}");
            assert_eq!(stage.docs.seen().calls.len(), 1);
            let ended = stage.world.ended(1).await.remove(0);
            assert_eq!(ended.outcome, Outcome::Completed);
        }
    }
}

#[tokio::test]
async fn calls_and_time_have_limits_of_their_own() {
    let few = ToolsConfig {
        calls: 1,
        ..patient()
    };
    let short = ToolsConfig {
        total_timeout: Duration::ZERO,
        ..patient()
    };
    for (config, words, made) in [(few, "its 1 tool call", 1), (short, "0 seconds", 0)] {
        let dialect = Dialect::Anthropic;
        let calls = [CALL, AGAIN];
        let setup = Setup::playing(vec![
            dialect.answer(true, "first", Says::Calls("a", &calls)),
            dialect.answer(true, "second", Says::Text("done")),
        ]);
        let stage = Stage::with(setup, config).await;
        let reply = stage.ask(dialect, &dialect.request(true)).await;
        assert!(reply.text().contains("done"), "{}", reply.text());
        let second = stage.asked()[1].to_string();
        assert!(second.contains(words), "{second}");
        assert_eq!(stage.docs.seen().calls.len(), made);
        let unmade = stage
            .used()
            .into_iter()
            .filter(|it| it.duration_ms.is_none());
        assert_eq!(unmade.count(), 2 - made);
    }
}

#[tokio::test]
async fn a_model_that_goes_on_all_the_same_fails_the_turn() {
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let config = ToolsConfig {
                rounds: 0,
                ..patient()
            };
            let stage = stubborn(dialect, is_stream, config).await;
            let reply = stage.ask(dialect, &dialect.request(is_stream)).await;
            let text = reply.text();
            assert!(text.contains("went on calling central tools"), "{text}");
            assert!(
                !text.contains("[DONE]") && !text.contains("message_stop"),
                "{text}"
            );
            if is_stream {
                assert_eq!((reply.status, reply.is_whole), (200, true));
            } else {
                assert_eq!(reply.status, 502);
                assert_eq!(reply.header("x-should-retry"), Some("false"));
            }
            let ended = stage.world.ended(1).await.remove(0);
            assert_eq!(ended.outcome, Outcome::Failed);
            assert!(stage.docs.seen().calls.is_empty());
            let used = stage.used();
            let ids: Vec<_> = used.iter().map(|it| it.call_id.as_str()).collect();
            assert_eq!(ids, ["call_1", "call_2"], "{dialect:?} {is_stream}");
            assert_eq!(stage.order().last(), Some(&"ended"));
        }
    }
}

#[tokio::test]
async fn a_long_result_is_cut_and_says_so() {
    let dialect = Dialect::Anthropic;
    let calls: [Call; 1] = [("call_1", "bmcp_docs_long", "{}")];
    let setup = Setup::playing(vec![
        dialect.answer(true, "first", Says::Calls("a", &calls)),
        dialect.answer(true, "second", Says::Text("done")),
    ]);
    let config = ToolsConfig {
        result_bytes: 100,
        ..patient()
    };
    let stage = Stage::with(setup, config).await;
    let reply = stage.ask(dialect, &dialect.request(true)).await;
    assert!(reply.text().contains("done"), "{}", reply.text());
    let second = stage.asked()[1].to_string();
    assert!(second.contains("larger than 100 bytes"), "{second}");
    assert!(second.len() < 2_000, "{second}");
}
