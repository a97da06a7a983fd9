//! Providers that tell it in ways of their own.

use super::*;

#[test]
fn a_provider_that_tells_it_in_other_ways_is_understood() {
    // Empty content beside calls, the name alone at first, no role, figures with the end.
    let last = r#"{"id":"m-1","choices":[{"finish_reason":"tool_calls","index":0,"delta":{"content":null}}],"usage":{"completion_tokens":5}}"#;
    check(
        &[
            &[
                &delta(
                    "m-1",
                    r#"{"content":null,"tool_calls":[{"index":1,"id":"a-1"}]}"#,
                ),
                &delta(
                    "m-1",
                    r#"{"content":"","tool_calls":[{"index":1,"function":{"name":"bmcp_a"}}]}"#,
                ),
                &delta(
                    "m-1",
                    r#"{"content":null,"tool_calls":[{"index":1,"function":{"arguments":""}}]}"#,
                ),
                last,
                DONE,
            ],
            &[
                &delta("m-2", r#"{"content":"You","role":"assistant"}"#),
                &delta("m-2", r#"{"content":" have","role":"assistant"}"#),
                &last.replace("m-1", "m-2").replace("tool_calls", "stop"),
                DONE,
            ],
        ],
        &["calls a-1 bmcp_a {}", "over"],
        &[
            &delta("m-1", r#"{"content":"You","role":"assistant"}"#),
            &delta("m-1", r#"{"content":" have"}"#),
            &last
                .replace("tool_calls", "stop")
                .replace("\":5}", "\":10}"),
            DONE,
        ],
    );
    // Text and the end in one chunk: the text is told at once, the end is not.
    let both = r#"{"id":"c","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"n":1}}"#;
    check(
        &[
            &[&delta("c", &calls(&[call(0, "a-1", "bmcp_a", "")])), both],
            &[both, DONE],
        ],
        &["calls a-1 bmcp_a {}", "over"],
        &[
            r#"{"id":"c","choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":null}"#,
            r#"{"id":"c","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"n":2}}"#,
            DONE,
        ],
    );
}

#[test]
fn a_reason_for_the_end_in_every_chunk_ends_nothing() {
    let ending = |delta: &str| {
        format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{delta},"finish_reason":"stop"}}]}}"#)
    };
    let text = ending(r#"{"content":"a"}"#);
    let called = ending(&calls(&[call(0, "a-1", "bmcp_a", "{}")]));
    check(
        &[&[&text, &called, &text, DONE], &[&text, DONE]],
        &["calls a-1 bmcp_a {}", "over"],
        &[&text, &text.replace("\"stop\"", "null"), &text, DONE],
    );
}

#[test]
fn calls_of_providers_that_count_badly_are_kept_apart() {
    let told = |pieces: &[&str], ends: &str| {
        let mut turn = turn();
        let chunks: Vec<String> = pieces
            .iter()
            .map(|piece| delta("c", &calls(&[(*piece).to_owned()])))
            .collect();
        let chunks: Vec<&str> = chunks.iter().map(String::as_str).chain([DONE]).collect();
        turn.streamed(&chunks);
        assert_eq!(turn.ends, [ends], "{pieces:?}");
    };
    // Everything at one place, without ids.
    let a = r#"{"index":0,"id":"","function":{"name":"bmcp_a","arguments":"{\"n\":1}"}}"#;
    let b = r#"{"index":0,"function":{"name":"bmcp_b","arguments":"{}"}}"#;
    told(
        &[a, a, b],
        r#"calls call_0_0 bmcp_a {"n":1} call_0_1 bmcp_a {"n":1} call_0_2 bmcp_b {}"#,
    );
    // No places; ids once, or always.
    let begin = r#"{"id":"x","function":{"name":"bmcp_a","arguments":"{"}}"#;
    let more = r#"{"function":{"arguments":"}"}}"#;
    told(
        &[begin, more, &begin.replace('x', "y"), more],
        "calls x bmcp_a {} y bmcp_a {}",
    );
    told(
        &[begin, &begin.replace("\"{\"", "\"}\"")],
        "calls x bmcp_a {}",
    );
    // A place at the beginning, and none later.
    told(
        &[&begin.replacen('{', "{\"index\":0,", 1), more],
        "calls x bmcp_a {}",
    );
    // The name in every piece.
    let name = r#"{"index":0,"id":"x","function":{"name":"bmcp_a","arguments":"{"}}"#;
    let rest = r#"{"index":0,"function":{"name":"bmcp_a","arguments":"}"}}"#;
    let nothing = r#"{"index":0,"function":{"name":"bmcp_a","arguments":""}}"#;
    told(&[name, rest, nothing], "calls x bmcp_a {}");
    // One place, and another id for every piece.
    let piece = |id: &str, arguments: &str| {
        format!(r#"{{"index":0,"id":"{id}","function":{{"arguments":"{arguments}"}}}}"#)
    };
    let empty = r#"{"index":0,"id":"x","function":{"name":"bmcp_a","arguments":""}}"#;
    told(
        &[empty, &piece("y", "{"), &piece("z", "}")],
        "calls x bmcp_a {}",
    );
    // One place, pieces that take turns, told apart by their ids alone.
    told(
        &[
            empty,
            &empty.replace("\"x\"", "\"y\""),
            &piece("x", "{"),
            &piece("y", "{}"),
            &piece("x", "}"),
        ],
        "calls x bmcp_a {} y bmcp_a {}",
    );
    // What was begun before is not gone on with when another call has begun there.
    let other = r#"{"index":0,"function":{"name":"own","arguments":"1"}}"#;
    told(
        &[a, other, &a.replace("{\\\"n\\\":1}", "")],
        r#"mixed call_0_0 bmcp_a {"n":1} call_0_2 bmcp_a {}"#,
    );
    // Arguments that are no string.
    told(
        &[r#"{"index":0,"id":"x","function":{"name":"bmcp_a","arguments":{"n":1}}}"#],
        r#"calls x bmcp_a {"n":1}"#,
    );
}

#[test]
fn a_call_whose_name_comes_late_is_waited_for() {
    let early = delta("c", r#"{"tool_calls":[{"index":0,"id":"o-1"}]}"#);
    let text = delta("c", r#"{"content":"x"}"#);
    let late = delta(
        "c",
        r#"{"tool_calls":[{"index":0,"function":{"name":"own"}}]}"#,
    );
    let mut turn = turn();
    for chunk in [&early, &text] {
        let raw = format!("data: {chunk}\n\n");
        let event = turn
            .weave
            .event("", chunk.as_bytes(), raw.as_bytes(), &mut turn.told);
        event.unwrap();
    }
    assert!(turn.told.is_empty());
    assert!(!turn.streamed(&[&late]));
    assert_eq!(turn.told(), [&*early, &text, &late]);
    check(&[&[&early, &text]], &["over"], &[&early, &text]);
    check(&[&[&early, DONE]], &["over"], &[&early, DONE]);
}
