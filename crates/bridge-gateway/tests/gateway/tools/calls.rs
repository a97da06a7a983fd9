//! Several calls in one answer, calls beside the client's own, and calls that come to nothing.

use bridge_record::Outcome;

use super::stage::Stage;
use super::voice::{Call, DIALECTS, Dialect, Says};
use crate::support::Step;

const ECHO: &str = "bmcp_docs_echo";

/// Plays an answer with these calls, and then one with the text `done`.
async fn played(dialect: Dialect, is_stream: bool, calls: &[Call]) -> (Stage, String) {
    let stage = Stage::playing(vec![
        dialect.answer(is_stream, "first", Says::Calls("well", calls)),
        dialect.answer(is_stream, "second", Says::Text("done")),
    ])
    .await;
    let reply = stage.ask(dialect, &dialect.request(is_stream)).await;
    let text = reply.text();
    assert_eq!((reply.status, reply.is_whole), (200, true), "{text}");
    assert!(!text.contains("bmcp_"), "{text}");
    let ended = stage.world.ended(1).await.remove(0);
    assert_eq!(ended.outcome, Outcome::Completed);
    (stage, text)
}

/// Where each of these stands in a text, which has to be in this order.
fn assert_order(text: &str, parts: &[&str]) {
    let mut from = 0;
    for part in parts {
        let found = text[from..].find(part);
        from += found.unwrap_or_else(|| panic!("{part} is not behind byte {from} of {text}"));
    }
}

#[tokio::test]
async fn calls_of_one_answer_keep_their_order_also_of_one_tool() {
    let calls: [Call; 3] = [
        ("call_1", ECHO, "{\"n\":1}"),
        ("call_2", ECHO, "{\"n\":2}"),
        ("call_3", "bmcp_docs_find", "{}"),
    ];
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let (stage, text) = played(dialect, is_stream, &calls).await;
            assert!(text.contains("well") && text.contains("done"), "{text}");
            let second = String::from_utf8(stage.world.provider.seen()[1].body.clone()).unwrap();
            assert_order(&second, &["call_1", "call_2", "call_3"]);
            let results = second.rfind("call_1").unwrap();
            let results = &second[results..];
            assert_order(results, &["call_1", "call_2", "call_3", "in the attic"]);
            let used = stage.used();
            let mut ids: Vec<_> = used.iter().map(|it| it.call_id.as_str()).collect();
            ids.sort_unstable();
            assert_eq!(ids, ["call_1", "call_2", "call_3"]);
        }
    }
}

