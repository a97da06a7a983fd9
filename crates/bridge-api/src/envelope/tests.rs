use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn parse(text: &str) -> Result<Envelope, EnvelopeError> {
    Envelope::parse(
        Bytes::copy_from_slice(text.as_bytes()),
        &EnvelopeLimits::default(),
    )
}

fn text_of(envelope: &Envelope) -> String {
    String::from_utf8(envelope.to_bytes().to_vec()).unwrap()
}

#[test]
fn members_are_found_as_they_are_written() {
    let text =
        " { \"a\" : 1.50 , \"m\":[ {\"x\":[]} ,2, \"3\" ] ,\"\\u0062\":\"\\\"}\",\"a\":{} }\n";
    let envelope = parse(text).unwrap();
    assert_eq!(envelope.get("a"), Some("{}"));
    assert_eq!(envelope.get("b"), Some("\"\\\"}\""));
    assert_eq!(envelope.get("c"), None);
    assert_eq!(
        envelope
            .last_items("m")
            .map(|item| item.source().unwrap())
            .collect::<Vec<_>>(),
        ["\"3\"", "2", "{\"x\":[]}"]
    );
    assert_eq!(envelope.last_items("a").count(), 0);
    assert_eq!(envelope.names().collect::<Vec<_>>(), ["a", "m", "b", "a"]);
    assert_eq!(text_of(&envelope), text);
}

#[test]
fn what_is_no_object_is_refused_with_a_position() {
    let check = |text: &str, expected: EnvelopeError| {
        assert_eq!(parse(text).unwrap_err(), expected, "{text}");
    };
    let unexpected = |position| EnvelopeError::Unexpected { position };
    check("", EnvelopeError::Empty);
    check(" \r\n\t", EnvelopeError::Empty);
    check("[1]", EnvelopeError::NotAnObject);
    check("nonsense", unexpected(1));
    check("{\"a\":1", EnvelopeError::Ended { position: 6 });
    check("{\"a\":1,}", unexpected(7));
    check("{\"a\":1}x", EnvelopeError::Trailing { position: 7 });
    check("{\"a\":[1,]}", unexpected(8));
    check("{\"a\":tru}", unexpected(8));
    check("{\"a\":01}", unexpected(6));
    check("{\"a\":\"\n\"}", unexpected(6));
    check("{'a':1}", unexpected(1));
    let deep = format!("{{\"a\":{}", "[".repeat(600));
    check(
        &deep,
        EnvelopeError::TooDeep {
            position: 516,
            limit: 512,
        },
    );
    let error = Envelope::parse(
        Bytes::from_static(b"{\"a\":\"\xff\"}"),
        &EnvelopeLimits::default(),
    );
    assert_eq!(error.unwrap_err(), EnvelopeError::NotUtf8 { position: 6 });
    let limits = EnvelopeLimits {
        members: 1,
        ..EnvelopeLimits::default()
    };
    let error = Envelope::parse(Bytes::from_static(b"{\"a\":1,\"b\":2}"), &limits).unwrap_err();
    assert_eq!(error, EnvelopeError::TooMany { limit: 1 });
}

#[test]
fn edits_touch_one_member() {
    const TEXT: &str = "{ \"a\" : 1 ,\n \"b\":2 , \"c\":3}";
    let edited = |edit: &dyn Fn(&mut Envelope)| {
        let mut envelope = parse(TEXT).unwrap();
        edit(&mut envelope);
        text_of(&envelope)
    };
    let set = |name: &'static str, value: &'static str| {
        edited(&|envelope| {
            envelope
                .set(name, Bytes::from_static(value.as_bytes()))
                .unwrap();
        })
    };
    assert_eq!(set("b", "[4]"), TEXT.replace('2', "[4]"));
    assert_eq!(set("d", "4"), TEXT.replace('}', ",\"d\":4}"));
    assert_eq!(
        edited(&|envelope| assert!(envelope.remove("b"))),
        "{ \"a\" : 1 , \"c\":3}"
    );
    assert_eq!(edited(&|envelope| assert!(!envelope.remove("z"))), TEXT);
    let mut envelope = parse(TEXT).unwrap();
    assert!(envelope.set("d", Bytes::from_static(b"x")).is_err());
    assert_eq!(text_of(&envelope), TEXT);
    let mut empty = parse("{}").unwrap();
    empty.set("a", Bytes::from_static(b"1")).unwrap();
    assert_eq!(text_of(&empty), "{\"a\":1}");
    assert!(empty.remove("a"));
    assert_eq!(text_of(&empty), "{}");
}

