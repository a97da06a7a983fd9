//! Each dialect, streamed and whole: the right events in the right order, saying the same.

use bridge_simulate::{SimulateConfig, Simulator};
use serde_json::{Value, json};

use super::client::{Answer, CHAT, MESSAGES, RESPONSES, ask, prompt, simulator};

fn names(events: &[(String, Value)]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
}

/// What the pieces at `pointer` are together.
fn joined(events: &[(String, Value)], pointer: &str) -> String {
    let pieces = events
        .iter()
        .filter_map(|(_, data)| data.pointer(pointer)?.as_str());
    pieces.collect()
}

/// The answer to the same request, streamed and whole.
async fn both(simulator: &Simulator, path: &str, mut body: Value) -> (Answer, Answer) {
    body["stream"] = json!(true);
    let streamed = ask(simulator, path, &body).await;
    assert_eq!(
        streamed.headers["content-type"],
        "text/event-stream; charset=utf-8"
    );
    body["stream"] = json!(false);
    let whole = ask(simulator, path, &body).await;
    assert_eq!(whole.headers["content-type"], "application/json");
    (streamed, whole)
}

fn add_tool(path: &str) -> Value {
    let schema = json!({
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    });
    match path {
        MESSAGES => json!([{"name": "add", "input_schema": schema}]),
        CHAT => json!([{"type": "function", "function": {"name": "add", "parameters": schema}}]),
        _ => json!([{"type": "function", "name": "add", "parameters": schema}]),
    }
}

