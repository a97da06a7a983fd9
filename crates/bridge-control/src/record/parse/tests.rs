//! Every reason, and texts of every size.

use proptest::prelude::*;

use super::*;

const ID: &str = "00000000-0000-0000-0000-000000000001";

fn second(seconds: i64, nanos: i32) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos })
}

fn start() -> v1::InterceptionStarted {
    v1::InterceptionStarted {
        id: ID.to_owned(),
        initiator_id: ID.to_owned(),
        provider: "anthropic".to_owned(),
        started_at: second(1, 0),
        api_key_id: "key".to_owned(),
        ..v1::InterceptionStarted::default()
    }
}

fn end() -> v1::InterceptionEnded {
    v1::InterceptionEnded {
        id: ID.to_owned(),
        ended_at: second(1, 0),
        outcome: v1::Outcome::Failed.into(),
        ..v1::InterceptionEnded::default()
    }
}

fn usage() -> v1::TokenUsage {
    v1::TokenUsage {
        interception_id: ID.to_owned(),
        created_at: second(1, 0),
        ..v1::TokenUsage::default()
    }
}

fn parsed(event: Event) -> Result<NewRecord, Rejection> {
    parse(v1::Record {
        record_id: ID.to_owned(),
        event: Some(event),
    })
}

#[track_caller]
fn check(event: Event, reason: &str) {
    let rejection = parsed(event).unwrap_err();
    assert_eq!(rejection.reason, reason);
    assert_eq!(rejection.record_id, ID);
}

#[test]
fn reasons_name_the_field() {
    let started = |change: fn(&mut v1::InterceptionStarted)| {
        let mut start = start();
        change(&mut start);
        Event::Started(start)
    };
    check(
        started(|start| start.id = "private".to_owned()),
        "id: not a UUID",
    );
    check(
        started(|start| start.initiator_id.clear()),
        "initiator_id: not a UUID",
    );
    check(
        started(|start| start.api_key_id.clear()),
        "api_key_id: empty",
    );
    check(
        started(|start| start.started_at = None),
        "started_at: missing",
    );
    check(
        started(|start| start.started_at = second(-1, 0)),
        "started_at: out of range",
    );
    check(
        started(|start| start.started_at = second(i64::MAX, 0)),
        "started_at: out of range",
    );
    check(
        started(|start| start.started_at = second(1, -1)),
        "started_at: out of range",
    );
    check(
        started(|start| start.started_at = second(1, i32::MAX)),
        "started_at: out of range",
    );

    let ended = |change: fn(&mut v1::InterceptionEnded)| {
        let mut end = end();
        change(&mut end);
        Event::Ended(end)
    };
    check(ended(|end| end.outcome = 0), "outcome: missing or unknown");
    check(ended(|end| end.outcome = 99), "outcome: missing or unknown");
    check(
        ended(|end| end.provider_status = Some(65_536)),
        "provider_status: too large",
    );
    check(ended(|end| end.ended_at = None), "ended_at: missing");

    let tokens = |change: fn(&mut v1::TokenUsage)| {
        let mut usage = usage();
        change(&mut usage);
        Event::TokenUsage(usage)
    };
    check(
        tokens(|usage| usage.input_tokens = -1),
        "input_tokens: out of range",
    );
    check(
        tokens(|usage| usage.output_tokens = i64::MAX),
        "output_tokens: out of range",
    );
    check(
        tokens(|usage| usage.cache_read_input_tokens = -1),
        "cache_read_input_tokens: out of range",
    );
    check(
        tokens(|usage| usage.cache_write_input_tokens = -1),
        "cache_write_input_tokens: out of range",
    );

    check(
        Event::PromptUsage(v1::PromptUsage::default()),
        "interception_id: not a UUID",
    );
    check(
        Event::ToolUsage(v1::ToolUsage::default()),
        "interception_id: not a UUID",
    );
    check(
        Event::ModelThought(v1::ModelThought::default()),
        "interception_id: not a UUID",
    );

    let rejection = parse(v1::Record {
        record_id: ID.to_owned(),
        event: None,
    })
    .unwrap_err();
    assert_eq!(rejection.reason, "event: missing or unknown");
    let rejection = parse(v1::Record {
        record_id: String::new(),
        event: None,
    })
    .unwrap_err();
    assert_eq!(rejection.reason, "record_id: not a UUID");
}

#[test]
fn what_is_missing_has_its_default() {
    let record = parsed(Event::Started(v1::InterceptionStarted {
        provider_name: "  ".to_owned(),
        client_session_id: Some(" ".to_owned()),
        credential_kind: 99,
        ..start()
    }));
    let RecordEvent::Started(started) = record.unwrap().event else {
        panic!("a start was expected");
    };
    assert_eq!(started.provider_name, "anthropic");
    assert_eq!(started.client, "Unknown");
    assert_eq!(started.client_session_id, None);
    assert_eq!(started.credential_kind, "centralized");
}

#[test]
fn long_texts_are_cut_between_characters() {
    let record = parsed(Event::Ended(v1::InterceptionEnded {
        error_message: Some("é".repeat(2_000)),
        error_type: Some(99),
        ..end()
    }));
    let RecordEvent::Ended(ended) = record.unwrap().event else {
        panic!("an end was expected");
    };
    assert_eq!(ended.error_message, Some("é".repeat(1_024)));
    assert_eq!(ended.error_type, Some("unknown"));
}

#[test]
fn numbers_that_json_has_not_are_null() {
    use prost_types::value::Kind;
    let number = prost_types::Value {
        kind: Some(Kind::NumberValue(f64::NAN)),
    };
    let list = prost_types::ListValue {
        values: vec![number],
    };
    let list = prost_types::Value {
        kind: Some(Kind::ListValue(list)),
    };
    assert_eq!(value(list), serde_json::json!([null]));
}

proptest! {
    #[test]
    fn garbage_is_rejected_without_being_repeated(
        id in "[^0-9]{0,40}", seconds: i64, nanos: i32, count: i64, outcome: i32,
    ) {
        let events = [
            Event::Started(v1::InterceptionStarted {
                initiator_id: id.clone(), started_at: second(seconds, nanos), ..start()
            }),
            Event::Ended(v1::InterceptionEnded {
                id: id.clone(), outcome, ended_at: second(seconds, nanos), ..end()
            }),
            Event::TokenUsage(v1::TokenUsage {
                interception_id: id, input_tokens: count, ..usage()
            }),
        ];
        for event in events {
            let reason = parsed(event).unwrap_err().reason;
            prop_assert!(reason.ends_with(": not a UUID"), "{}", reason);
        }
        let read = parsed(Event::TokenUsage(v1::TokenUsage {
            output_tokens: count, created_at: second(seconds, nanos), ..usage()
        }));
        let is_good = (0..=1_000_000_000_000).contains(&count)
            && (0..LAST_SECOND).contains(&seconds)
            && (0..1_000_000_000).contains(&nanos);
        prop_assert_eq!(read.is_ok(), is_good);
    }
}
