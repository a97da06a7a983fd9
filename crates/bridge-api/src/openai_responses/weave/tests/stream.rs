//! Rounds that go well.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;

#[test]
fn a_round_without_our_calls_goes_through_but_for_our_tools() {
    let items = vec![thought("rs", "e"), text("ms", "hi"), call("c1", "add")];
    let stream = Round::new("r1", items).stream();
    let mut loom = Loom::new(&hello());
    assert_eq!(loom.told(&stream).unwrap(), RoundEnd::Over);
    let ours = format!(
        r#",{{"name":"{OURS}","type":"function"}},{{"name":"bmcp_srv_go","type":"function"}}"#
    );
    assert_eq!(loom.finish(), stream.replace(&ours, ""));
}

#[test]
fn two_rounds_are_one_answer() {
    let mut loom = Loom::new(&hello());
    let first = vec![
        thought("rs1", "e1"),
        text("m1", "I look"),
        call("c1", OURS),
        call("c2", OURS),
    ];
    let calls = loom.calls(&Round::new("r1", first).stream());
    let made: Vec<_> = calls
        .iter()
        .map(|it| (it.call_id.as_str(), it.response_id.as_str()))
        .collect();
    assert_eq!(made, [("c1", "r1"), ("c2", "r1")]);
    assert_eq!(calls[0].input.as_deref(), Ok(r#"{"a":1.50}"#));
    // Results in another order than the calls, and one that is missing.
    loom.go_on(&[("c2", "two")]);
    let input = loom.member("input");
    let kinds: Vec<_> = input
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["type"].as_str().unwrap_or("user"))
        .collect();
    assert_eq!(
        kinds,
        [
            "user",
            "reasoning",
            "message",
            "function_call",
            "function_call",
            "function_call_output",
            "function_call_output"
        ]
    );
    assert_eq!(input[0], json!({"role": "user", "content": "hello"}));
    assert_eq!(
        (&input[5]["call_id"], &input[5]["output"]),
        (&json!("c1"), &json!("Error: the tool was not run"))
    );
    assert_eq!(
        (&input[6]["call_id"], &input[6]["output"]),
        (&json!("c2"), &json!("two"))
    );

    let second = vec![thought("rs2", "e2"), text("m2", "found")];
    let end = loom.told(&Round::new("r2", second).stream()).unwrap();
    assert_eq!(end, RoundEnd::Over);
    let stream = loom.finish();
    assert!(!stream.contains("bmcp_"), "{stream}");
    let events = data(&stream);
    let numbers: Vec<_> = events
        .iter()
        .map(|it| it["sequence_number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let created = events.iter().filter(|it| it["type"] == "response.created");
    assert_eq!(created.count(), 1);
    let done: Vec<_> = events
        .iter()
        .filter(|it| it["type"] == "response.output_item.done")
        .map(|it| {
            (
                it["output_index"].as_u64().unwrap(),
                it["item"]["id"].clone(),
            )
        })
        .collect();
    let expected = [(0, "rs1"), (1, "m1"), (2, "rs2"), (3, "m2")];
    assert_eq!(done, expected.map(|(at, id)| (at, json!(id))));
    let last = events.last().unwrap();
    // Clients refuse an answer that ends under another id than it began.
    assert_eq!(last["response"]["id"], "r1");
    let output: Vec<_> = last["response"]["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].clone())
        .collect();
    assert_eq!(output, ["rs1", "m1", "rs2", "m2"]);
    assert_eq!(
        last["response"]["usage"],
        json!({
            "input_tokens": 200, "input_tokens_details": {"cached_tokens": 128},
            "output_tokens": 40, "output_tokens_details": {"reasoning_tokens": 14},
            "total_tokens": 240,
        })
    );
}

#[test]
fn figures_of_the_last_round_can_be_told_alone() {
    let config = WeaveConfig {
        usage: UsageTold::Last,
        ..WeaveConfig::default()
    };
    let mut loom = Loom::with(&hello(), config);
    loom.calls(&Round::new("r1", vec![call("c1", OURS)]).stream());
    loom.go_on(&[("c1", "x")]);
    loom.told(&Round::new("r2", vec![text("m", "x")]).stream())
        .unwrap();
    let events = data(&loom.finish());
    let usage = &events.last().unwrap()["response"]["usage"];
    assert_eq!(usage["total_tokens"], 120);
}

#[test]
fn whole_answers_are_woven_by_the_same_rules() {
    let mut loom = Loom::new(&hello());
    let first = Round::new("r1", vec![text("m1", "I look"), call("c1", OURS)]);
    loom.weave.whole(Bytes::from(first.body())).unwrap();
    assert!(matches!(loom.weave.end_round(), RoundEnd::Calls(calls) if calls.len() == 1));
    loom.go_on(&[("c1", "x")]);
    let last = Round::new("r2", vec![text("m2", "found")]);
    loom.weave.whole(Bytes::from(last.body())).unwrap();
    assert_eq!(loom.weave.end_round(), RoundEnd::Over);
    let body: Value = serde_json::from_slice(&loom.weave.finish_whole()).unwrap();
    let mut expected = last.response("completed", &[text("m1", "I look"), text("m2", "found")]);
    expected["tools"] = json!([{"type": "function", "name": "add"}]);
    expected["usage"] = json!({
        "input_tokens": 200, "input_tokens_details": {"cached_tokens": 128},
        "output_tokens": 40, "output_tokens_details": {"reasoning_tokens": 14},
        "total_tokens": 240,
    });
    assert_eq!(body, expected);
}

#[test]
fn a_whole_answer_of_one_round_keeps_its_bytes() {
    for body in [
        Round {
            echo: json!([]),
            ..Round::new("r1", vec![text("m", "hi"), call("c", "add")])
        }
        .body(),
        r#"{"error":{"message":"no"}}"#.to_owned(),
        "<html>".to_owned(),
        String::new(),
        r#"{"output":[{"type":"function_call","name":"bmcp_srv_look""#.to_owned(),
    ] {
        let mut loom = Loom::new(&hello());
        loom.weave.whole(Bytes::from(body.clone())).unwrap();
        assert_eq!(loom.weave.end_round(), RoundEnd::Over);
        assert_eq!(loom.weave.finish_whole(), body);
    }
}
