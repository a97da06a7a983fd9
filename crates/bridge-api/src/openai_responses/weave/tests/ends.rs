//! How rounds end, and what becomes of their calls.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;

#[test]
fn calls_of_a_round_that_did_not_end_well_are_not_made() {
    for end in ["incomplete", "failed", "cancelled"] {
        let items = vec![text("m1", "I look"), call("c1", OURS)];
        let round = Round {
            end,
            ..Round::new("r1", items)
        };
        let mut loom = Loom::new(&hello());
        assert_eq!(loom.told(&round.stream()).unwrap(), RoundEnd::Over, "{end}");
        let stream = loom.finish();
        assert!(!stream.contains("bmcp_"), "{stream}");
        let events = data(&stream);
        let last = events.last().unwrap();
        assert_eq!(last["type"], format!("response.{end}"));
        assert_eq!(last["response"]["output"], json!([text("m1", "I look")]));

        let mut loom = Loom::new(&hello());
        loom.weave.whole(Bytes::from(round.body())).unwrap();
        assert_eq!(loom.weave.end_round(), RoundEnd::Over);
        let body = loom.weave.finish_whole();
        assert!(!String::from_utf8_lossy(&body).contains("bmcp_"));
    }
    // A stream that breaks off, and one that fails without a word about the answer.
    let whole = Round::new("r1", vec![call("c1", OURS)]).stream();
    let cut = whole.find("event: response.completed").unwrap();
    let error = "event: error\ndata: {\"type\":\"error\",\"message\":\"no\"}\n\n";
    for stream in [
        whole[..cut].to_owned(),
        format!("{}{error}", &whole[..cut]),
        // Whatever is said after a failure, or after another end.
        format!(
            "{}{}{}",
            &whole[..cut],
            whole[cut..].replace("completed", "incomplete"),
            &whole[cut..]
        ),
        format!("{}{error}{}", &whole[..cut], &whole[cut..]),
    ] {
        let mut loom = Loom::new(&hello());
        assert_eq!(loom.told(&stream).unwrap(), RoundEnd::Over);
        assert!(!loom.finish().contains("bmcp_"));
    }
}

#[test]
fn a_call_that_is_not_whole_is_not_made() {
    let mut half = call("c1", OURS);
    half["status"] = "incomplete".into();
    let mut loom = Loom::new(&hello());
    let calls = loom.calls(&Round::new("r1", vec![half, call("c2", OURS)]).stream());
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].call_id, "c2");
    loom.go_on(&[("c2", "x")]);
    assert!(!loom.member("input").to_string().contains("c1"));
}

#[test]
fn mixed_turns_end_with_the_clients_calls() {
    let items = vec![call("c1", OURS), call("c2", "add"), text("m", "x")];
    for is_repeated in [true, false] {
        let round = Round {
            is_repeated,
            ..Round::new("r1", items.clone())
        };
        let mut loom = Loom::new(&hello());
        let end = loom.told(&round.stream()).unwrap();
        assert!(
            matches!(&end, RoundEnd::Mixed(calls) if calls.len() == 1),
            "{end:?}"
        );
        let so_far = String::from_utf8(loom.out.clone()).unwrap();
        assert!(!so_far.contains("response.completed"));
        loom.weave.keep(vec![said("c1", "x")]);
        let events = data(&loom.finish());
        let places = events.iter().filter_map(|it| it["output_index"].as_u64());
        assert_eq!(places.collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1]);
        let output = &events.last().unwrap()["response"]["output"];
        let expected = if is_repeated { &items[1..] } else { &[] };
        assert_eq!(output, &json!(expected));
    }
}

