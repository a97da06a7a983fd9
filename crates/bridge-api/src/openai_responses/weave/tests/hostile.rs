//! Streams that no provider would send.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Values that stand where others are expected.
fn odd() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "null",
        "0",
        "1",
        "2",
        "-1",
        "18446744073709551615",
        "1e99",
        "true",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[[]]",
        "{\"id\":{}}",
    ])
    .prop_map(str::to_owned)
}

fn item() -> impl Strategy<Value = String> {
    let id = prop_oneof![3 => prop::sample::select(vec!["\"a\"", "\"b\""]).prop_map(str::to_owned), 1 => odd()];
    let call_id = prop::sample::select(vec!["\"c1\"", "\"c2\"", "\"c3\""]);
    let name = prop::sample::select(vec!["\"bmcp_srv_look\"", "\"bmcp_srv_go\"", "\"add\""]);
    (id, call_id, name, odd(), 0..8_u8).prop_map(|(id, call_id, name, odd, shape)| match shape {
        0 => odd,
        1 => format!(r#"{{"type":"message","id":{id},"role":"assistant","content":{odd}}}"#),
        2 => format!(r#"{{"type":"reasoning","id":{id},"summary":{odd}}}"#),
        3 => format!(r#"{{"type":{odd},"id":{id},"call_id":{call_id}}}"#),
        4 => format!(r#"{{"type":"custom_tool_call","id":{id},"call_id":{call_id},"name":"add","input":{odd}}}"#),
        _ => format!(
            r#"{{"type":"function_call","id":{id},"call_id":{call_id},"name":{name},"arguments":{odd}}}"#
        ),
    })
}

fn event() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec![
        "response.created",
        "response.output_item.added",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_item.done",
        "response.function_call_arguments.delta",
        "response.completed",
        "response.incomplete",
        "error",
    ]);
    let index = prop_oneof![2 => Just("0".to_owned()), 2 => Just("1".to_owned()), 1 => odd()];
    let items = prop::collection::vec(item(), 0..4).prop_map(|items| items.join(","));
    (kind, index, items, item(), odd()).prop_map(|(kind, index, items, item, odd)| match kind {
        "response.created" | "response.completed" | "response.incomplete" => format!(
            r#"{{"type":"{kind}","sequence_number":{index},"response":{{"id":"r","output":[{items}],"usage":{odd},"tools":[{{"type":"function","name":"add"}},{{"type":"function","name":"bmcp_srv_go"}}],"store":{odd}}}}}"#
        ),
        "response.function_call_arguments.delta" | "error" => format!(
            r#"{{"type":"{kind}","output_index":{index},"item_id":{odd},"sequence_number":{odd},"delta":"x"}}"#
        ),
        _ => format!(
            r#"{{"type":"{kind}","output_index":{index},"sequence_number":{odd},"item":{item}}}"#
        ),
    })
}

/// Every call of ours in a request has one result, behind it.
fn check_history(input: &Value) {
    let mut waiting: Vec<&Value> = Vec::new();
    for item in input.as_array().into_iter().flatten() {
        let is_ours = item["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("bmcp_"));
        if item["type"] == "function_call_output" {
            let at = waiting.iter().position(|id| *id == &item["call_id"]);
            waiting.remove(at.unwrap());
        } else if item["type"] == "function_call" && is_ours {
            waiting.push(&item["call_id"]);
        }
    }
    assert!(waiting.is_empty(), "{input}");
}

proptest! {
    /// Whatever is sent: what was JSON is JSON, and what goes to the provider is a history in which
    /// every call has its answer. A client sees no call of ours that was not told to it as something
    /// else before.
    #[test]
    fn nothing_is_too_odd(
        rounds in prop::collection::vec(prop::collection::vec(event(), 0..12), 1..4),
        is_stored in any::<bool>(),
    ) {
        let mut request = hello();
        request["store"] = is_stored.into();
        let mut loom = Loom::new(&request);
        for round in &rounds {
            let stream: String = round.iter().map(|data| format!("data: {data}\n\n")).collect();
            let Ok(end) = loom.told(&stream) else { break };
            match end {
                RoundEnd::Over => break,
                RoundEnd::Mixed(_) => {
                    loom.weave.keep(Vec::new());
                    break;
                }
                RoundEnd::Calls(_) => loom.go_on(&[("c1", "x")]),
            }
        }
        check_history(&loom.member("input"));
        let _hidden = loom.weave.hidden_turn();
        let told = loom.finish();
        for event in data(&told) {
            let is_ours = event.to_string().contains("\"bmcp_");
            if is_ours && event["type"] == "response.output_item.done" {
                // From here on it is the client's.
                break;
            }
            prop_assert!(!is_ours, "{} of {:?}", event, rounds);
        }
    }

    /// A whole body is treated no better.
    #[test]
    fn no_body_is_too_odd(bodies in prop::collection::vec(prop::collection::vec(item(), 0..4), 1..4)) {
        let mut loom = Loom::new(&hello());
        for items in &bodies {
            let body = format!(
                r#"{{"id":"r","output":[{}],"tools":[{{"type":"function","name":"bmcp_srv_go"}}]}}"#,
                items.join(",")
            );
            loom.weave.whole(Bytes::from(body)).unwrap();
            match loom.weave.end_round() {
                RoundEnd::Over => break,
                RoundEnd::Mixed(_) => {
                    loom.weave.keep(Vec::new());
                    break;
                }
                RoundEnd::Calls(_) => loom.go_on(&[]),
            }
        }
        check_history(&loom.member("input"));
        let told: Option<Value> = serde_json::from_slice(&loom.weave.finish_whole()).ok();
        // After calls there is nothing to finish.
        let told = told.unwrap_or_default().to_string();
        prop_assert!(!told.contains("\"bmcp_"), "{} of {:?}", told, bodies);
    }
}
