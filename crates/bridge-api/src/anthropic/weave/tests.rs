mod odd;
mod whole;

use bytes::Bytes;

use super::*;
use crate::{BadInput, EnvelopeLimits, InjectedCall, ToolContent, ToolSpec, WeaveLimits};

fn envelope(body: &str) -> Envelope {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Envelope::parse(body, &EnvelopeLimits::default()).unwrap()
}

const REQUEST: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}"#;

fn state_with(config: WeaveConfig) -> State {
    let tool = |name| ToolSpec::new(name, "", "{}").unwrap();
    let tools = Toolbox::new(vec![tool("bmcp_a_x"), tool("bmcp_a_y")]);
    State::new(&envelope(REQUEST), tools, config)
}

fn state() -> State {
    state_with(WeaveConfig::default())
}

/// An event of each line, which is its data.
fn events(lines: &str) -> Vec<(String, String, String)> {
    let event = |data: &str| {
        let kind = Value::new(data.as_bytes())
            .get("type")
            .and_then(Value::text);
        let kind = kind.unwrap_or_default().into_owned();
        let raw = format!("event: {kind}\ndata: {data}\n\n");
        (kind, data.to_owned(), raw)
    };
    lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(event)
        .collect()
}

/// Tells a round, and gives back the data of what the client got.
fn told(state: &mut State, lines: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (name, data, raw) in events(lines) {
        state
            .event(&name, data.as_bytes(), raw.as_bytes(), &mut out)
            .unwrap();
    }
    data(&out)
}

fn finished(state: &mut State) -> Vec<String> {
    let mut out = Vec::new();
    state.finish(&mut out);
    data(&out)
}

fn data(stream: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(stream).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(str::to_owned).collect()
}

fn trimmed(lines: &str) -> Vec<&str> {
    lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect()
}

fn text(call_id: &str, text: &str) -> ToolResult {
    ToolResult {
        call_id: call_id.to_owned(),
        content: vec![ToolContent::Text(text.to_owned())],
        is_error: false,
    }
}

