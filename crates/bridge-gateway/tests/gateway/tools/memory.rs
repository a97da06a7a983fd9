//! What the client did not see comes back into its next request.

use bridge_intercept::ToolsConfig;
use serde_json::Value;

use super::stage::{Stage, patient};
use super::voice::{Call, Dialect, Says};
use crate::support::Setup;

const CALLS: [Call; 1] = [("call_1", "bmcp_docs_find", "{\"what\": \"hat\"}")];

/// A second request, with what the client saw of the first turn.
fn next(is_right: bool) -> String {
    let said = if is_right { "found" } else { "something else" };
    format!(
        "{{\"model\":\"m\", \"max_tokens\":9, \"tools\":[], \"messages\":[\
         {{\"role\":\"user\",\"content\":\"hello\"}},\
         {{\"role\":\"assistant\",\"content\":[{{\"type\":\"text\",\"text\":\"well\"}},\
         {{\"type\":\"text\",\"text\":\"{said}\"}}]}},\
         {{\"role\":\"user\",\"content\":\"thanks\"}}]}}"
    )
}

async fn two_turns(config: ToolsConfig, second: &str) -> Value {
    let dialect = Dialect::Anthropic;
    let stage = Stage::with(
        Setup::playing(vec![
            dialect.answer(false, "first", Says::Calls("well", &CALLS)),
            dialect.answer(false, "second", Says::Text("found")),
            dialect.answer(false, "third", Says::Text("you are welcome")),
        ]),
        config,
    )
    .await;
    let reply = stage.ask(dialect, &dialect.request(false)).await;
    assert!(reply.text().contains("found"), "{}", reply.text());
    let reply = stage.ask(dialect, second).await;
    assert!(reply.text().contains("welcome"), "{}", reply.text());
    stage.asked().remove(2)
}

#[tokio::test]
async fn a_hidden_turn_comes_back_where_the_history_is_the_same() {
    let asked = two_turns(patient(), &next(true)).await;
    let messages = asked["messages"].as_array().unwrap();
    let text = asked["messages"].to_string();
    assert_eq!(messages.len(), 5, "{text}");
    assert_eq!(
        messages[1]["content"][1]["name"], "bmcp_docs_find",
        "{text}"
    );
    assert_eq!(messages[2]["content"][0]["tool_use_id"], "call_1", "{text}");
    assert_eq!(messages[3]["content"][0]["text"], "found", "{text}");
}

#[tokio::test]
async fn another_history_and_no_memory_change_nothing() {
    let forgetful = ToolsConfig {
        memory: None,
        ..patient()
    };
    for (config, body) in [(patient(), next(false)), (forgetful, next(true))] {
        let asked = two_turns(config, &body).await;
        let own: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(asked["messages"], own["messages"]);
    }
}

/// A provider that keeps answers has all of a turn under the id of its last round; the client knows
/// a streamed one by the id of its first, with tools and without.
#[tokio::test]
async fn a_client_goes_on_from_all_of_an_answer_that_the_provider_keeps() {
    let dialect = Dialect::Responses;
    let stage = Stage::playing(vec![
        dialect.answer(true, "first", Says::Calls("well", &CALLS)),
        dialect.answer(true, "second", Says::Text("found")),
        dialect.answer(false, "third", Says::Text("you are welcome")),
        dialect.answer(false, "fourth", Says::Text("you are welcome")),
    ])
    .await;
    let reply = stage.ask(dialect, &dialect.request(true)).await;
    let text = reply.text();
    let ended = text.rsplit("event: ").next().unwrap();
    assert!(ended.contains("\"id\":\"first\""), "{text}");
    assert!(!text.contains("\"id\":\"second\""), "{text}");
    for choice in ["auto", "none"] {
        let next = format!(
            "{{\"model\":\"m\", \"input\":\"thanks\", \"tool_choice\":\"{choice}\", \
             \"previous_response_id\":\"first\"}}"
        );
        let reply = stage.ask(dialect, &next).await;
        assert!(reply.text().contains("welcome"), "{}", reply.text());
    }
    for asked in stage.asked().split_off(2) {
        assert_eq!(asked["previous_response_id"], "second", "{asked}");
    }
}
