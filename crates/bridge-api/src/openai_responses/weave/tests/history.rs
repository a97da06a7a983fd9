//! What the client did not see goes back into its next request.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::{HiddenTurn, splice};

/// Hidden turns by their anchors.
#[derive(Default)]
struct Memory(HashMap<u128, Arc<HiddenTurn>>);

impl Memory {
    fn keep(&mut self, turn: HiddenTurn) {
        let turn = Arc::new(turn);
        for anchor in turn.anchors() {
            self.0.insert(*anchor, Arc::clone(&turn));
        }
    }

    /// A turn of these rounds, after this request.
    fn turn(&mut self, request: &Value, rounds: &[Vec<Value>]) {
        let mut loom = Loom::new(request);
        let ids = ["r1", "r2", "r3"];
        for (id, items) in ids.into_iter().zip(rounds) {
            let calls = match loom.told(&Round::new(id, items.clone()).stream()).unwrap() {
                RoundEnd::Over => break,
                RoundEnd::Calls(calls) => calls,
                RoundEnd::Mixed(calls) => {
                    let results = calls.iter().map(|call| said(&call.call_id, "x"));
                    loom.weave.keep(results.collect());
                    break;
                }
            };
            let results: Vec<_> = calls.iter().map(|it| (&*it.call_id, "x")).collect();
            loom.go_on(&results);
        }
        loom.weave.finish(&mut loom.out);
        if let Some(turn) = loom.weave.hidden_turn() {
            self.keep(turn);
        }
    }

    /// How many turns were put back into a request, and its input then.
    fn splice(&self, request: &Value) -> (usize, Value) {
        let body = Bytes::from(request.to_string());
        let mut request = Envelope::parse(body.clone(), &EnvelopeLimits::default()).unwrap();
        let mut find = |anchor| self.0.get(&anchor).cloned();
        let count = splice(DialectId::OpenAiResponses, &mut request, &mut find);
        assert!(count > 0 || request.to_bytes() == body);
        let input = request.get("input").unwrap();
        (count, serde_json::from_str(input).unwrap())
    }
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn result(call_id: &str) -> Value {
    json!({"type": "function_call_output", "call_id": call_id, "output": "x"})
}

fn without(names: &[&str], mut item: Value) -> Value {
    for name in names {
        item.as_object_mut().unwrap().remove(*name);
    }
    item
}

/// Two rounds of reasoning and calls of ours, and an answer.
fn rounds() -> [Vec<Value>; 3] {
    [
        vec![thought("rs1", "e1"), call("c1", OURS), call("c2", OURS)],
        vec![thought("rs2", "e2"), text("m1", "hm"), call("c3", OURS)],
        vec![thought("rs3", "e3"), text("m2", "so")],
    ]
}

#[test]
fn calls_and_results_stand_where_they_were() {
    let mut memory = Memory::default();
    memory.turn(&hello(), &rounds());
    // A client that keeps ids.
    let seen = [
        user("hello"),
        thought("rs1", "e1"),
        thought("rs2", "e2"),
        text("m1", "hm"),
        thought("rs3", "e3"),
        text("m2", "so"),
        user("and?"),
    ];
    let (count, input) = memory.splice(&json!({"input": seen}));
    assert_eq!(count, 1);
    let [one, two, three] = ["c1", "c2", "c3"].map(|id| call(id, OURS));
    let expected = json!([
        seen[0],
        seen[1],
        one,
        two,
        result("c1"),
        result("c2"),
        seen[2],
        seen[3],
        three,
        result("c3"),
        seen[4],
        seen[5],
        seen[6],
    ]);
    assert_eq!(input, expected);

    // One that keeps none, nor states, and writes messages its own way.
    let stripped = |item: Value| without(&["id", "status"], item);
    let seen = [
        json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}),
        stripped(thought("rs1", "e1")),
        stripped(thought("rs2", "e2")),
        json!({"role": "assistant", "content": "hm"}),
        stripped(thought("rs3", "e3")),
        json!({"type": "message", "role": "assistant", "phase": null,
            "content": [{"type": "output_text", "text": "so"}]}),
        json!({"role": "developer", "content": "be quick"}),
        user("and?"),
    ];
    let (count, input) = memory.splice(&json!({"input": seen, "store": false}));
    assert_eq!((count, input.as_array().unwrap().len()), (1, 14));
    assert_eq!(input[2], without(&["id"], call("c1", OURS)));
}