#[tokio::test]
async fn messages_text_with_thought() {
    let simulator = simulator(SimulateConfig::default()).await;
    let mut body = prompt(MESSAGES, "hello there", true);
    body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
    let (streamed, whole) = both(&simulator, MESSAGES, body).await;
    let events = streamed.events();
    assert_eq!(
        names(&events),
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    for (name, data) in &events {
        assert_eq!(data["type"], **name);
    }
    let message = &events[0].1["message"];
    assert!(message["id"].as_str().unwrap().starts_with("msg_"));
    assert_eq!(message["model"], "claude-sonnet-5-5");
    assert_eq!(message["content"], json!([]));
    let last = &events[events.len() - 2].1;
    assert_eq!(last["delta"]["stop_reason"], "end_turn");
    let whole = whole.json();
    assert_eq!(whole["content"][0]["type"], "thinking");
    assert_eq!(
        whole["content"][0]["thinking"],
        joined(&events, "/delta/thinking")
    );
    assert!(joined(&events, "/delta/signature").len() > 100);
    let text = whole["content"][1]["text"].as_str().unwrap();
    assert_eq!(text, joined(&events, "/delta/text"));
    assert!(text.contains("\"hello there\""), "{text}");
    assert_eq!(
        whole["usage"]["output_tokens"],
        last["usage"]["output_tokens"]
    );
    assert!(streamed.headers.contains_key("request-id"));
}

#[tokio::test]
async fn thinking_that_is_not_shown_has_a_signature_only() {
    let simulator = simulator(SimulateConfig::default()).await;
    let mut body = prompt(MESSAGES, "hello", true);
    body["thinking"] = json!({"type": "adaptive", "display": "omitted"});
    let events = ask(&simulator, MESSAGES, &body).await.events();
    assert_eq!(joined(&events, "/delta/thinking"), "");
    assert!(!joined(&events, "/delta/signature").is_empty());
}

#[tokio::test]
async fn chat_text_with_usage() {
    let simulator = simulator(SimulateConfig::default()).await;
    let mut body = prompt(CHAT, "hello there", true);
    let plain = ask(&simulator, CHAT, &body).await.events();
    assert!(plain.iter().all(|(_, data)| data.get("usage").is_none()));
    body["stream_options"] = json!({"include_usage": true});
    let (streamed, whole) = both(&simulator, CHAT, body).await;
    let events = streamed.events();
    assert_eq!(events[0].1["choices"][0]["delta"]["role"], "assistant");
    let [.., finish, usage, done] = events.as_slice() else {
        panic!("too few events");
    };
    assert_eq!(finish.1["choices"][0]["finish_reason"], "stop");
    assert_eq!(finish.1["usage"], Value::Null);
    assert_eq!(usage.1["choices"], json!([]));
    assert_eq!(done.1, "[DONE]");
    let whole = whole.json();
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(text, joined(&events, "/choices/0/delta/content"));
    assert_eq!(
        whole["usage"]["completion_tokens"],
        usage.1["usage"]["completion_tokens"]
    );
    for (_, data) in &events[..events.len() - 1] {
        assert_eq!(data["id"], events[0].1["id"]);
        assert_eq!(data["object"], "chat.completion.chunk");
    }
}

#[tokio::test]
async fn responses_text_with_reasoning() {
    let simulator = simulator(SimulateConfig::default()).await;
    let mut body = prompt(RESPONSES, "hello there", true);
    body["reasoning"] = json!({"effort": "low", "summary": "auto"});
    body["include"] = json!(["reasoning.encrypted_content"]);
    body["store"] = json!(false);
    let (streamed, whole) = both(&simulator, RESPONSES, body).await;
    let events = streamed.events();
    assert_eq!(
        names(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (number, (name, data)) in events.iter().enumerate() {
        assert_eq!(data["type"], **name);
        assert_eq!(data["sequence_number"], number);
    }
    let completed = &events.last().unwrap().1["response"];
    assert_eq!(completed["id"], events[0].1["response"]["id"]);
    assert_eq!(completed["status"], "completed");
    assert_eq!(completed["store"], false);
    assert_eq!(completed["reasoning"]["effort"], "low");
    let item = &completed["output"][1];
    let of_text = |name: &str, pointer: &str| {
        let those: Vec<_> = events
            .iter()
            .filter(|event| event.0 == name)
            .cloned()
            .collect();
        assert!(those.iter().all(|event| event.1["item_id"] == item["id"]));
        assert!(those.iter().all(|event| event.1["output_index"] == 1));
        joined(&those, pointer)
    };
    let text = item["content"][0]["text"].as_str().unwrap();
    assert_eq!(text, of_text("response.output_text.delta", "/delta"));
    assert_eq!(text, of_text("response.output_text.done", "/text"));
    assert!(
        completed["output"][0]["encrypted_content"]
            .as_str()
            .unwrap()
            .len()
            > 100
    );
    let whole = whole.json();
    assert_eq!(whole["output"][1]["content"][0]["text"], text);
    assert_eq!(
        whole["usage"]["output_tokens"],
        completed["usage"]["output_tokens"]
    );
}

#[tokio::test]
async fn tools_are_called_and_their_results_quoted() {
    let simulator = simulator(SimulateConfig::default()).await;
    for path in [MESSAGES, CHAT, RESPONSES] {
        let order = "simulate:tool=add {\"a\": 3, \"b\": 5} please, and simulate:tool=add too";
        let mut body = prompt(path, order, true);
        body["tools"] = add_tool(path);
        let (streamed, whole) = both(&simulator, path, body).await;
        let (events, whole) = (streamed.events(), whole.json());
        let (streamed, first, second) = match path {
            MESSAGES => {
                assert_eq!(whole["stop_reason"], "tool_use");
                let call = |at: usize| whole["content"][at]["input"].to_string();
                (joined(&events, "/delta/partial_json"), call(0), call(1))
            }
            CHAT => {
                assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
                let calls = &whole["choices"][0]["message"]["tool_calls"];
                let call = |at: usize| {
                    calls[at]["function"]["arguments"]
                        .as_str()
                        .unwrap()
                        .to_owned()
                };
                let pointer = "/choices/0/delta/tool_calls/0/function/arguments";
                (joined(&events, pointer), call(0), call(1))
            }
            _ => {
                let call = |at: usize| {
                    whole["output"][at]["arguments"]
                        .as_str()
                        .unwrap()
                        .to_owned()
                };
                (joined(&events, "/delta"), call(0), call(1))
            }
        };
        assert_eq!(first, r#"{"a":3,"b":5}"#, "{path}");
        assert_eq!(second, r#"{"a":1,"b":1}"#, "{path}");
        assert_eq!(streamed, first + &second, "{path}");
    }
}

#[tokio::test]
async fn after_a_tool_result_comes_text() {
    let simulator = simulator(SimulateConfig::default()).await;
    let order = "simulate:tool=add";
    let messages = json!({"model": "m", "max_tokens": 9, "tools": add_tool(MESSAGES), "messages": [
        {"role": "user", "content": order},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "t", "name": "add", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": "forty-two"},
        ]},
    ]});
    let chat = json!({"model": "m", "tools": add_tool(CHAT), "messages": [
        {"role": "user", "content": order},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "t", "type": "function", "function": {"name": "add", "arguments": "{}"}},
        ]},
        {"role": "tool", "tool_call_id": "t", "content": "forty-two"},
    ]});
    let responses = json!({"model": "m", "tools": add_tool(RESPONSES), "input": [
        {"role": "user", "content": order},
        {"type": "function_call", "call_id": "t", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "t", "output": "forty-two"},
    ]});
    for (path, body, pointer) in [
        (MESSAGES, messages, "/content/0/text"),
        (CHAT, chat, "/choices/0/message/content"),
        (RESPONSES, responses, "/output/0/content/0/text"),
    ] {
        let answer = ask(&simulator, path, &body).await.json();
        let text = answer.pointer(pointer).unwrap().as_str().unwrap();
        assert!(text.contains("\"forty-two\""), "{path}: {text}");
    }
}

