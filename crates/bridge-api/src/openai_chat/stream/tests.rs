use crate::{AnswerEnd, DialectId, Observed, Observer, ObserverLimits};

fn streamed(chunks: &[&str]) -> Observed {
    let mut observer = Observer::new(DialectId::OpenAiChat, ObserverLimits::default());
    for chunk in chunks {
        observer.event("", chunk.as_bytes());
    }
    observer.finish()
}

const FIRST: &str = r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
const USAGE: &str = r#"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":8,"total_tokens":27,"prompt_tokens_details":{"cached_tokens":16},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":0}}}"#;
const STOP: &str =
    r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

#[test]
fn usage_counts_wherever_it_stands() {
    for chunks in [
        [FIRST, STOP, USAGE, "[DONE]"],
        [FIRST, USAGE, STOP, "[DONE]"],
    ] {
        let seen = streamed(&chunks);
        assert_eq!(
            (seen.response_id.as_str(), seen.end),
            ("chatcmpl-1", AnswerEnd::Complete)
        );
        let usage = seen.usage.unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.output), (3, 16, 8));
        assert_eq!(usage.extra, [("reasoning_tokens", 3)]);
    }
}

#[test]
fn parallel_calls_are_put_together_by_their_places() {
    let seen = streamed(&[
        FIRST,
        r#"{"choices":[{"delta":{"content":"","tool_calls":[{"index":1,"id":"c1","type":"function","function":{"name":"a","arguments":""}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":2,"id":"c2","type":"custom","custom":{"name":"b","input":"x"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"p\""}},{"index":2,"custom":{"input":"y"}}]}}]}"#,
        r#"{"choices":[{"delta":{"content":null,"tool_calls":[{"index":1,"function":{"arguments":":1}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
    ]);
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
            ("function".to_owned(), "a", "c1", "{\"p\":1}"),
            ("custom".to_owned(), "b", "c2", "xy"),
        ]
    );
    assert_eq!(seen.end, AnswerEnd::Complete);
}

#[test]
fn reasoning_of_compatible_providers_is_kept() {
    let seen = streamed(&[
        FIRST,
        r#"{"choices":[{"index":0,"delta":{"reasoning_content":"so "}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"an answer"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning_content":"what"}}]}"#,
        "[DONE]",
    ]);
    assert_eq!(seen.thoughts.len(), 1);
    assert_eq!(
        (
            seen.thoughts[0].content.as_str(),
            seen.thoughts[0].source.as_str()
        ),
        ("so what", "reasoning")
    );
}

#[test]
fn ends_are_told_apart() {
    let error = r#"{"error":{"message":"The server had an error","type":"server_error"}}"#;
    let failed = AnswerEnd::Failed {
        error_type: "server_error".to_owned(),
        message: "The server had an error".to_owned(),
    };
    assert_eq!(streamed(&[FIRST, error]).end, failed);
    assert_eq!(streamed(&[FIRST]).end, AnswerEnd::Truncated);
    assert_eq!(streamed(&["nonsense"]).end, AnswerEnd::Garbage);
    assert_eq!(streamed(&[]).end, AnswerEnd::Garbage);
}