#[tokio::test]
async fn a_client_sees_its_own_calls_alone_and_the_turn_is_its_own() {
    let calls: [Call; 2] = [
        ("call_1", ECHO, "{\"n\":1}"),
        ("call_2", "Read", "{\"path\":\"a\"}"),
    ];
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let says = Says::Calls("well", &calls);
            let stage = Stage::playing(vec![dialect.answer(is_stream, "first", says)]).await;
            let reply = stage.ask(dialect, &dialect.request(is_stream)).await;
            let text = reply.text();
            assert_eq!((reply.status, reply.is_whole), (200, true), "{text}");
            assert!(
                !text.contains("bmcp_") && !text.contains("call_1"),
                "{text}"
            );
            assert!(text.contains("call_2") && text.contains("Read"), "{text}");
            let ended = stage.world.ended(1).await.remove(0);
            assert_eq!(ended.outcome, Outcome::Completed);
            assert_eq!(stage.world.provider.seen().len(), 1);
            assert_eq!(stage.docs.seen().tools_called(), ["echo"]);
            let used = stage.used();
            let told: Vec<_> = used
                .iter()
                .map(|it| (it.call_id.as_str(), it.injected, it.tool.as_str()))
                .collect();
            assert_eq!(told, [("call_1", true, "echo"), ("call_2", false, "Read")]);
            assert_eq!(stage.world.tokens().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_tool_that_fails_tells_the_model_and_the_record() {
    for dialect in DIALECTS {
        let calls: [Call; 1] = [("call_1", "bmcp_docs_broken", "{}")];
        let (stage, _) = played(dialect, true, &calls).await;
        let second = stage.asked()[1].to_string();
        assert!(second.contains("the disk is full"), "{second}");
        let used = stage.used().remove(0);
        assert!(used.invocation_error.is_some() && used.injected, "{used:?}");
        let figures = stage.world.metrics.expose();
        assert!(figures.contains("outcome=\"tool_error\"} 1"), "{figures}");
    }
}

#[tokio::test]
async fn an_input_that_is_none_is_told_to_the_model_and_nothing_runs() {
    let dialect = Dialect::Chat;
    let calls: [Call; 1] = [("call_1", ECHO, "{\"n\":")];
    for is_stream in [true, false] {
        let says = Says::Calls("well", &calls);
        let stage = Stage::playing(vec![
            dialect.answer(is_stream, "first", says),
            dialect.answer(is_stream, "second", Says::Text("done")),
        ])
        .await;
        let reply = stage.ask(dialect, &dialect.request(is_stream)).await;
        assert!(
            reply.text().contains("done") && reply.is_whole,
            "{}",
            reply.text()
        );
        stage.world.ended(1).await;
        assert!(stage.docs.seen().calls.is_empty());
        let used = stage.used().remove(0);
        assert!(
            used.invocation_error.is_some() && used.duration_ms.is_none(),
            "{used:?}"
        );
    }
}

#[tokio::test]
async fn a_tool_that_answers_too_late_is_cancelled_and_the_model_hears_of_it() {
    let dialect = Dialect::Anthropic;
    let calls: [Call; 1] = [("call_1", "bmcp_docs_never", "{}")];
    let setup = crate::support::Setup::playing(vec![
        dialect.answer(true, "first", Says::Calls("well", &calls)),
        dialect.answer(true, "second", Says::Text("done")),
    ]);
    let mut config = super::stage::patient();
    config.call_timeout = std::time::Duration::from_millis(20);
    let stage = Stage::with(setup, config).await;
    let reply = stage.ask(dialect, &dialect.request(true)).await;
    assert!(reply.text().contains("done"), "{}", reply.text());
    stage.sees_cancellation().await;
    let second = stage.asked()[1].to_string();
    assert!(second.contains("did not answer within 20 ms"), "{second}");
    assert!(second.contains("\"is_error\":true"), "{second}");
}

#[tokio::test]
async fn calls_of_an_answer_that_was_cut_short_are_recorded_and_not_run() {
    let dialect = Dialect::Anthropic;
    let calls: [Call; 1] = [("call_1", ECHO, "{\"n\":1}")];
    for is_stream in [true, false] {
        let script = dialect.answer(is_stream, "first", Says::Calls("well", &calls));
        let cut = script.into_iter().map(|step| match step {
            Step::Send(bytes) => {
                let text = String::from_utf8(bytes).unwrap();
                // Both have eight letters, so that the lengths stay.
                Step::Send(
                    text.replace(":\"tool_use\",\"stop_seq", ":\"max_toks\",\"stop_seq")
                        .into(),
                )
            }
            other @ (Step::Wait(_) | Step::Reset | Step::Close | Step::Hang) => other,
        });
        let stage = Stage::playing(vec![cut.collect()]).await;
        let reply = stage.ask(dialect, &dialect.request(is_stream)).await;
        let text = reply.text();
        assert!(
            text.contains("max_toks") && !text.contains("bmcp_"),
            "{text}"
        );
        stage.world.ended(1).await;
        assert!(stage.docs.seen().calls.is_empty());
        let used = stage.used().remove(0);
        assert_eq!(
            (used.tool.as_str(), used.server.as_deref()),
            ("echo", Some("docs"))
        );
        assert!(used.injected && used.invocation_error.is_some(), "{used:?}");
        assert_eq!(used.duration_ms, None);
    }
}
