use crate::{AnswerEnd, DialectId, Observed, Observer, ObserverLimits};

fn streamed(events: &[&str]) -> Observed {
    let mut observer = Observer::new(DialectId::OpenAiResponses, ObserverLimits::default());
    for data in events {
        let value: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
        observer.event(value["type"].as_str().unwrap_or_default(), data.as_bytes());
    }
    observer.finish()
}

const CREATED: &str = r#"{"type":"response.created","response":{"id":"resp_1","status":"in_progress","output":[],"usage":null}}"#;
const ITEM: &str = r#"{"type":"response.output_item.done","item":{"type":"function_call","id":"fc_1","call_id":"c1","name":"add","arguments":"{\"a\":3}","namespace":"math"}}"#;

fn terminal(kind: &str, more: &str) -> String {
    format!(
        r#"{{"type":"response.{kind}","response":{{"id":"resp_1","status":"{kind}","output":[{{"type":"reasoning","summary":[{{"type":"summary_text","text":"why"}},{{"type":"summary_text","text":""}}],"content":[{{"type":"reasoning_text","text":"raw"}}]}},{{"type":"message","role":"assistant","phase":"commentary","content":[{{"type":"output_text","text":"on it"}}]}},{{"type":"message","role":"assistant","content":[{{"type":"output_text","text":"done"}}]}},{{"type":"function_call","id":"fc_1","call_id":"c1","name":"add","arguments":"{{\"a\":3}}"}},{{"type":"custom_tool_call","id":"ct","call_id":"c2","name":"code","input":"print(1)"}},{{"type":"web_search_call","id":"ws_1","action":{{"type":"search","query":"q"}}}},{{"type":"mcp_call","id":"m1","name":"go","server_label":"srv","arguments":"{{}}"}}],"usage":{{"input_tokens":100,"input_tokens_details":{{"cached_tokens":64}},"output_tokens":20,"output_tokens_details":{{"reasoning_tokens":7}}}}{more}}}}}"#
    )
}

#[test]
fn every_terminal_event_counts() {
    let rows = [
        ("completed", "", AnswerEnd::Complete),
        (
            "incomplete",
            r#","incomplete_details":{"reason":"max_output_tokens"}"#,
            AnswerEnd::Incomplete {
                reason: "max_output_tokens".to_owned(),
            },
        ),
        (
            "failed",
            r#","error":{"code":"server_error","message":"no"}"#,
            AnswerEnd::Failed {
                error_type: "server_error".to_owned(),
                message: "no".to_owned(),
            },
        ),
    ];
    for (kind, more, end) in rows {
        let seen = streamed(&[CREATED, ITEM, &terminal(kind, more)]);
        assert_eq!((seen.response_id.as_str(), &seen.end), ("resp_1", &end));
        let usage = seen.usage.unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.output), (36, 64, 20));
        assert_eq!(usage.extra, [("reasoning_tokens", 7)]);
        let thoughts: Vec<_> = seen
            .thoughts
            .iter()
            .map(|it| (it.source.as_str(), it.content.as_str()))
            .collect();
        assert_eq!(
            thoughts,
            [
                ("reasoning_summary", "why"),
                ("reasoning", "raw"),
                ("commentary", "on it")
            ]
        );
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
                ("function".to_owned(), "add", "c1", "{\"a\":3}"),
                ("custom".to_owned(), "code", "c2", "print(1)"),
                (
                    "web_search".to_owned(),
                    "web_search",
                    "ws_1",
                    "{\"type\":\"search\",\"query\":\"q\"}"
                ),
                ("mcp".to_owned(), "go", "m1", "{}"),
            ]
        );
    }
}

#[test]
fn a_stream_that_breaks_off_leaves_its_finished_items() {
    let seen = streamed(&[CREATED, ITEM]);
    assert_eq!((seen.end, seen.usage), (AnswerEnd::Truncated, None));
    let call = &seen.tool_calls[0];
    assert_eq!(
        (call.item_id.as_deref(), call.namespace.as_deref()),
        (Some("fc_1"), Some("math"))
    );
    assert_eq!(streamed(&["nonsense"]).end, AnswerEnd::Garbage);
}

