//! Requests of each dialect, good and bad.

use serde_json::json;

use super::*;

fn check(dialect: Dialect, body: &Value, texts: &[&str], tool_result: Option<&str>) {
    let body = body.to_string();
    let asked = Asked::read(dialect, body.as_bytes(), &Named::default()).unwrap();
    assert_eq!(asked.last.texts, texts, "{body}");
    assert_eq!(asked.last.tool_result.as_deref(), tool_result, "{body}");
}

fn anthropic(messages: &Value) -> Value {
    json!({"model": "m", "max_tokens": 10, "messages": messages})
}

#[test]
fn messages_are_read() {
    let check = |messages, texts: &[&str], result| {
        check(Dialect::Anthropic, &anthropic(&messages), texts, result);
    };
    check(json!([]), &[], None);
    check(json!([{"role": "user", "content": "hi"}]), &["hi"], None);
    check(
        json!([{"role": "user", "content": [
            {"type": "text", "text": "one"}, {"type": "image"}, {"type": "text", "text": "two"},
        ]}]),
        &["one", "two"],
        None,
    );
    check(
        json!([{"role": "user", "content": "hi"}, {"role": "system", "content": "be short"}]),
        &["hi"],
        None,
    );
    check(
        json!([{"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": "42"},
            {"type": "text", "text": "remember"},
        ]}]),
        &["remember"],
        Some("42"),
    );
    check(
        json!([{"role": "user", "content": [{"type": "tool_result", "content": [
            {"type": "text", "text": "a"}, {"type": "text", "text": "b"},
        ]}]}]),
        &[],
        Some("a\nb"),
    );
    check(
        json!([{"role": "user", "content": [{"type": "tool_result"}]}]),
        &[],
        Some(""),
    );
}

#[test]
fn chat_and_responses_are_read() {
    let chat = |messages: Value| json!({"model": "m", "messages": messages});
    check(
        Dialect::Chat,
        &chat(json!([{"role": "user", "content": "hi"}, {"role": "tool", "content": "42"}])),
        &[],
        Some("42"),
    );
    let responses = |input: Value| json!({"model": "m", "input": input});
    check(Dialect::Responses, &responses(json!("hi")), &["hi"], None);
    check(Dialect::Responses, &responses(json!(null)), &[], None);
    check(
        Dialect::Responses,
        &responses(json!([
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "message", "role": "developer", "content": "be short"},
        ])),
        &["hi"],
        None,
    );
    check(
        Dialect::Responses,
        &responses(json!([
            {"type": "function_call", "name": "add", "arguments": "{}", "call_id": "c"},
            {"type": "function_call_output", "call_id": "c", "output": "42"},
        ])),
        &[],
        Some("42"),
    );
    check(
        Dialect::Responses,
        &responses(json!([{"type": "custom_tool_call_output", "output": [
            {"type": "input_text", "text": "done"},
        ]}])),
        &[],
        Some("done"),
    );
}

#[test]
fn bad_bodies_are_named() {
    let check = |dialect, body: &str, wanted: &str| {
        let error = Asked::read(dialect, body.as_bytes(), &Named::default()).unwrap_err();
        assert_eq!(error.to_string(), wanted, "{body}");
    };
    let not_json = "The request body is not valid JSON.";
    check(Dialect::Chat, "", not_json);
    check(Dialect::Chat, "{\"model\": \"m\"", not_json);
    check(Dialect::Chat, "[]", not_json);
    check(Dialect::Chat, "{}", "model: Field required");
    check(
        Dialect::Chat,
        r#"{"model": 1}"#,
        "model: Input has the wrong type",
    );
    check(
        Dialect::Chat,
        r#"{"model": "m"}"#,
        "messages: Field required",
    );
    check(
        Dialect::Chat,
        r#"{"model": "m", "messages": {}}"#,
        "messages: Input has the wrong type",
    );
    check(
        Dialect::Chat,
        r#"{"model": "m", "messages": [1]}"#,
        "messages: Input has the wrong type",
    );
}

#[test]
fn of_two_equal_keys_the_last_counts() {
    let body = r#"{"model": "a", "messages": [], "model": "b"}"#;
    let asked = Asked::read(Dialect::Chat, body.as_bytes(), &Named::default()).unwrap();
    assert_eq!(asked.model, "b");
}
