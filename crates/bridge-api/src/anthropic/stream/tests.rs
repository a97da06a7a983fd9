use crate::{AnswerEnd, DialectId, Observed, Observer, ObserverLimits, Usage};

fn streamed(events: &[&str]) -> Observed {
    let mut observer = Observer::new(DialectId::AnthropicMessages, ObserverLimits::default());
    for data in events {
        let value: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
        let name = value["type"].as_str().unwrap_or_default().to_owned();
        observer.event(&name, data.as_bytes());
    }
    observer.finish()
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":5,"cache_read_input_tokens":7,"cache_creation_input_tokens":2,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":0},"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

#[test]
fn final_figures_replace_the_first_ones() {
    let deltas = [
        r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":20}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":6,"output_tokens":33,"server_tool_use":{"web_search_requests":1}}}"#,
    ];
    let seen = streamed(&[START, deltas[0], deltas[1], STOP]);
    assert_eq!(
        (seen.response_id.as_str(), seen.end),
        ("msg_1", AnswerEnd::Complete)
    );
    let extra = vec![("ephemeral_5m_input_tokens", 2), ("web_search_requests", 1)];
    let expected = Usage {
        input: 6,
        output: 33,
        cache_read: 7,
        cache_write: 2,
        extra,
        is_final: true,
        is_estimated: false,
    };
    assert_eq!(seen.usage, Some(expected));
}

#[test]
fn a_stream_that_breaks_off_leaves_what_is_known() {
    let seen = streamed(&[START, r#"{"type":"ping"}"#]);
    assert_eq!(seen.end, AnswerEnd::Truncated);
    let usage = seen.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.is_final), (5, 1, false));
    assert_eq!(streamed(&[]).end, AnswerEnd::Garbage);
    assert_eq!(streamed(&["<html>", "{}", "[1]"]).end, AnswerEnd::Garbage);
}

#[test]
fn tools_and_thoughts_are_put_together_from_their_pieces() {
    let seen = streamed(&[
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"I "}}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"see"}}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"Read","input":{}}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"n\": 12345678901234567890123}"}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"q\":1}"}}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"redacted_thinking","data":"x"}}"#,
        r#"{"type":"content_block_start","index":4,"content_block":{"type":"mcp_tool_use","id":"m1","name":"go","server_name":"srv","input":{}}}"#,
        r#"{"type":"content_block_start","index":5,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":5,"delta":{"type":"text_delta","text":"\"thinking\": 1"}}"#,
        STOP,
    ]);
    assert_eq!(seen.thoughts.len(), 1);
    assert_eq!(seen.thoughts[0].content, "I see");
    let calls: Vec<_> = seen
        .tool_calls
        .iter()
        .map(|call| {
            (
                call.kind.to_string(),
                call.name.as_str(),
                call.call_id.as_str(),
                call.input.as_str(),
            )
        })
        .collect();
    assert_eq!(
        calls,
        [
            (
                "function".to_owned(),
                "Read",
                "t1",
                "{\"n\": 12345678901234567890123}"
            ),
            ("server".to_owned(), "web_search", "s1", "{\"q\":1}"),
            ("mcp".to_owned(), "go", "m1", "{}"),
        ]
    );
    assert_eq!(seen.tool_calls[2].namespace.as_deref(), Some("srv"));
}

#[test]
fn a_whole_answer_says_the_same() {
    let mut observer = Observer::new(DialectId::AnthropicMessages, ObserverLimits::default());
    let body = br#"{"id":"msg_2","type":"message","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"},{"type":"tool_use","id":"t","name":"N","input":{"b": 1}}],"usage":{"input_tokens":1,"output_tokens":2}}"#;
    observer.whole(body);
    let seen = observer.finish();
    assert_eq!(
        (seen.response_id.as_str(), seen.end),
        ("msg_2", AnswerEnd::Complete)
    );
    assert_eq!(seen.tool_calls[0].input, "{\"b\": 1}");
    assert_eq!(seen.thoughts[0].content, "hm");
    assert!(seen.usage.unwrap().is_final);
}

