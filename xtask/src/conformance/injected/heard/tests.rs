//! Streams that are one answer, and streams that are none.

use super::*;

fn check(api: Api, stream: &str, wanted: Result<&str, &str>) {
    let heard = assemble(api, true, stream.as_bytes());
    let texts = |heard: Heard| {
        let texts: Vec<_> = heard.items.iter().map(|it| it.text.clone()).collect();
        format!("{} {} {texts:?} {:?}", heard.id, heard.end, heard.usage)
    };
    let heard = heard.map(texts);
    assert_eq!(
        heard.as_deref().map_err(|problem| &**problem),
        wanted,
        "{stream}"
    );
}

fn named(events: &[&str]) -> String {
    let event = |data: &&str| {
        let value: Value = serde_json::from_str(data).unwrap();
        format!("event: {}\ndata: {data}\n\n", text(&value, "/type"))
    };
    events.iter().map(event).collect()
}

#[test]
fn messages() {
    let start = r#"{"type":"message_start","message":{"id":"m","usage":{"in":3,"out":1}}}"#;
    let open = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text"}}"#;
    let call = r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use"}}"#;
    let piece = r#"{"type":"content_block_delta","index":0,"delta":{"text":"hi"}}"#;
    let input = r#"{"type":"content_block_delta","index":1,"delta":{"partial_json":"{\"a\": 1}"}}"#;
    let close = r#"{"type":"content_block_stop","index":0}"#;
    let close_call = r#"{"type":"content_block_stop","index":1}"#;
    let told = r#"{"type":"message_delta","delta":{"stop_reason":"s"},"usage":{"out":2}}"#;
    let stop = r#"{"type":"message_stop"}"#;
    let check = |events: &[&str], wanted| check(Api::Messages, &named(events), wanted);
    check(
        &[
            start, open, piece, close, call, input, close_call, told, stop,
        ],
        Ok(r#"m s ["hi", "{\"a\":1}"] {"/in": 3, "/out": 2}"#),
    );
    check(
        &[start, open, piece, close, told],
        Err("it ends while Told"),
    );
    check(
        &[start, start],
        Err("message_start must not come while Between"),
    );
    check(&[start, call], Err("index 1, not 0"));
    check(
        &[start, open, told],
        Err("message_delta must not come while Inside"),
    );
    check(
        &[start, told, stop, stop],
        Err("message_stop must not come while Over"),
    );
}

#[test]
fn chat() {
    let check = |chunks: &[&str], wanted| {
        let stream: String = chunks
            .iter()
            .map(|data| format!("data: {data}\n\n"))
            .collect();
        check(Api::Chat, &stream, wanted);
    };
    let piece = r#"{"id":"c","choices":[{"delta":{"content":"hi"}}]}"#;
    let call = r#"{"id":"c","choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}"#;
    let late = r#"{"id":"c","choices":[{"delta":{"tool_calls":[{"index":1}]}}]}"#;
    let end = r#"{"id":"c","choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    let usage = r#"{"id":"c","choices":[],"usage":{"out":2}}"#;
    let other = r#"{"id":"d","choices":[]}"#;
    check(
        &[piece, call, piece, end, usage, "[DONE]"],
        Ok(r#"c stop ["hihi", "{}"] {"/out": 2}"#),
    );
    check(
        &[piece, end],
        Err("it ends with {\"id\":\"c\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}"),
    );
    check(&[piece, other, "[DONE]"], Err("the id d behind c"));
    check(
        &[end, end, "[DONE]"],
        Err("something is said behind the end"),
    );
    check(&[end, usage, usage, "[DONE]"], Err("2 chunks with usage"));
    check(&[late, "[DONE]"], Err("call 1 behind 0"));
    check(&[piece, "[DONE]"], Err("no finish reason"));
}

#[test]
fn responses() {
    let check = |events: &[&str], wanted| {
        let number = |(at, data): (usize, &&str)| {
            data.replacen('{', &format!("{{\"sequence_number\":{at},"), 1)
        };
        let numbered: Vec<_> = events.iter().enumerate().map(number).collect();
        let events: Vec<_> = numbered.iter().map(String::as_str).collect();
        check(Api::Responses, &named(&events), wanted);
    };
    let created = r#"{"type":"response.created","response":{"id":"r"}}"#;
    let added = r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"i"}}"#;
    let piece = r#"{"type":"response.x.delta","output_index":0,"item_id":"i","delta":"{}"}"#;
    let done = r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"i","arguments":"{}"}}"#;
    let end = r#"{"type":"response.completed","response":{"id":"r","status":"completed","output":[{"id":"i","arguments":"{}"}]}}"#;
    let empty = r#"{"type":"response.completed","response":{"id":"r","output":[]}}"#;
    check(
        &[created, added, piece, done, end],
        Ok(r#"r completed ["{}"] {}"#),
    );
    check(&[created, added, piece, done], Err("no terminal event"));
    let other = "the items of the end are not those of the stream";
    check(&[created, added, piece, done, empty], Err(other));
    check(
        &[created, added, piece, piece, done],
        Err("the item i is not what was told"),
    );
    check(&[created, added, added], Err("an item begins in another"));
    check(&[created, piece], Err("a piece of i, which is not open"));
    check(&[created, created], Err("response.created has number 1"));
    check(
        &[created, added, piece, done, done],
        Err("response.output_item.done at 0, not 1"),
    );
}