#[test]
fn reasoning_may_have_been_dropped() {
    let mut memory = Memory::default();
    memory.turn(&hello(), &rounds());
    // What was encrypted may have changed, if all of it is there.
    let changed = ["e7", "e8", "e9"].map(|encrypted| thought("own", encrypted));
    let [one, two, three] = changed;
    let seen = json!([
        user("hello"),
        one,
        two,
        text("m1", "hm"),
        three,
        text("m2", "so")
    ]);
    assert_eq!(memory.splice(&json!({"input": seen})).0, 1);
    // What is not known at all may be anything.
    let seen = json!([user("hello"), one, text("m1", "hm"), text("m2", "so")]);
    assert_eq!(memory.splice(&json!({"input": seen})).0, 0);
    let seen = json!([
        user("hello"),
        thought("", "e2"),
        text("m1", "hm"),
        text("m2", "so")
    ]);
    let (count, input) = memory.splice(&json!({"input": seen}));
    assert_eq!((count, &input[5]), (1, &seen[1]));

    let seen = [user("hello"), text("m1", "hm"), text("m2", "so")];
    let (count, input) = memory.splice(&json!({"input": seen}));
    assert_eq!(count, 1);
    let ids = input.as_array().unwrap().iter().map(|item| {
        let id = item.get("call_id").or_else(|| item.get("id"));
        id.and_then(Value::as_str).unwrap_or("user").to_owned()
    });
    let ids: Vec<String> = ids.collect();
    let expected = ["user", "c1", "c2", "c1", "c2", "m1", "c3", "c3", "m2"];
    assert_eq!(ids, expected);
    // A call with an id would be looked for together with its reasoning.
    assert_eq!(input[1], without(&["id"], call("c1", OURS)));
}

#[test]
fn references_are_followed() {
    let mut memory = Memory::default();
    memory.turn(&hello(), &rounds());
    let ids = ["rs1", "rs2", "m1", "rs3", "m2"];
    let references = ids.map(|id| json!({"type": "item_reference", "id": id}));
    let mut seen = vec![user("hello")];
    seen.extend(references);
    let (count, input) = memory.splice(&json!({"input": seen}));
    assert_eq!((count, &input[2]), (1, &call("c1", OURS)));

    // A client that writes some items down, without ids, and drops reasoning.
    for first in [1, 2] {
        seen[3] = without(&["id"], text("m1", "hm"));
        let some = [&seen[..1], &seen[first..]].concat();
        let (count, input) = memory.splice(&json!({"input": some}));
        assert_eq!(count, 1, "{input}");
    }
    seen[5] = json!({"type": "item_reference", "id": "m9"});
    assert_eq!(memory.splice(&json!({"input": seen})).0, 0);
}

#[test]
fn another_history_stays_as_it_is() {
    let mut memory = Memory::default();
    memory.turn(&hello(), &rounds());
    let good = [
        user("hello"),
        thought("rs1", "e1"),
        thought("rs2", "e2"),
        text("m1", "hm"),
        thought("rs3", "e3"),
        text("m2", "so"),
    ];
    let check = |place: usize, other: Value| {
        let mut seen = good.clone();
        seen[place] = other;
        assert_eq!(memory.splice(&json!({"input": seen})).0, 0);
    };
    check(0, user("Hello"));
    check(1, text("m9", "more"));
    check(3, text("m1", "hmm"));
    check(3, call("c9", "add"));
    check(5, user("so"));
    let mut more = good.to_vec();
    more.push(call("c9", "add"));
    assert_eq!(memory.splice(&json!({"input": more})).0, 0);
    assert_eq!(memory.splice(&json!({"input": good[1..]})).0, 0);
    assert_eq!(memory.splice(&json!({"input": good[..4]})).0, 0);
    assert_eq!(memory.splice(&json!({"input": "hello"})).0, 0);
    assert_eq!(memory.splice(&json!({"input": null})).0, 0);
    assert_eq!(memory.splice(&json!({"input": good})).0, 1);
}