#[test]
fn a_whole_answer_says_the_same() {
    let mut observer = Observer::new(DialectId::OpenAiChat, ObserverLimits::default());
    observer.whole(br#"{"id":"c","choices":[{"index":0,"finish_reason":"tool_calls","message":{"content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}],"function_call":null}}],"usage":{"prompt_tokens":2,"completion_tokens":1}}"#);
    let seen = observer.finish();
    assert_eq!((seen.tool_calls.len(), seen.end), (1, AnswerEnd::Complete));
    assert_eq!(seen.usage.unwrap().input, 2);
}

#[test]
fn what_cuts_an_answer_short_is_told() {
    let check = |finish: &str, delta: &str, end: AnswerEnd| {
        let chunk =
            format!(r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":"{finish}"}}]}}"#);
        let seen = streamed(&[FIRST, &chunk, "[DONE]"]);
        assert_eq!(seen.end, end, "{finish} {delta}");
    };
    let short = |reason: &str| AnswerEnd::Incomplete {
        reason: reason.to_owned(),
    };
    check("stop", "{}", AnswerEnd::Complete);
    check("tool_calls", "{}", AnswerEnd::Complete);
    check("length", "{}", short("length"));
    check("content_filter", "{}", short("content_filter"));
    check("stop", r#"{"refusal":"no"}"#, short("refusal"));
    check("stop", r#"{"refusal":null}"#, AnswerEnd::Complete);
}

#[test]
fn an_answer_is_complete_when_all_choices_are() {
    let mut observer = Observer::new(DialectId::OpenAiChat, ObserverLimits::default());
    let both = r#"{"choices":[{"index":0,"delta":{}},{"index":1,"delta":{}}]}"#;
    observer.event("message", both.as_bytes());
    observer.event("message", STOP.as_bytes());
    assert!(!observer.is_complete());
    let second = r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#;
    observer.event("message", second.as_bytes());
    assert!(observer.is_complete());
}

#[test]
fn calls_of_providers_that_count_badly_are_kept_apart() {
    let piece = |call: &str| format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{call}]}}}}]}}"#);
    let check = |pieces: &[&str], expected: &[(&str, &str, &str)]| {
        let chunks: Vec<String> = pieces.iter().map(|call| piece(call)).collect();
        let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
        let seen = streamed(&chunks);
        let calls: Vec<_> = seen
            .tool_calls
            .iter()
            .map(|it| (it.call_id.as_str(), it.name.as_str(), it.input.as_str()))
            .collect();
        assert_eq!(calls, expected, "{pieces:?}");
    };
    // Every call at the same place.
    check(
        &[
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}"#,
            r#"{"index":0,"id":"b","function":{"name":"g","arguments":"2"}}"#,
        ],
        &[("a", "f", "1"), ("b", "g", "2")],
    );
    // No places at all.
    check(
        &[
            r#"{"id":"a","function":{"name":"f","arguments":"1"}}"#,
            r#"{"function":{"arguments":"2"}}"#,
            r#"{"id":"b","function":{"name":"g","arguments":"3"}}"#,
        ],
        &[("a", "f", "12"), ("b", "g", "3")],
    );
    // One place, and another id for every piece.
    check(
        &[
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":""}}"#,
            r#"{"index":0,"id":"b","function":{"arguments":"{"}}"#,
            r#"{"index":0,"id":"c","function":{"arguments":"}"}}"#,
        ],
        &[("a", "f", "{}")],
    );
    // Id and name repeated in every piece; arguments that are no string.
    check(
        &[
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}"#,
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":"1}"}}"#,
            r#"{"index":1,"id":"b","function":{"name":"g","arguments":{"y":2}}}"#,
        ],
        &[("a", "f", "{\"x\":1}"), ("b", "g", "{\"y\":2}")],
    );
}

#[test]
fn the_form_before_there_were_tools_is_read() {
    let seen = streamed(&[
        r#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{"}}}]}"#,
        r#"{"choices":[{"delta":{"function_call":{"arguments":"}"}}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"function_call"}]}"#,
    ]);
    assert_eq!(seen.end, AnswerEnd::Complete);
    let [call] = &seen.tool_calls[..] else {
        panic!("{:?}", seen.tool_calls);
    };
    assert_eq!((call.name.as_str(), call.input.as_str()), ("f", "{}"));
}

#[test]
fn the_model_that_answered_is_known() {
    let seen = streamed(&[
        r#"{"id":"c","model":"m-1","choices":[]}"#,
        r#"{"id":"c","model":"m-2","choices":[]}"#,
    ]);
    assert_eq!(seen.response_model, "m-1");
}