#[test]
fn error_events_count_with_and_without_their_member() {
    let failed = |error_type: &str| AnswerEnd::Failed {
        error_type: error_type.to_owned(),
        message: "no".to_owned(),
    };
    let plain = r#"{"type":"error","code":"ERR","message":"no","param":null}"#;
    assert_eq!(streamed(&[CREATED, plain]).end, failed("ERR"));
    let nested = r#"{"type":"error","error":{"type":"t","message":"no"}}"#;
    assert_eq!(streamed(&[CREATED, nested]).end, failed("t"));
}

#[test]
fn a_whole_answer_says_the_same() {
    let text = terminal("completed", "");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut observer = Observer::new(DialectId::OpenAiResponses, ObserverLimits::default());
    observer.whole(value["response"].to_string().as_bytes());
    let (whole, stream) = (observer.finish(), streamed(&[CREATED, &text]));
    assert_eq!(whole.usage, stream.usage);
    assert_eq!(
        (whole.tool_calls.len(), whole.end),
        (stream.tool_calls.len(), stream.end)
    );
}

#[test]
fn items_that_were_not_done_leave_what_they_had_told() {
    let seen = streamed(&[
        CREATED,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs","summary":[]}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"wh"}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"y"}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":1,"delta":"how"}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":1,"item_id":"fc","delta":"{\"a\""}"#,
        r#"{"type":"response.output_text.delta","output_index":2,"delta":"text"}"#,
    ]);
    assert_eq!(seen.end, AnswerEnd::Truncated);
    let thoughts: Vec<&str> = seen.thoughts.iter().map(|it| &*it.content).collect();
    assert_eq!(thoughts, ["why", "how"]);
    let [call] = &seen.tool_calls[..] else {
        panic!("{:?}", seen.tool_calls);
    };
    assert_eq!(
        (call.call_id.as_str(), call.input.as_str()),
        ("c", "{\"a\"")
    );
}

#[test]
fn every_kind_of_call_is_recorded_with_its_input() {
    let check = |item: &str, kind: &str, name: &str, call_id: &str, input: &str| {
        let event =
            format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#);
        let seen = streamed(&[CREATED, &event]);
        let [call] = &seen.tool_calls[..] else {
            panic!("{item}: {:?}", seen.tool_calls);
        };
        let found = (
            call.kind.to_string(),
            &*call.name,
            &*call.call_id,
            &*call.input,
        );
        assert_eq!(found, (kind.to_owned(), name, call_id, input), "{item}");
    };
    check(
        r#"{"type":"local_shell_call","id":"i","call_id":"c","action":{"command":["ls"]}}"#,
        "local_shell",
        "local_shell",
        "c",
        r#"{"command":["ls"]}"#,
    );
    check(
        r#"{"type":"computer_call","id":"i","call_id":"c","action":{"type":"click"}}"#,
        "computer",
        "computer",
        "c",
        r#"{"type":"click"}"#,
    );
    check(
        r#"{"type":"file_search_call","id":"i","queries":["q"],"results":null}"#,
        "file_search",
        "file_search",
        "i",
        r#"["q"]"#,
    );
    check(
        r#"{"type":"code_interpreter_call","id":"i","code":"1+1","outputs":null}"#,
        "code_interpreter",
        "code_interpreter",
        "i",
        "1+1",
    );
    check(
        r#"{"type":"tool_search_call","call_id":"c","execution":"client","arguments":{"query":"q"}}"#,
        "tool_search",
        "tool_search",
        "c",
        r#"{"query":"q"}"#,
    );
    check(
        r#"{"type":"image_generation_call","id":"i","result":"AAAA","revised_prompt":"a cat"}"#,
        "image_generation",
        "image_generation",
        "i",
        "a cat",
    );
    check(
        r#"{"type":"mcp_approval_request","id":"i","name":"go","server_label":"s","arguments":"{}"}"#,
        "mcp_approval",
        "go",
        "i",
        "{}",
    );
    check(
        r#"{"type":"future_call","id":"i","call_id":"c"}"#,
        "future",
        "future",
        "c",
        "",
    );
}

#[test]
fn the_model_that_answered_is_known() {
    let seen = streamed(&[CREATED, &terminal("completed", r#","model":"m-1""#)]);
    assert_eq!(seen.response_model, "m-1");
}