#[test]
fn only_what_waits_for_the_client_makes_a_turn_mixed() {
    let check = |item: Value, is_mixed: bool| {
        let round = Round::new("r1", vec![item.clone(), call("c1", OURS)]);
        let mut loom = Loom::new(&hello());
        loom.weave.whole(Bytes::from(round.body())).unwrap();
        let end = loom.weave.end_round();
        assert_eq!(matches!(end, RoundEnd::Mixed(_)), is_mixed, "{item}");
    };
    check(
        json!({"type": "custom_tool_call", "call_id": "x", "name": "patch"}),
        true,
    );
    check(
        json!({"type": "local_shell_call", "id": "l", "call_id": "x"}),
        true,
    );
    check(json!({"type": "mcp_approval_request", "id": "a"}), true);
    check(
        json!({"type": "tool_search_call", "execution": "client", "call_id": "x"}),
        true,
    );
    check(
        json!({"type": "function_call", "call_id": "x", "name": OURS, "namespace": "theirs"}),
        true,
    );
    check(
        json!({"type": "tool_search_call", "execution": "server", "call_id": "x"}),
        false,
    );
    check(json!({"type": "web_search_call", "id": "w"}), false);
    check(
        json!({"type": "mcp_call", "id": "m", "name": "x", "output": "y"}),
        false,
    );
    check(json!({"type": "code_interpreter_call", "id": "x"}), false);
}

#[test]
fn shells_that_the_provider_runs_do_not_wait_for_the_client() {
    let items = vec![
        json!({"type": "shell_call", "call_id": "x"}),
        json!({"type": "shell_call_output", "call_id": "x"}),
        call("c1", OURS),
    ];
    let mut loom = Loom::new(&hello());
    let end = loom.told(&Round::new("r1", items).stream()).unwrap();
    assert!(matches!(end, RoundEnd::Calls(_)), "{end:?}");
}

#[test]
fn the_client_is_told_of_the_answer_that_it_went_on_from() {
    let mut request = hello();
    request["previous_response_id"] = "r0".into();
    let round = |id: &'static str, previous: &str, items: Vec<Value>| {
        let previous = format!(r#""status":"in_progress","previous_response_id":"{previous}""#);
        let stream = Round::new(id, items).stream();
        // Only answers have a status beside their tools.
        stream
            .replace(
                r#""status":"in_progress","tools""#,
                &format!(r#"{previous},"tools""#),
            )
            .replace(
                r#""status":"completed","tools""#,
                &format!(
                    r#"{},"tools""#,
                    previous.replace("in_progress", "completed")
                ),
            )
    };
    let previous = |stream: &str| {
        let events = data(stream);
        let answers = events.iter().map(|event| &event["response"]);
        let answers = answers.filter(|answer| answer.is_object());
        let ids = answers.map(|answer| answer["previous_response_id"].clone());
        ids.collect::<Vec<_>>()
    };
    // Of several rounds the last goes on from the one before it.
    let mut loom = Loom::new(&request);
    loom.calls(&round("r1", "r0", vec![call("c1", OURS)]));
    loom.go_on(&[("c1", "x")]);
    loom.told(&round("r2", "r1", vec![text("m1", "hi")]))
        .unwrap();
    assert_eq!(previous(&loom.finish()), ["r0", "r0", "r0"]);

    // The request may have been made to go on from another answer than the client knows.
    let mut loom = Loom::new(&request);
    loom.told(&round("r1", "hidden", vec![text("m1", "hi")]))
        .unwrap();
    assert_eq!(previous(&loom.finish()), ["r0", "r0", "r0"]);

    let mut loom = Loom::new(&request);
    let body = r#"{"id":"r1","status":"completed","output":[],"previous_response_id":"hidden"}"#;
    loom.weave.whole(Bytes::from(body)).unwrap();
    assert_eq!(loom.weave.end_round(), RoundEnd::Over);
    assert_eq!(loom.weave.finish_whole(), body.replace("hidden", "r0"));

    // A client that went on from nothing is told of nothing.
    let mut loom = Loom::new(&hello());
    loom.weave.whole(Bytes::from(body)).unwrap();
    assert_eq!(loom.weave.end_round(), RoundEnd::Over);
    assert_eq!(loom.weave.finish_whole(), body);
}
