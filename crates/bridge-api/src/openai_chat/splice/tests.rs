use serde_json::{Value as Json, json};

use super::*;
use crate::{DialectId, EnvelopeLimits, splice as splice_turns};

/// A turn of two rounds: text and a hidden call, then text and, if it is mixed, calls of both kinds.
fn hidden(first_text: &str, last_text: &str, is_mixed: bool) -> Arc<HiddenTurn> {
    let mut hidden = Hidden::default();
    let messages = format!(
        r#"{{"role":"assistant","content":"{first_text}","tool_calls":["a-1"]}},{{"role":"tool","tool_call_id":"a-1"}}"#
    );
    hidden.add_round(first_text.as_bytes(), messages.as_bytes());
    hidden.end_with(last_text.as_bytes());
    if is_mixed {
        let own =
            r#"{"id":"o-1","type":"function","function":{"name":"own","arguments":"{\"n\": 1}"}}"#;
        hidden.add_call(br#"{"id":"a-2"}"#, false);
        hidden.add_call(own.as_bytes(), true);
        hidden.add_call(br#"{"id":"a-3"}"#, false);
        hidden.add_result(br#"{"role":"tool","tool_call_id":"a-2"}"#);
        hidden.add_result(br#"{"role":"tool","tool_call_id":"a-3"}"#);
    }
    Arc::new(hidden.anchored(ASKED.as_bytes()).unwrap())
}

const ASKED: &str = r#"{"role":"user","content":"list \u0066iles"}"#;

fn spliced(body: &str, turn: &Arc<HiddenTurn>) -> (usize, String) {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let mut request = Envelope::parse(bytes, &EnvelopeLimits::default()).unwrap();
    let mut find = |anchor| turn.anchors().contains(&anchor).then(|| Arc::clone(turn));
    let count = splice_turns(DialectId::OpenAiChat, &mut request, &mut find);
    (
        count,
        String::from_utf8(request.to_bytes().to_vec()).unwrap(),
    )
}

#[track_caller]
fn check(before: &str, turn: &Arc<HiddenTurn>, after: &str) {
    let body = |messages: &str| format!(r#"{{ "messages" : [{messages}], "n":1.0 }}"#);
    let (count, text) = spliced(&body(before), turn);
    assert_eq!(text, body(after));
    assert_eq!(count, usize::from(before != after));
    serde_json::from_str::<Json>(&text).unwrap();
}

#[test]
fn hidden_rounds_go_before_the_answer_that_the_client_saw() {
    let turn = hidden("I look. ", "Done.", false);
    let hidden = r#"{"role":"assistant","content":"I look. ","tool_calls":["a-1"]},{"role":"tool","tool_call_id":"a-1"}"#;
    let system = r#" {"role":"system","content":"be good"} "#;
    let next = r#"{"role":"user","content":"and now?"}"#;
    let seen = r#"{ "content":"I look. Done." , "role":"assistant","refusal":null}"#;
    let kept = r#"{ "content":"Done." , "role":"assistant","refusal":null}"#;
    check(
        &format!("{system},{ASKED} , {seen} ,{next}"),
        &turn,
        &format!("{system},{ASKED} , {hidden},{kept} ,{next}"),
    );
    // Other spellings of the same, and marks for caches.
    let asked = r#"{"content":[{"type":"text","text":"list ","cache_control":{"type":"ephemeral"}},{"type":"text","text":"files"}],"role":"user"}"#;
    let parts = r#"{"role":"assistant","content":[{"type":"text","text":"I look. Done."}]}"#;
    check(
        &format!("{asked},{parts}"),
        &turn,
        &format!(r#"{asked},{hidden},{{"role":"assistant","content":"Done."}}"#),
    );
}

#[test]
fn hidden_calls_go_among_the_clients_own() {
    let turn = hidden("", "On it.", true);
    let own = r#"{"type":"function","id":"o-1","function":{"arguments":"{\"n\":1}","name":"own"}}"#;
    let seen = format!(r#"{{"role":"assistant","content":"On it.","tool_calls":[ {own} ]}}"#);
    let result = r#"{"role":"tool","tool_call_id":"o-1","content":"x"}"#;
    let (count, text) = spliced(
        &format!(r#"{{"messages":[{ASKED},{seen},{result}]}}"#),
        &turn,
    );
    assert_eq!(count, 1);
    let request: Json = serde_json::from_str(&text).unwrap();
    let said: Vec<Json> = request["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| {
            let calls = message["tool_calls"].as_array().into_iter().flatten();
            let ids: Vec<&Json> = calls.map(|call| call.get("id").unwrap_or(call)).collect();
            json!([message["role"], message["tool_call_id"], ids])
        })
        .collect();
    assert_eq!(
        Json::from(said),
        json!([
            ["user", null, []],
            ["assistant", null, ["a-1"]],
            ["tool", "a-1", []],
            ["assistant", null, ["a-2", "o-1", "a-3"]],
            ["tool", "a-2", []],
            ["tool", "a-3", []],
            ["tool", "o-1", []],
        ])
    );
    assert!(text.contains(own), "{text}");
}

#[test]
fn a_client_may_cut_white_space_off() {
    let turn = hidden(" I look.\\n", "Done.\\n", false);
    let seen = r#"{"role":"assistant","content":"I look.\nDone."}"#;
    let after = r#"{"role":"assistant","content":" I look.\n","tool_calls":["a-1"]},{"role":"tool","tool_call_id":"a-1"},{"role":"assistant","content":"Done.\n"}"#;
    check(
        &format!("{ASKED},{seen}"),
        &turn,
        &format!("{ASKED},{after}"),
    );
}

#[test]
fn reasoning_of_hidden_rounds_is_not_said_twice() {
    let mut turn = Hidden::default();
    turn.add_round(b"a", br#"{"role":"assistant"},{"role":"tool"}"#);
    turn.end_with(b"b");
    turn.add_member("reasoning", Some(br#""r2""#.to_vec()));
    turn.add_member("details", None);
    let turn = Arc::new(turn.anchored(ASKED.as_bytes()).unwrap());
    let seen = r#"{"details":[1], "reasoning":"r1r2","role":"assistant","content":"ab","x":1}"#;
    let kept = r#"{ "reasoning":"r2","role":"assistant","content":"b","x":1}"#;
    check(
        &format!("{ASKED},{seen}"),
        &turn,
        &format!(r#"{ASKED},{{"role":"assistant"}},{{"role":"tool"}},{kept}"#),
    );
    let plain = r#"{"role":"assistant","content":"ab"}"#;
    check(
        &format!("{ASKED},{plain}"),
        &turn,
        &format!(
            r#"{ASKED},{{"role":"assistant"}},{{"role":"tool"}},{{"role":"assistant","content":"b"}}"#
        ),
    );
}

#[test]
fn a_history_that_is_another_stays_as_it_is() {
    let turn = hidden("I look. ", "Done.", false);
    let seen = r#"{"role":"assistant","content":"I look. Done."}"#;
    let check = |messages: &str| check(messages, &turn, messages);
    check(seen);
    check(&format!("{seen},{ASKED}"));
    check(&format!(
        r#"{ASKED},{{"role":"user","content":"I look. Done."}}"#
    ));
    check(&format!(
        r#"{ASKED},{{"role":"assistant","content":"I look. Done. "}}"#
    ));
    let call = r#"{"id":"o-1","function":{"name":"own"}}"#;
    check(&format!(
        r#"{ASKED},{{"role":"assistant","content":"I look. Done.","tool_calls":[{call}]}}"#
    ));
    check(&format!(r#"{ASKED},{{"role":"assistant"}},{seen}"#));
    check("");
    for body in [r#"{"messages":{}}"#, r#"{"messages":null}"#, "{}"] {
        assert_eq!(spliced(body, &turn), (0, body.to_owned()));
    }
}

#[test]
fn a_turn_is_put_back_once_at_the_last_place() {
    let turn = hidden("a", "b", false);
    let seen = r#"{"role":"assistant","content":"ab"}"#;
    let twice = format!("{ASKED},{seen}");
    let (count, text) = spliced(&format!(r#"{{"messages":[{twice},{twice}]}}"#), &turn);
    assert_eq!(count, 1);
    assert!(
        text.starts_with(&format!(r#"{{"messages":[{twice},{ASKED},{{"role""#)),
        "{text}"
    );
}

#[test]
fn an_answer_that_ends_with_nothing_leaves_no_empty_message() {
    let turn = hidden("a", "", false);
    let seen = r#"{"role":"assistant","content":"a"}"#;
    let after = r#"{"role":"assistant","content":"a","tool_calls":["a-1"]},{"role":"tool","tool_call_id":"a-1"}"#;
    check(
        &format!("{ASKED},{seen}"),
        &turn,
        &format!("{ASKED},{after}"),
    );
    assert!(Hidden::default().anchored(ASKED.as_bytes()).is_none());
}
