//! Rounds that are no streams.

use super::*;

#[test]
fn whole_bodies_become_one() {
    let first = r#"{"id":"msg_1","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"t1","name":"bmcp_a_y","input":{"n":1e2}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":4,"service_tier":"standard"}}"#;
    let last = r#"{ "id":"msg_2", "content" : [ {"type":"text", "text":"Found."} ], "stop_reason":"end_turn","usage":{"input_tokens":30,"output_tokens":40,"server_tool_use":{"web_search_requests":1}},"x":1.50}"#;
    let mut state = state();
    state.whole(Bytes::from(first)).unwrap();
    let RoundEnd::Calls(calls) = state.end_round() else {
        panic!("no calls");
    };
    assert_eq!(calls[0].input, Ok(r#"{"n":1e2}"#.to_owned()));
    let mut request = envelope(REQUEST);
    state.go_on(&mut request, vec![text("t1", "one")]).unwrap();
    state.whole(Bytes::from(last)).unwrap();
    assert_eq!(state.end_round(), RoundEnd::Over);
    let expected = last
        .replace("msg_2", "msg_1")
        .replace(
            r#"[ {"type":"text", "text":"Found."} ]"#,
            r#"[{"type":"text","text":"I look."},{"type":"text", "text":"Found."}]"#,
        )
        .replace(
            r#""input_tokens":30,"output_tokens":40"#,
            r#""input_tokens":33,"output_tokens":44"#,
        );
    assert_eq!(state.finish_whole(), expected);
}

#[test]
fn whole_bodies_of_one_round_lose_only_calls() {
    let whole = |body: &'static str| {
        let mut state = state();
        state.whole(Bytes::from_static(body.as_bytes())).unwrap();
        let end = state.end_round();
        (
            matches!(end, RoundEnd::Over),
            String::from_utf8(state.finish_whole().to_vec()).unwrap(),
        )
    };
    for same in [
        r#" { "content":[ {"type":"text","text":"x"} ] } "#,
        r#"{"type":"error","error":{"type":"a","message":"b"}}"#,
        "{\"content\":[{\"type\":\"tool_use\",\"name\":\"bmcp_a_x\"",
        "not json",
        "",
    ] {
        assert_eq!(whole(same), (true, same.to_owned()));
    }
    let cut = r#"{"content":[{"type":"tool_use","id":"t","name":"bmcp_a_x","input":{}},{"type":"tool_use","id":"u","name":"Read","input":{}}],"stop_reason":"REASON"}"#;
    let without = cut.replace(
        r#"{"type":"tool_use","id":"t","name":"bmcp_a_x","input":{}},"#,
        "",
    );
    for (reason, is_over) in [("max_tokens", true), ("tool_use", false)] {
        let (cut, without) = (
            cut.replace("REASON", reason),
            without.replace("REASON", reason),
        );
        assert_eq!(whole(cut.leak()), (is_over, without));
    }
}
