//! Reasoning that is told in fragments.

use super::*;

#[test]
fn thoughts_that_were_told_in_fragments_are_said_again_as_they_were_signed() {
    let details = |items: &str| delta("c", &format!(r#"{{"reasoning_details":[{items}]}}"#));
    let text = |index: u64, text: &str| {
        format!(r#"{{"type":"reasoning.text","text":"{text}","format":"f","index":{index}}}"#)
    };
    let sign = |index: u64| {
        format!(
            r#"{{"type":"reasoning.text","signature":"s{index}","format":"f","index":{index}}}"#
        )
    };
    let sealed = r#"{"type":"reasoning.encrypted","data":"d", "index":0}"#;
    let mut turn = turn();
    assert!(turn.streamed(&[
        &details(&text(0, "a")),
        &details(&text(0, "\\ud83d")),
        &details(sealed),
        &details(&text(0, "\\ude00")),
        &details(&sign(0)),
        &details(&format!("{},{}", text(1, "b"), sign(1))),
        &details(r#"{"type":"reasoning.text","text":"c"}"#),
        &details(r#"{"type":"reasoning.text","text":"d"}"#),
        &delta("c", &calls(&[call(0, "a-1", "bmcp_a", "{}")])),
        DONE,
    ]));
    let signed = |index: u64, text: &str| {
        format!(
            r#"{{"type":"reasoning.text","text":"{text}","format":"f","index":{index},"signature":"s{index}"}}"#
        )
    };
    let expected = [
        &signed(0, "a\\ud83d\\ude00"),
        sealed,
        &signed(1, "b"),
        r#"{"type":"reasoning.text","text":"c"}"#,
        r#"{"type":"reasoning.text","text":"d"}"#,
    ];
    let expected = format!(r#""reasoning_details":[{}]"#, expected.join(","));
    let body = turn.request.to_bytes();
    let body = std::str::from_utf8(&body).unwrap();
    assert!(body.contains(&expected), "{body}");
}

#[test]
fn blocks_of_reasoning_of_all_rounds_are_apart() {
    let details = |id: &str, index: u64, rest: &str| {
        let item = format!(r#"{{"type":"reasoning.text","index":{index},{rest}}}"#);
        delta(id, &format!(r#"{{"reasoning_details":[{item}]}}"#))
    };
    let called = |id: &str| delta(id, &calls(&[call(0, "a-1", "bmcp_a", "{}")]));
    let round = |id: &str| {
        [
            details(id, 0, r#""text":"a""#),
            details(id, 1, r#""signature":"s""#),
        ]
    };
    let ([one, two], [three, four]) = (round("c-1"), round("c-2"));
    let nothing = delta("c-3", r#"{"reasoning_details":[]}"#);
    let last = details("c-4", 0, r#""text":"b""#);
    check(
        &[
            &[&one, &two, &called("c-1"), DONE],
            &[&three, &four, &called("c-2"), DONE],
            &[&nothing, &called("c-3"), DONE],
            &[&last, DONE],
        ],
        &[
            "calls a-1 bmcp_a {}",
            "calls a-1 bmcp_a {}",
            "calls a-1 bmcp_a {}",
            "over",
        ],
        &[
            &one,
            &two,
            &details("c-1", 2, r#""text":"a""#),
            &details("c-1", 3, r#""signature":"s""#),
            &nothing.replace("c-3", "c-1"),
            &details("c-1", 4, r#""text":"b""#),
            DONE,
        ],
    );
}
