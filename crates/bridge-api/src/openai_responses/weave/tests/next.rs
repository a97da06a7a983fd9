//! The request that follows a round.

use serde_json::{Value, json};

use super::*;

/// Every member of the next request that matters.
fn next(request: &Value, round: &Round) -> Value {
    let mut loom = Loom::new(request);
    loom.calls(&round.stream());
    loom.go_on(&[("c1", "x")]);
    json!({
        "input": loom.member("input"),
        "previous_response_id": loom.member("previous_response_id"),
        "conversation": loom.member("conversation"),
    })
}

#[test]
fn the_next_request_tells_what_the_provider_does_not_know() {
    let result = json!({"type": "function_call_output", "call_id": "c1", "output": "x"});
    let items = || vec![thought("rs1", "e"), text("m1", "hi"), call("c1", OURS)];
    let user = json!({"role": "user", "content": "hello"});
    let check = |more: Value, round: Round, previous: Value, expected: Vec<&Value>| {
        let mut request = json!({"model": "m", "input": [user]});
        let more = more.as_object().unwrap().clone();
        request.as_object_mut().unwrap().extend(more);
        let next = next(&request, &round);
        assert_eq!(next["previous_response_id"], previous);
        assert_eq!(next["input"], json!(expected));
    };
    let (thought_item, text_item, call_item) =
        (thought("rs1", "e"), text("m1", "hi"), call("c1", OURS));
    let all = vec![&user, &thought_item, &text_item, &call_item, &result];
    check(
        json!({}),
        Round::new("r1", items()),
        Value::Null,
        all.clone(),
    );
    let chained = json!({"previous_response_id": "r0"});
    check(
        chained.clone(),
        Round::new("r1", items()),
        json!("r1"),
        vec![&result],
    );
    // Without an id nothing can be gone on from.
    check(chained, Round::new("", items()), json!("r0"), all);
    check(
        json!({"conversation": "conv"}),
        Round::new("r1", items()),
        Value::Null,
        vec![&result],
    );
    check(
        json!({"conversation": {"id": "conv"}}),
        Round::new("r1", items()),
        Value::Null,
        vec![&result],
    );

    // What is not kept has no ids, and only such reasoning as can be read again.
    let stripped = |mut item: Value| {
        item.as_object_mut().unwrap().remove("id");
        item
    };
    let (kept_thought, kept_text, kept_call) = (
        stripped(thought_item),
        stripped(text_item),
        stripped(call_item.clone()),
    );
    let store = json!({"store": false, "previous_response_id": "r0"});
    check(
        store.clone(),
        Round::new("r1", items()),
        json!("r0"),
        vec![&user, &kept_thought, &kept_text, &kept_call, &result],
    );
    let image = json!({"type": "image_generation_call", "id": "ig", "result": "AA=="});
    let items = vec![
        json!({"type": "reasoning", "id": "rs1", "summary": []}),
        image.clone(),
        call_item,
    ];
    check(
        store,
        Round::new("r1", items),
        json!("r0"),
        vec![&user, &image, &kept_call, &result],
    );
}

#[test]
fn what_only_answers_say_is_left_out() {
    let mut search = json!({"type": "tool_search_call", "execution": "server", "id": "ts"});
    search["created_by"] = "somebody".into();
    let round = Round::new("r1", vec![search, call("c1", OURS)]);
    let next = next(&hello(), &round);
    let expected = json!({"type": "tool_search_call", "execution": "server", "id": "ts"});
    assert_eq!(next["input"][1], expected);
}

#[test]
fn a_third_round_goes_on_from_the_second() {
    let request = json!({"model": "m", "input": "hello", "previous_response_id": "r0"});
    let mut loom = Loom::new(&request);
    for (id, call_id) in [("r1", "c1"), ("r2", "c2")] {
        loom.calls(&Round::new(id, vec![call(call_id, OURS)]).stream());
        loom.go_on(&[(call_id, "x")]);
        assert_eq!(loom.member("previous_response_id"), id);
        assert_eq!(loom.member("input")[0]["call_id"], call_id);
        assert_eq!(loom.member("input").as_array().unwrap().len(), 1);
    }
    let mut loom = Loom::new(&hello());
    for (id, call_id) in [("r1", "c1"), ("r2", "c2")] {
        loom.calls(&Round::new(id, vec![call(call_id, OURS)]).stream());
        loom.go_on(&[(call_id, "x")]);
    }
    assert_eq!(loom.member("input").as_array().unwrap().len(), 5);
}

#[test]
fn broken_items_never_get_into_a_request() {
    let stream = concat!(
        "data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"message\",\"x\":nonsense}}\n\n",
        "data: {\"type\":\"response.output_item.done\",\"output_index\":2,\"item\":truex}\n\n",
        "data: {\"type\":\"response.output_item.done\",\"output_index\":1,\"item\":{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"bmcp_srv_look\"}}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r1\"}}\n\n",
    );
    let mut loom = Loom::new(&hello());
    loom.calls(stream);
    loom.go_on(&[("c1", "x")]);
    assert_eq!(loom.member("input").as_array().unwrap().len(), 3);
}