#[tokio::test]
async fn tools_are_called_by_other_rules_too() {
    let simulator = simulator(SimulateConfig::default()).await;
    let called = async |path: &str, text: &str, choice: Value| {
        let mut body = prompt(path, text, false);
        body["tools"] = add_tool(path);
        body["tool_choice"] = choice;
        let answer = ask(&simulator, path, &body).await.json();
        match path {
            MESSAGES => answer["content"][0]["name"].clone(),
            CHAT => answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"].clone(),
            _ => answer["output"][0]["name"].clone(),
        }
    };
    for path in [MESSAGES, CHAT, RESPONSES] {
        assert_eq!(called(path, "use the `add` tool", Value::Null).await, "add");
        assert_eq!(called(path, "simulate:tool", Value::Null).await, "add");
        assert_eq!(called(path, "no tool", Value::Null).await, Value::Null);
        assert_eq!(
            called(path, "simulate:tool=other", Value::Null).await,
            Value::Null
        );
    }
    let any = json!({"type": "any"});
    assert_eq!(called(MESSAGES, "hello", any).await, "add");
    assert_eq!(called(CHAT, "hello", json!("required")).await, "add");
    let this = json!({"type": "function", "name": "add"});
    assert_eq!(called(RESPONSES, "hello", this).await, "add");
}

#[tokio::test]
async fn custom_tools_take_text() {
    let simulator = simulator(SimulateConfig::default()).await;
    let order = r#"simulate:tool=run {"input": "print(1)"}"#;
    let mut body = prompt(RESPONSES, order, true);
    body["tools"] = json!([{"type": "custom", "name": "run"}]);
    let (streamed, whole) = both(&simulator, RESPONSES, body).await;
    assert_eq!(whole.json()["output"][0]["type"], "custom_tool_call");
    assert_eq!(whole.json()["output"][0]["input"], "print(1)");
    assert_eq!(joined(&streamed.events(), "/delta"), "print(1)");
    let mut body = prompt(CHAT, order, true);
    body["tools"] = json!([{"type": "custom", "custom": {"name": "run"}}]);
    let (streamed, whole) = both(&simulator, CHAT, body).await;
    let call = &whole.json()["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(call["custom"]["input"], "print(1)");
    let pointer = "/choices/0/delta/tool_calls/0/custom/input";
    assert_eq!(joined(&streamed.events(), pointer), "print(1)");
}

#[tokio::test]
async fn caches_show_in_the_usage() {
    let simulator = simulator(SimulateConfig::default()).await;
    let long = "word ".repeat(2000);
    let cached = |count: usize| {
        let mut messages = vec![json!({"role": "user", "content": [
            {"type": "text", "text": long, "cache_control": {"type": "ephemeral"}},
        ]})];
        messages.resize(count, json!({"role": "user", "content": "more"}));
        json!({"model": "m", "max_tokens": 9, "messages": messages})
    };
    let first = ask(&simulator, MESSAGES, &cached(1)).await.json();
    assert!(
        first["usage"]["cache_creation_input_tokens"]
            .as_u64()
            .unwrap()
            > 1000
    );
    assert_eq!(first["usage"]["cache_read_input_tokens"], 0);
    let later = ask(&simulator, MESSAGES, &cached(3)).await.json();
    assert!(later["usage"]["cache_read_input_tokens"].as_u64().unwrap() > 1000);
    let chat = ask(&simulator, CHAT, &cached(3)).await.json();
    let of_prompt = &chat["usage"]["prompt_tokens_details"];
    assert!(of_prompt["cached_tokens"].as_u64().unwrap() > 1000);
}