const FIRST: &str = r#"
    {"type":"message_start","message":{"id":"msg_1","content":[],"usage":{"input_tokens":10,"output_tokens":1}}}
    {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}
    {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a\u00e9\ud83d"}}
    {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\ude00b"}}
    {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s=="}}
    {"type":"content_block_stop","index":0}
    {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}
    {"type":"ping"}
    {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"I look."}}
    {"type":"content_block_stop","index":1}
"#;

const CALLS: &str = r#"
    {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"bmcp_a_x","input":{}}}
    {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}
    {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\": 1.0"}}
    {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":",\"b\":\"\\u00e9\"}"}}
    {"type":"content_block_stop","index":2}
    {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t2","name":"bmcp_a_x","input":{}}}
    {"type":"content_block_stop","index":3}
"#;

const END: &str = r#"
    {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":20}}
    {"type":"message_stop"}
"#;

const LAST: &str = r#"
    {"type":"message_start","message":{"id":"msg_2","content":[],"usage":{"input_tokens":100,"cache_read_input_tokens":7,"output_tokens":1}}}
    {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
    {"type":"ping"}
    {"type":"content_block_delta", "index" : 0 ,"delta":{"type":"text_delta","text":"Found."}}
    {"type":"content_block_stop","index":0}
    {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}
    {"type":"message_stop"}
"#;

#[test]
fn one_round_goes_through_byte_for_byte() {
    let lines = [FIRST, &END.replace("tool_use", "end_turn")].concat();
    let mut state = state();
    let mut out = Vec::new();
    let mut sent = String::new();
    for (name, data, raw) in events(&lines) {
        // Comments, names and the spelling of lines are the provider's.
        let raw = raw
            .replace("event: ", ": x\r\nevent:")
            .replace("data: ", "data:");
        state
            .event(&name, data.as_bytes(), raw.as_bytes(), &mut out)
            .unwrap();
        sent.push_str(&raw);
        assert_eq!(out, sent.as_bytes(), "an event waits");
    }
    assert_eq!(state.end_round(), RoundEnd::Over);
    state.finish(&mut out);
    assert_eq!(out, sent.as_bytes());
    assert!(state.hidden_turn().is_none());
}

#[test]
fn injected_calls_are_held_back_and_rounds_become_one_message() {
    let mut state = state();
    assert_eq!(told(&mut state, FIRST), trimmed(FIRST));
    assert_eq!(told(&mut state, CALLS), [""; 0]);
    assert_eq!(told(&mut state, END), [""; 0]);
    let RoundEnd::Calls(calls) = state.end_round() else {
        panic!("no calls");
    };
    let call = |id: &str, input: &str| InjectedCall {
        call_id: id.to_owned(),
        name: "bmcp_a_x".to_owned(),
        input: Ok(input.to_owned()),
        response_id: "msg_1".to_owned(),
    };
    assert_eq!(
        calls,
        [call("t1", r#"{"a": 1.0,"b":"\u00e9"}"#), call("t2", "{}")]
    );

    let mut request = envelope(REQUEST);
    let results = vec![text("t2", "two"), text("t1", "one")];
    state.go_on(&mut request, results).unwrap();
    let added = concat!(
        r#",{"role":"assistant","content":[{"type":"thinking","thinking":"a\u00e9\ud83d\ude00b","signature":"s=="},"#,
        r#"{"type":"text","text":"I look."},"#,
        r#"{"type":"tool_use","id":"t1","name":"bmcp_a_x","input":{"a": 1.0,"b":"\u00e9"}},"#,
        r#"{"type":"tool_use","id":"t2","name":"bmcp_a_x","input":{}}]},"#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"one"}]},"#,
        r#"{"type":"tool_result","tool_use_id":"t2","content":[{"type":"text","text":"two"}]}]}]"#,
    );
    let expected = REQUEST.replacen(']', added, 1);
    assert_eq!(std::str::from_utf8(&request.to_bytes()).unwrap(), expected);

    let seen = told(&mut state, LAST);
    let renumbered = LAST
        .replace("\"index\":0", "\"index\":2")
        .replace("\"index\" : 0", "\"index\" : 2");
    let usage = r#""usage":{"output_tokens":25,"input_tokens":110,"cache_read_input_tokens":7}"#;
    let expected = renumbered.replace(r#""usage":{"output_tokens":5}"#, usage);
    assert_eq!(seen, trimmed(&expected)[1..]);
    assert_eq!(state.end_round(), RoundEnd::Over);
    assert_eq!(finished(&mut state), [""; 0]);
    assert!(state.hidden_turn().is_some());
}

#[test]
fn the_last_rounds_figures_may_be_told_alone() {
    let mut state = state_with(WeaveConfig {
        usage: UsageTold::Last,
        ..WeaveConfig::default()
    });
    told(&mut state, &[FIRST, CALLS, END].concat());
    assert!(matches!(state.end_round(), RoundEnd::Calls(_)));
    state.go_on(&mut envelope(REQUEST), vec![]).unwrap();
    let seen = told(&mut state, LAST);
    let usage = r#""usage":{"output_tokens":5,"input_tokens":100,"cache_read_input_tokens":7}"#;
    assert!(seen.iter().any(|event| event.contains(usage)), "{seen:?}");
}

#[test]
fn a_mixed_turn_ends_with_the_clients_own_calls() {
    let own = CALLS.replace("\"name\":\"bmcp_a_x\"", "\"name\":\"Read\"");
    let own = own
        .replace("\"t1", "\"o1")
        .replace("\"t2", "\"o2")
        .replace("\"index\":3", "\"index\":5")
        .replace("\"index\":2", "\"index\":4");
    let own: Vec<&str> = trimmed(&own)
        .into_iter()
        .filter(|line| line.contains("\"type\":\""))
        .collect();
    let own = own.join("\n");
    let mut state = state();
    let mut seen = told(&mut state, FIRST);
    seen.extend(told(&mut state, CALLS));
    let renumbered = own
        .replace("\"index\":4", "\"index\":2")
        .replace("\"index\":5", "\"index\":3");
    assert_eq!(told(&mut state, &own), trimmed(&renumbered));
    assert_eq!(told(&mut state, END), [""; 0]);
    let RoundEnd::Mixed(calls) = state.end_round() else {
        panic!("not mixed");
    };
    let ids: Vec<&str> = calls.iter().map(|call| call.call_id.as_str()).collect();
    assert_eq!(ids, ["t1", "t2"]);
    state.keep(vec![text("t1", "one")]);
    assert_eq!(finished(&mut state), trimmed(END));
    assert!(state.hidden_turn().is_some());
}

#[test]
fn unnamed_and_unknown_events_are_understood_and_passed_on() {
    let mut state = state();
    let mut out = Vec::new();
    for (_, data, raw) in events(&[FIRST, CALLS, END].concat()) {
        state
            .event("", data.as_bytes(), raw.as_bytes(), &mut out)
            .unwrap();
    }
    assert_eq!(data(&out), trimmed(FIRST));
    assert!(matches!(state.end_round(), RoundEnd::Calls(_)));
    state.go_on(&mut envelope(REQUEST), vec![]).unwrap();
    let unknown = r#"{"type":"new_thing","index":0}"#;
    assert_eq!(told(&mut state, unknown), [unknown]);
    let stray =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#;
    assert_eq!(
        told(&mut state, stray),
        [stray.replace("\"index\":0", "\"index\":2")]
    );
}

#[test]
fn blocks_of_every_kind_are_sent_back_as_they_came() {
    const BLOCKS: &str = r#"
        {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"A","citations":[{"n":1}]}}
        {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"b"}}
        {"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"n":2.50}}}
        {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"x+/="}}
        {"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{},"new":1e2}}
        {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"q\":\"z\"}"}}
        {"type":"content_block_start","index":3,"content_block":{"type":"web_search_tool_result","tool_use_id":"s","content":[{"u":"v"}]}}
        {"type":"content_block_start","index":4,"content_block":{"type":"new_kind","content":null}}
        {"type":"content_block_delta","index":4,"delta":{"type":"new_delta","content":"p","other":[1]}}
        {"type":"content_block_delta","index":4,"delta":{"type":"new_delta","content":"q\n"}}
        {"type":"content_block_start","index":5,"content_block":{"type":"text","text":"\n \n"}}
    "#;
    let mut state = state();
    let calls = CALLS
        .replace("\"index\":2", "\"index\":6")
        .replace("\"index\":3", "\"index\":7");
    told(&mut state, &[BLOCKS, &calls, END].concat());
    assert!(matches!(state.end_round(), RoundEnd::Calls(_)));
    let mut request = envelope(REQUEST);
    state.go_on(&mut request, vec![]).unwrap();
    let sent = String::from_utf8(request.to_bytes().to_vec()).unwrap();
    let expected = concat!(
        r#""content":[{"type":"text","text":"Ab","citations":[{"n":1},{"n":2.50}]},"#,
        r#"{"type":"redacted_thinking","data":"x+/="},"#,
        r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":"z"},"new":1e2},"#,
        r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[{"u":"v"}]},"#,
        r#"{"type":"new_kind","content":"pq\n","other":[1]},"#,
        r#"{"type":"tool_use","#,
    );
    assert!(sent.contains(expected), "{sent}");
}
