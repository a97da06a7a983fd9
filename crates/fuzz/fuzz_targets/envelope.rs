//! The scan of a request agrees with another parser on what is JSON, and an edit touches nothing
//! but its member.
#![no_main]

use bridge_api::{DialectId, Envelope, EnvelopeError, EnvelopeLimits};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

const DIALECTS: [DialectId; 3] = [
    DialectId::AnthropicMessages,
    DialectId::OpenAiChat,
    DialectId::OpenAiResponses,
];

/// Small enough to be reached.
const TIGHT: EnvelopeLimits = EnvelopeLimits {
    depth: 3,
    members: 3,
};

/// How many members of one request are edited.
const EDITS: usize = 8;

fuzz_target!(|data: &[u8]| {
    let body = Bytes::copy_from_slice(data);
    let parsed = Envelope::parse(body.clone(), &EnvelopeLimits::default());
    if Envelope::parse(body.clone(), &TIGHT).is_ok() {
        assert!(parsed.is_ok());
    }
    let is_object = data.trim_ascii_start().first() == Some(&b'{');
    let is_json = std::str::from_utf8(data).is_ok() && is_json(data);
    let envelope = match parsed {
        Ok(envelope) => {
            assert!(is_object && is_json);
            envelope
        }
        Err(EnvelopeError::TooDeep { .. } | EnvelopeError::TooMany { .. }) => return,
        Err(_) => {
            assert!(!is_object || !is_json);
            return;
        }
    };
    assert_eq!(envelope.to_bytes(), body);
    for dialect in DIALECTS {
        let _facts = dialect.facts(&envelope);
    }
    let names: Vec<String> = envelope.names().collect();
    set_and_remove(&envelope, &names, "model");
    for name in names.iter().take(EDITS) {
        set_and_remove(&envelope, &names, name);
        give_back(&envelope, &names, name);
        put_in(&envelope, &names, name);
    }
    come_and_go(&envelope, &names);
});

fn is_json(data: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(data).is_ok()
}

/// A member gets another value and is taken away; all others keep their bytes.
fn set_and_remove(envelope: &Envelope, names: &[String], name: &str) {
    let value = "[\"another\"]";
    let mut edited = envelope.clone();
    edited
        .set(name, Bytes::from_static(value.as_bytes()))
        .expect("it is a value");
    let before = others(envelope, names, name);
    check(&edited, names, name, Some(value), &before);
    assert!(edited.remove(name));
    check(&edited, names, name, None, &before);
    assert!(!edited.remove(name));
}

/// What an edit left, by the envelope's own word and as any reader sees it.
fn check(
    edited: &Envelope,
    names: &[String],
    name: &str,
    value: Option<&str>,
    before: &[Option<String>],
) {
    let body = edited.to_bytes();
    assert!(is_json(&body));
    match Envelope::parse(body, &EnvelopeLimits::default()) {
        Ok(again) => {
            assert_eq!(again.get(name), value);
            assert_eq!(others(&again, names, name), before);
        }
        Err(error) => assert!(matches!(error, EnvelopeError::TooMany { .. }), "{error}"),
    }
    assert_eq!(edited.get(name), value);
    assert_eq!(others(edited, names, name), before);
}

/// A member that gets the value it has leaves the body as it was.
fn give_back(envelope: &Envelope, names: &[String], name: &str) {
    let value = envelope.get(name).expect("a member has a value");
    let value = Bytes::copy_from_slice(value.as_bytes());
    let mut edited = envelope.clone();
    edited.set(name, value).expect("it stood there");
    let times = names.iter().filter(|other| *other == name).count();
    if times == 1 {
        assert_eq!(edited.to_bytes(), envelope.to_bytes());
    }
}

/// An array gets items at both ends and keeps its own; anything else is left alone.
fn put_in(envelope: &Envelope, names: &[String], name: &str) {
    let value = envelope.get(name).expect("a member has a value").trim();
    let mut edited = envelope.clone();
    let put = edited.append_items(name, Bytes::from_static(b"\"last\""));
    let is_array = value.starts_with('[');
    assert_eq!(put.is_ok(), is_array || value == "null");
    if put.is_err() {
        assert_eq!(edited.to_bytes(), envelope.to_bytes());
        return;
    }
    edited
        .prepend_items(name, Bytes::from_static(b"1,2"))
        .expect("it is an array");
    let inner = value
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.unwrap_or_default();
    let is_empty = inner.trim().is_empty();
    let expected = if is_empty && is_array {
        format!("[1,2{inner},\"last\"]")
    } else if is_empty {
        "[1,2,\"last\"]".to_owned()
    } else {
        format!("[1,2,{inner},\"last\"]")
    };
    // Of a name that stands there twice the last one counts.
    let times = names.iter().filter(|other| *other == name).count();
    if times == 1 {
        let before = others(envelope, names, name);
        check(&edited, names, name, Some(&expected), &before);
    }
}

/// A member that comes and goes leaves the body as it was.
fn come_and_go(envelope: &Envelope, names: &[String]) {
    let name = "a \"new\" one\n";
    if names.iter().any(|other| other == name) {
        return;
    }
    let mut edited = envelope.clone();
    edited
        .set(name, Bytes::from_static(b" null "))
        .expect("it is a value");
    assert!(is_json(&edited.to_bytes()));
    assert!(edited.remove(name));
    assert_eq!(edited.to_bytes(), envelope.to_bytes());
}

/// The values of all members but one.
fn others(envelope: &Envelope, names: &[String], not: &str) -> Vec<Option<String>> {
    let kept = names.iter().filter(|name| *name != not);
    kept.map(|name| envelope.get(name).map(str::to_owned))
        .collect()
}