#[test]
fn several_turns_are_put_back_each_in_its_place() {
    let mut memory = Memory::default();
    memory.turn(&hello(), &[vec![call("c1", OURS)], vec![text("m1", "one")]]);
    let history = json!({"input": [user("hello"), text("m1", "one"), user("go on")]});
    memory.turn(&history, &[vec![call("c2", OURS)], vec![text("m2", "two")]]);
    let seen = [
        user("hello"),
        text("m1", "one"),
        user("go on"),
        text("m2", "two"),
        user("go on"),
    ];
    let (count, input) = memory.splice(&json!({"input": seen}));
    assert_eq!(count, 2);
    let expected = json!([
        seen[0],
        call("c1", OURS),
        result("c1"),
        seen[1],
        seen[2],
        call("c2", OURS),
        result("c2"),
        seen[3],
        seen[4],
    ]);
    assert_eq!(input, expected);
    // The same words twice are not the same turn twice.
    let again = [&seen[..4], &seen[2..]].concat();
    let (count, input) = memory.splice(&json!({"input": again}));
    assert_eq!(count, 2);
    assert_eq!(input.as_array().unwrap().len(), again.len() + 4);
}

#[test]
fn results_of_a_mixed_turn_come_beside_those_of_the_client() {
    let mixed = [vec![call("c1", OURS), call("c2", "add"), text("m", "x")]];
    let mut memory = Memory::default();
    memory.turn(&hello(), &mixed);
    // The client sends everything.
    let seen = [
        user("hello"),
        call("c2", "add"),
        text("m", "x"),
        result("c2"),
    ];
    let (count, input) = memory.splice(&json!({"input": seen}));
    assert_eq!(count, 1);
    let expected = json!([
        seen[0],
        call("c1", OURS),
        seen[1],
        seen[2],
        result("c1"),
        seen[3]
    ]);
    assert_eq!(input, expected);

    // The provider has everything but the results.
    let next = json!({"previous_response_id": "r1", "input": [result("c2")]});
    let both = json!([result("c1"), result("c2")]);
    assert_eq!(memory.splice(&next), (1, both.clone()));
    let other = json!({"previous_response_id": "r9", "input": [result("c2")]});
    assert_eq!(memory.splice(&other).0, 0);
    let none = json!({"previous_response_id": "r1", "input": "never mind"});
    assert_eq!(memory.splice(&none).0, 0);

    let mut memory = Memory::default();
    let request = json!({"model": "m", "input": "hello", "conversation": {"id": "v"}});
    memory.turn(&request, &mixed);
    let next = json!({"conversation": "v", "input": [result("c2")]});
    assert_eq!(memory.splice(&next), (1, both));
    let other = json!({"conversation": "v", "input": [result("c9")]});
    assert_eq!(memory.splice(&other).0, 0);
}

#[test]
fn a_client_goes_on_from_the_last_answer_under_the_id_of_the_first() {
    let next = |memory: &Memory, id: &str| {
        let request = json!({"previous_response_id": id, "input": "and?", "conversation": null});
        let body = Bytes::from(request.to_string());
        let mut request = Envelope::parse(body, &EnvelopeLimits::default()).unwrap();
        let mut find = |anchor| memory.0.get(&anchor).cloned();
        let count = splice(DialectId::OpenAiResponses, &mut request, &mut find);
        let id = request.get("previous_response_id").unwrap().to_owned();
        (count, id)
    };
    let mut memory = Memory::default();
    memory.turn(&hello(), &rounds());
    assert_eq!(next(&memory, "r1"), (1, "\"r3\"".to_owned()));
    assert_eq!(next(&memory, "r3"), (0, "\"r3\"".to_owned()));
    let mut request = hello();
    request["store"] = false.into();
    let mut memory = Memory::default();
    memory.turn(&request, &rounds());
    assert_eq!(next(&memory, "r1"), (0, "\"r1\"".to_owned()));

    // A mixed turn of two rounds.
    let mut memory = Memory::default();
    let mixed = [
        vec![call("c1", OURS)],
        vec![call("c2", OURS), call("c3", "add")],
    ];
    memory.turn(&hello(), &mixed);
    let request = json!({"previous_response_id": "r1", "input": [result("c3")]});
    let both = json!([result("c2"), result("c3")]);
    assert_eq!(memory.splice(&request), (1, both));
}

#[test]
fn a_turn_without_hidden_calls_is_not_remembered() {
    let mut memory = Memory::default();
    memory.turn(&hello(), &[vec![text("m", "hi"), call("c", "add")]]);
    assert!(memory.0.is_empty());
}