#[test]
fn errors_are_failures_in_both_forms() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let expected = AnswerEnd::Failed {
        error_type: "overloaded_error".to_owned(),
        message: "Overloaded".to_owned(),
    };
    assert_eq!(streamed(&[START, error]).end, expected);
    let mut observer = Observer::new(DialectId::AnthropicMessages, ObserverLimits::default());
    observer.whole(error.as_bytes());
    assert_eq!(observer.finish().end, expected);
}

#[test]
fn what_is_kept_is_bounded() {
    let limits = ObserverLimits {
        total_bytes: 100,
        text_bytes: 4,
        items: 1,
    };
    let mut observer = Observer::new(DialectId::AnthropicMessages, limits);
    for index in 0..3 {
        let start = format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"thinking","thinking":"much"}}}}"#
        );
        observer.event("content_block_start", start.as_bytes());
        let delta = format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"thinking_delta","thinking":"more"}}}}"#
        );
        observer.event("content_block_delta", delta.as_bytes());
    }
    let seen = observer.finish();
    assert_eq!(seen.thoughts.len(), 1);
    assert_eq!(seen.thoughts[0].content, "much[cut]");
}

#[test]
fn what_cuts_an_answer_short_is_told() {
    let check = |reason: &str, end: AnswerEnd| {
        let delta = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}},"usage":{{"output_tokens":9}}}}"#
        );
        let seen = streamed(&[START, &delta, STOP]);
        assert_eq!(seen.end, end, "{reason}");
        assert!(seen.usage.unwrap().is_final, "{reason}");
    };
    for good in ["end_turn", "stop_sequence", "tool_use", "pause_turn"] {
        check(good, AnswerEnd::Complete);
    }
    for short in ["max_tokens", "model_context_window_exceeded", "refusal"] {
        let reason = short.to_owned();
        check(short, AnswerEnd::Incomplete { reason });
    }
}

#[test]
fn what_is_cut_off_of_a_whole_answer_is_no_end() {
    let body = r#"{"type":"message","id":"msg_1","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"usage":{"input_tokens":4},"stop_reason":null}"#;
    for end in [body.len(), body.len() - 1, body.len() - 40] {
        let mut observer = Observer::new(DialectId::AnthropicMessages, ObserverLimits::default());
        observer.whole(&body.as_bytes()[..end]);
        let is_whole = end == body.len();
        assert_eq!(observer.is_complete(), is_whole);
        let seen = observer.finish();
        let expected = if is_whole {
            AnswerEnd::Complete
        } else {
            AnswerEnd::Truncated
        };
        assert_eq!((seen.end, seen.response_id.as_str()), (expected, "msg_1"));
        assert_eq!(seen.tool_calls[0].input, r#"{"a":1}"#);
        assert!(seen.usage.is_none_or(|usage| usage.is_final == is_whole));
    }
}

#[test]
fn events_without_a_name_are_told_by_their_type() {
    let mut observer = Observer::new(DialectId::AnthropicMessages, ObserverLimits::default());
    observer.event("message", START.as_bytes());
    observer.event("", STOP.as_bytes());
    assert!(observer.is_complete());
    assert_eq!(observer.finish().response_id, "msg_1");
}

#[test]
fn the_first_input_stands_until_pieces_come() {
    let check = |pieces: &[&str], input: &str| {
        let start = r#"{"type":"content_block_start","index":3,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}}}"#;
        let mut events = vec![START.to_owned(), start.to_owned()];
        for piece in pieces {
            let piece = serde_json::Value::from(*piece);
            events.push(format!(
                r#"{{"type":"content_block_delta","index":3,"delta":{{"type":"input_json_delta","partial_json":{piece}}}}}"#
            ));
        }
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let seen = streamed(&events);
        let [call] = &seen.tool_calls[..] else {
            panic!("{:?}", seen.tool_calls);
        };
        let found = (call.kind.to_string(), call.input.as_str());
        assert_eq!(found, ("server".to_owned(), input));
    };
    check(&[], r#"{"query":"q"}"#);
    check(&[""], r#"{"query":"q"}"#);
    check(&["", "{\"a\"", ":1}"], r#"{"a":1}"#);
}

#[test]
fn the_model_that_answered_is_known() {
    let seen = streamed(&[
        r#"{"type":"message_start","message":{"id":"x","model":"m-1"}}"#,
        STOP,
    ]);
    assert_eq!(seen.response_model, "m-1");
}
