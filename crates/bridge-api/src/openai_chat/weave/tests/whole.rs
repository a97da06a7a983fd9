//! Rounds that are no streams.

use super::*;

fn body(message: &str, reason: &str, tokens: u64) -> String {
    format!(
        r#"{{ "id":"c-{tokens}", "choices":[{{"index":0,"message":{message},"finish_reason":"{reason}"}}],"usage":{{"n":{tokens}}} }}"#
    )
}

#[track_caller]
fn check(bodies: &[&str], ends: &[&str], told: &str) {
    let mut turn = turn();
    for body in bodies {
        turn.weave
            .whole(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap();
        turn.end_round();
    }
    assert_eq!(turn.ends, ends);
    let whole = turn.weave.finish_whole();
    assert_eq!(std::str::from_utf8(&whole).unwrap(), told);
}

#[test]
fn bodies_without_injected_calls_stay_as_they_are() {
    let own = call(0, "o-1", "own", "");
    let own = format!(r#"{{"role":"assistant", "content":null,"tool_calls":[ {own} ],"x":1.0}}"#);
    for told in [
        &*body(&own, "tool_calls", 3),
        "nonsense",
        "[]",
        "{\"a\":",
        "{}",
        "",
    ] {
        check(&[told], &["over"], told);
    }
}

#[test]
fn bodies_become_one() {
    let injected = call(0, "a-1", "bmcp_a", "{}");
    let first = format!(
        r#"{{"role":"assistant","content":"I \"look\". ","reasoning":"r1","tool_calls":[{injected}]}}"#
    );
    let last = r#"{"role":"assistant","content":"Done\n.","refusal":null}"#;
    let joined =
        r#"{"role":"assistant","content":"I \"look\". Done\n.","refusal":null,"reasoning":"r1"}"#;
    check(
        &[&body(&first, "tool_calls", 3), &body(last, "stop", 4)],
        &["calls a-1 bmcp_a {}", "over"],
        &body(joined, "stop", 4).replace("\"n\":4", "\"n\":7"),
    );
    let own = call(1, "o-1", "own", "{}");
    let mixed = format!(r#"{{"content":null,"tool_calls":[{injected} ,{own}]}}"#);
    let told = format!(r#"{{"content":"I \"look\". ","tool_calls":[{own}],"reasoning":"r1"}}"#);
    check(
        &[
            &body(&first, "tool_calls", 3),
            &body(&mixed, "tool_calls", 4),
        ],
        &["calls a-1 bmcp_a {}", "mixed a-1 bmcp_a {}"],
        &body(&told, "tool_calls", 4).replace("\"n\":4", "\"n\":7"),
    );
}

#[test]
fn an_answer_in_several_choices_is_one() {
    let choice = |message: &str| format!(r#"{{"finish_reason":"tool_calls","message":{message}}}"#);
    let called = |call: String| choice(&format!(r#"{{"role":"assistant","tool_calls":[{call}]}}"#));
    let text = choice(r#"{"role":"assistant","content":"a"}"#);
    let body = |choices: &[&str]| format!(r#"{{"choices":[{}]}}"#, choices.join(","));
    let hidden = called(call(0, "a-1", "bmcp_a", "{}"));
    let own = called(call(0, "o-1", "own", "{}"));
    check(
        &[&body(&[&text, &hidden, &own])],
        &["mixed a-1 bmcp_a {}"],
        &body(&[&text, &own]),
    );
    let last = r#"{"choices":[{"message":{"content":"b"}}]}"#;
    check(
        &[&body(&[&text, &hidden]), last],
        &["calls a-1 bmcp_a {}", "over"],
        r#"{"choices":[{"message":{"content":"ab"}}]}"#,
    );
}

#[test]
fn calls_of_a_body_that_was_cut_short_are_taken_out() {
    let injected = call(0, "a-1", "bmcp_a", "{}");
    let message = format!(r#"{{"content":"a","tool_calls":[{injected}]}}"#);
    let told = body(r#"{"content":"a"}"#, "length", 3);
    check(&[&body(&message, "length", 3)], &["over"], &told);
}

#[test]
fn a_message_of_which_nothing_is_left_gets_the_earlier_texts() {
    let injected = call(0, "a-1", "bmcp_a", "{}");
    let first = format!(r#"{{"content":"a","tool_calls":[{injected}]}}"#);
    let last = format!(r#"{{"tool_calls":[{injected}]}}"#);
    check(
        &[&body(&first, "tool_calls", 3), &body(&last, "length", 4)],
        &["calls a-1 bmcp_a {}", "over"],
        &body(r#"{"content":"a"}"#, "length", 7).replace("c-7", "c-4"),
    );
}
