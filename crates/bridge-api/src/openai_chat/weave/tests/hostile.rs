//! Streams that no provider would send.

use proptest::prelude::*;

use super::*;

/// Values that stand where others are expected.
fn odd() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "null", "0", "1", "-1", "18446744073709551615", "1e99", "true", "\"\"", "\"x\"", "[]", "{}",
            "[[]]", "{\"index\":{}}",  "[null,1,\"a\",{}]",
        ])
        .prop_map(str::to_owned),
        1 => "[\\[\\]{}\":,a0\\\\ ]{0,12}",
    ]
}

fn piece() -> impl Strategy<Value = String> {
    let index = prop_oneof![Just("0".to_owned()), Just("1".to_owned()), odd()];
    let id = prop_oneof![Just("\"i\"".to_owned()), Just("\"j\"".to_owned()), odd()];
    let name = prop::sample::select(vec!["\"bmcp_a\"", "\"bmcp_b\"", "\"own\"", "null", "\"\""]);
    let arguments = prop_oneof![Just("\"{}\"".to_owned()), odd()];
    (index, id, name, arguments, 0..8_u8).prop_map(|(index, id, name, arguments, shape)| match shape {
        0 => format!(r#"{{"index":{index},"function":{{"arguments":{arguments}}}}}"#),
        1 => format!(r#"{{"index":{index},"id":{id}}}"#),
        2 => format!(r#"{{"function":{{"name":{name}}},"function":{{"name":"own"}}}}"#),
        3 => format!(r#"{{"id":{id},"custom":{{"name":"own","input":{arguments}}}}}"#),
        4 => format!(r#"{{"id":{id},"function":{{"name":{name},"arguments":{arguments}}}}}"#),
        _ => format!(
            r#"{{"index":{index},"id":{id},"function":{{"name":{name},"arguments":{arguments}}},"x":{arguments}}}"#
        ),
    })
}

fn chunk() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(piece(), 0..4).prop_map(|pieces| pieces.join(","));
    let end = prop_oneof![
        6 => Just("null".to_owned()),
        1 => Just("\"tool_calls\"".to_owned()),
        1 => Just("\"length\"".to_owned()),
        1 => odd(),
    ];
    (pieces, end, odd(), odd(), 0..12_u8).prop_map(|(pieces, end, one, two, shape)| match shape {
        0 => "[DONE]".to_owned(),
        1 => one,
        2 => format!(r#"{{"choices":{one},"usage":{two},"id":{one}}}"#),
        3 => format!(r#"{{"choices":[],"usage":{{"n":{one},"d":{{"n":1}}}}}}"#),
        4 => format!(r#"{{"error":{one},"choices":[{{"delta":{two}}}]}}"#),
        5 => format!(r#"{{"choices":[{{"index":{one},"delta":{{"tool_calls":[{pieces}]}}}},{{"delta":{{"tool_calls":[{pieces}]}},"finish_reason":{end}}}]}}"#),
        6 => format!(r#"{{"choices":[{{"delta":{{"role":{one},"content":"\ud83d","y":[{two}]}},"finish_reason":{end}}}]}}"#),
        7 => format!(r#"{{"choices":[{{"message":{{"tool_calls":[{pieces}]}}}}],"choices":[{{"delta":{{"tool_calls":[{pieces}],"tool_calls":[{pieces}]}}}}]}}"#),
        _ => format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{{"content":{one},"tool_calls":[{pieces}]}},"finish_reason":{end}}}],"usage":{two}}}"#),
    })
}

proptest! {
    /// Whatever is sent: a client sees no call of ours, what was JSON is JSON, what goes to the
    /// provider is a history in which every call has its answer, and nothing grows on the way.
    #[test]
    fn nothing_is_too_odd(rounds in prop::collection::vec(prop::collection::vec(chunk(), 0..12), 1..4)) {
        let mut turn = turn();
        let mut sent = 0;
        let mut is_json = true;
        for round in &rounds {
            sent += round.iter().map(|chunk| chunk.len() + 64).sum::<usize>();
            let good = |chunk: &String| chunk == "[DONE]" || serde_json::from_str::<Json>(chunk).is_ok();
            is_json &= round.iter().all(good);
            let chunks: Vec<&str> = round.iter().map(String::as_str).collect();
            if !turn.streamed(&chunks) {
                break;
            }
        }
        turn.weave.finish(&mut turn.told);
        let told = String::from_utf8(std::mem::take(&mut turn.told)).unwrap();
        prop_assert!(told.len() <= sent, "{}", told);
        for event in told.split_terminator("\n\n").filter(|_| is_json) {
            prop_assert!(!event.contains("\"bmcp_"), "{}", event);
            let data = event.strip_prefix("data: ").unwrap();
            prop_assert!(data == "[DONE]" || serde_json::from_str::<Json>(data).is_ok(), "{}", data);
        }
        let _hidden = turn.weave.hidden_turn();
        let messages = turn.messages();
        let mut waiting: Vec<&Json> = Vec::new();
        for message in messages.as_array().unwrap() {
            if message["role"] == "tool" {
                let at = waiting.iter().position(|id| *id == &message["tool_call_id"]);
                waiting.remove(at.unwrap());
            } else {
                prop_assert!(waiting.is_empty(), "{}", messages);
                let calls = message["tool_calls"].as_array().into_iter().flatten();
                waiting.extend(calls.map(|call| &call["id"]));
            }
        }
        prop_assert!(waiting.is_empty(), "{}", messages);
    }

    /// A whole body is treated no better.
    #[test]
    fn no_body_is_too_odd(bodies in prop::collection::vec(chunk(), 1..4)) {
        let mut turn = turn();
        let (mut goes_on, mut last) = (true, String::new());
        for body in &bodies {
            let body = body.replace("\"delta\"", "\"message\"");
            last.clone_from(&body);
            if let Err(error) = turn.weave.whole(Bytes::from(body.clone())) {
                prop_assert_eq!(error, WeaveError::NotJson);
                let is_object = serde_json::from_str::<Json>(&body).is_ok_and(|it| it.is_object());
                prop_assert!(!is_object, "{}", body);
                return Ok(());
            }
            goes_on = turn.end_round();
            if !goes_on {
                break;
            }
        }
        prop_assume!(!goes_on);
        let told = turn.weave.finish_whole();
        let told = std::str::from_utf8(&told).unwrap();
        if serde_json::from_str::<Json>(&last).is_ok() {
            prop_assert!(!told.contains("\"bmcp_"), "{}", told);
            prop_assert!(serde_json::from_str::<Json>(told).is_ok(), "{} became {}", last, told);
        }
        let _hidden = turn.weave.hidden_turn();
        serde_json::from_slice::<Json>(&turn.request.to_bytes()).unwrap();
    }
}