#[test]
fn items_are_put_in_between_the_arrays_own_bytes() {
    const TEXT: &str = "{ \"a\" : [ 1 , {} ] , \"e\":[\n] , \"n\":null, \"t\":\"x\" }";
    let changed = |from, to| TEXT.replace(from, to);
    let check = |name: &str, front: &'static str, back: &'static str, expected: &str| {
        let mut envelope = parse(TEXT).unwrap();
        envelope
            .prepend_items(name, Bytes::from_static(front.as_bytes()))
            .unwrap();
        envelope
            .append_items(name, Bytes::from_static(back.as_bytes()))
            .unwrap();
        assert_eq!(text_of(&envelope), expected, "{name}");
        let again = parse(expected).unwrap();
        assert_eq!(envelope.get(name), again.get(name));
        assert_eq!(envelope.last_item(name), again.last_item(name));
    };
    check("a", "8,9", "3", &changed("[ 1 , {} ]", "[8,9, 1 , {} ,3]"));
    check("a", "", "3", &changed("[ 1 , {} ]", "[ 1 , {} ,3]"));
    check("a", "", "", TEXT);
    check("e", "8", "3", &changed("[\n]", "[8\n,3]"));
    check("e", "", "3", &changed("[\n]", "[\n3]"));
    check("n", "8", "3", &changed("null", "[8,3]"));
    check("z", "8", "3", &changed("\"x\" }", "\"x\" ,\"z\":[8,3]}"));

    let mut envelope = parse(TEXT).unwrap();
    let one = || Bytes::from_static(b"1");
    assert_eq!(
        envelope.append_items("t", one()),
        Err(EnvelopeError::NotAnArray)
    );
    assert_eq!(text_of(&envelope), TEXT);
    envelope.append_items("a", one()).unwrap();
    assert_eq!(envelope.last_items("a").count(), 0);
    envelope.set("a", Bytes::from_static(b" [ ] ")).unwrap();
    envelope.prepend_items("a", one()).unwrap();
    assert_eq!(text_of(&envelope), changed("[ 1 , {} ]", " [1 ] "));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-d\\\\\"é]{0,2}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = String> {
    let members = prop::collection::btree_map("[a-d]{1,2}", any_json(), 0..6);
    (members, any::<bool>()).prop_map(|(members, is_pretty)| {
        let value = Value::Object(members.into_iter().collect());
        if is_pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        }
        .unwrap()
    })
}

/// Whether others read it as an object, whatever its strings and numbers mean.
fn is_object(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        is_json
            && text
                .trim_start_matches([' ', '\n', '\r', '\t'])
                .starts_with('{')
    })
}

proptest! {
    #[test]
    fn good_json_is_read_as_others_read_it(text in object()) {
        let envelope = parse(&text).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        for (name, expected) in value.as_object().unwrap() {
            let read: Value = serde_json::from_str(envelope.get(name).unwrap()).unwrap();
            prop_assert_eq!(&read, expected);
            if let Some(items) = expected.as_array() {
                let last: Vec<Value> = envelope.last_items(name)
                    .map(|item| serde_json::from_str(&item.source().unwrap_or("null".into())).unwrap()).collect();
                let expected: Vec<Value> = items.iter().rev().cloned().collect();
                prop_assert_eq!(last, expected);
            }
        }
    }

    #[test]
    fn spoiled_json_is_judged_as_others_judge_it(
        text in object(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let parsed = Envelope::parse(Bytes::from(bytes.clone()), &EnvelopeLimits::default());
        prop_assert_eq!(
            parsed.is_ok(), is_object(&bytes), "{:?} {:?}", String::from_utf8_lossy(&bytes), parsed.err()
        );
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _either = Envelope::parse(Bytes::from(bytes), &EnvelopeLimits::default());
    }

    #[test]
    fn items_come_before_and_behind_those_that_are_there(
        text in object(), name in "[a-d]{1,2}", pieces in prop::collection::vec((any::<bool>(), any_json()), 0..5),
    ) {
        let mut envelope = parse(&text).unwrap();
        let before: Value = serde_json::from_str(&text).unwrap();
        let own = &before[&name];
        prop_assume!(own.is_array() || own.is_null());
        let mut expected = own.as_array().cloned().unwrap_or_default();
        for (is_front, piece) in pieces {
            let items = Bytes::from(piece.to_string());
            let piece: Value = serde_json::from_slice(&items).unwrap();
            if is_front {
                envelope.prepend_items(&name, items).unwrap();
                expected.insert(0, piece);
            } else {
                envelope.append_items(&name, items).unwrap();
                expected.push(piece);
            }
            let read: Value = serde_json::from_str(envelope.get(&name).unwrap()).unwrap();
            prop_assert_eq!(read.as_array().unwrap(), &expected);
            let whole: Value = serde_json::from_slice(&envelope.to_bytes()).unwrap();
            prop_assert_eq!(whole[&name].as_array().unwrap(), &expected);
        }
    }

    #[test]
    fn untouched_members_keep_their_bytes(text in object(), name in "[a-d]{1,2}", value in any_json()) {
        let envelope = parse(&text).unwrap();
        let json = value.to_string();
        let (mut set, mut removed) = (envelope.clone(), envelope.clone());
        set.set(&name, Bytes::from(json.clone())).unwrap();
        removed.remove(&name);
        let set = Envelope::parse(set.to_bytes(), &EnvelopeLimits::default()).unwrap();
        let removed = Envelope::parse(removed.to_bytes(), &EnvelopeLimits::default()).unwrap();
        prop_assert_eq!(set.get(&name), Some(json.as_str()));
        prop_assert_eq!(removed.get(&name), None);
        for other in envelope.names().filter(|other| *other != name) {
            prop_assert_eq!(set.get(&other), envelope.get(&other));
            prop_assert_eq!(removed.get(&other), envelope.get(&other));
        }
    }
}
