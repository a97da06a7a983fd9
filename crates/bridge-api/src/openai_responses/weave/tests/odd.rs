//! Providers that say it otherwise, and more than fits.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;

#[test]
fn providers_that_say_less_are_understood() {
    // No name of the event, no places, an item that is only told when it is done, ids alone.
    let stream = concat!(
        "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r1\"}}\n\n",
        "data: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"message\",\"id\":\"m\"}}\n\n",
        "data: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"function_call\",\"id\":\"f\",\"call_id\":\"c1\",\"name\":\"bmcp_srv_look\"}}\n\n",
        "data: {\"type\":\"response.function_call_arguments.delta\",\"item_id\":\"f\",\"delta\":\"{}\"}\n\n",
        "data: {\"type\":\"response.output_text.delta\",\"item_id\":\"m\",\"delta\":\"hi\"}\n\n",
        "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"id\":\"f\",\"call_id\":\"c1\",\"name\":\"bmcp_srv_look\"}}\n\n",
        "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"id\":\"g\",\"call_id\":\"c2\",\"name\":\"bmcp_srv_go\",\"arguments\":\"[1]\"}}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r1\"}}\n\n",
        "data: [DONE]\n\n",
    );
    let mut loom = Loom::new(&hello());
    let calls = loom.calls(stream);
    assert_eq!(calls[0].input.as_deref(), Ok("{}"));
    assert!(calls[1].input.is_err());
    assert_eq!(data(std::str::from_utf8(&loom.out).unwrap()).len(), 3);
    loom.go_on(&[("c1", "x"), ("c2", "y")]);
    loom.told(stream).unwrap();
}

#[test]
fn names_of_events_count_when_the_data_has_none() {
    let stream = concat!(
        "event: response.output_item.done\r\ndata: {\"item\":{\"type\":\"function_call\",\"id\":\"f\",\"call_id\":\"c1\",\"name\":\"bmcp_srv_look\"}}\r\n\r\n",
        "event: response.done\r\ndata: {\"response\":{\"id\":\"r1\"}}\r\n\r\n",
    );
    let mut loom = Loom::new(&hello());
    assert_eq!(loom.calls(&stream.replace('\r', "")).len(), 1);
}

#[test]
fn places_that_begin_again_belong_to_the_latest_item() {
    let event = |kind: &str, item: Value| {
        let event = json!({"type": format!("response.{kind}"), "output_index": 0, "item": item});
        format!("data: {event}\n\n")
    };
    let delta =
        "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"x\"}\n\n";
    let stream = [
        event("output_item.added", call("c1", OURS)),
        event("output_item.done", call("c1", OURS)),
        event("output_item.added", text("m", "")),
        delta.to_owned(),
        event("output_item.done", text("m", "x")),
        event("output_item.done", text("m2", "y")),
    ];
    let mut loom = Loom::new(&hello());
    loom.told(&stream.concat()).unwrap();
    let events = data(&loom.finish());
    let places = events.iter().map(|it| it["output_index"].as_u64().unwrap());
    assert_eq!(places.collect::<Vec<_>>(), [0, 0, 0, 1]);
}

#[test]
fn an_answer_that_is_only_relayed_has_no_limits() {
    let limits = WeaveLimits {
        bytes: 64,
        items: 2,
    };
    let config = WeaveConfig {
        limits,
        ..WeaveConfig::default()
    };
    let items: Vec<Value> = (0..9).map(|_| text("m", "x")).collect();
    let mut loom = Loom::with(&hello(), config);
    let round = Round {
        echo: json!([]),
        ..Round::new("r1", items.clone())
    };
    assert_eq!(loom.told(&round.stream()).unwrap(), RoundEnd::Over);
    assert_eq!(loom.finish(), round.stream());

    let mut loom = Loom::with(&hello(), config);
    let more = [items, vec![call("c1", OURS)]].concat();
    let stream = Round::new("r1", more).stream();
    assert!(loom.told(&stream).is_err());
    let mut loom = Loom::with(&hello(), config);
    let body = Round::new("r1", vec![text("m", "x"), call("c1", OURS)]).body();
    assert!(loom.weave.whole(Bytes::from(body)).is_err());
}

#[test]
fn what_is_kept_is_counted_once() {
    let image = json!({"type": "image_generation_call", "id": "ig", "result": "A".repeat(10_000)});
    let limits = WeaveLimits {
        bytes: 45_000,
        ..WeaveLimits::default()
    };
    let config = WeaveConfig {
        limits,
        ..WeaveConfig::default()
    };
    let mut loom = Loom::with(&hello(), config);
    for call_id in ["c1", "c2", "c3"] {
        let items = vec![image.clone(), call(call_id, OURS)];
        loom.calls(&Round::new("r1", items).stream());
        loom.go_on(&[(call_id, "x")]);
    }
    let items = vec![image.clone(), image, call("c4", OURS)];
    assert!(loom.told(&Round::new("r1", items).stream()).is_err());
}

#[test]
fn items_that_begin_with_nothing_are_known_when_they_are_done() {
    let event = |kind: &str, index: u64, item: Value| {
        let event =
            json!({"type": format!("response.{kind}"), "output_index": index, "item": item});
        format!("data: {event}\n\n")
    };
    let stream = [
        event("output_item.added", 0, Value::Null),
        event("output_item.done", 0, call("c1", OURS)),
        event("output_item.added", 1, Value::Null),
        event("output_item.done", 1, text("m", "x")),
        event("output_item.added", 2, text("n", "")),
    ];
    let mut loom = Loom::new(&hello());
    loom.told(&stream.concat()).unwrap();
    let events = data(&loom.finish());
    let places = events.iter().map(|it| it["output_index"].as_u64().unwrap());
    assert_eq!(places.collect::<Vec<_>>(), [0, 0, 0, 1]);
}
