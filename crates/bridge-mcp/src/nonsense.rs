//! Whatever servers send, reading it is an error at worst; and schemas are judged as they should be.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::listing::Page;
use crate::listing::sound::check_schema;
use crate::outcome;
use crate::session::message::said;

/// What messages are made of, and what readers stumble over.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "1e999",
    "-0",
    "\"tools\":",
    "\"name\":",
    "\"content\":",
    "\"type\":",
    "\"text\"",
    "\"object\"",
    "\"inputSchema\":",
    "\"nextCursor\":",
    "\"isError\":",
    "\"error\":",
    "\"id\":",
    "\"session\"",
    "\"\\ud800\"",
    "\u{feff}",
    "é",
    " ",
];

/// JSON in which keys may stand twice.
#[derive(Debug, Clone)]
enum Json {
    Plain(&'static str),
    Array(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
}

fn json() -> impl Strategy<Value = Json> {
    let plain = select(&["1", "\"a\"", "null", "12345678901234567890.5"][..]).prop_map(Json::Plain);
    plain.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::Array),
            vec((select(&["a", "b", "c", "d"][..]), inner), 0..4).prop_map(Json::Object),
        ]
    })
}

impl Json {
    fn text(&self) -> String {
        match self {
            Self::Plain(text) => (*text).to_owned(),
            Self::Array(all) => {
                let all: Vec<_> = all.iter().map(Self::text).collect();
                format!("[{}]", all.join(", "))
            }
            Self::Object(all) => {
                let all = all
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{}", value.text()));
                format!("{{{}}}", all.collect::<Vec<_>>().join(" ,"))
            }
        }
    }

    fn has_each_key_once(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Array(all) => all.iter().all(Self::has_each_key_once),
            Self::Object(all) => {
                let keys: HashSet<_> = all.iter().map(|(key, _)| key).collect();
                keys.len() == all.len() && all.iter().all(|(_, value)| value.has_each_key_once())
            }
        }
    }
}

proptest! {
    #[test]
    fn nonsense_is_read_without_a_panic(tokens in vec(select(TOKENS), 0..40), bytes: Vec<u8>) {
        for text in [tokens.concat().into_bytes(), bytes] {
            let _either = Page::read(&text);
            let _either = outcome::read(&text);
            let _either = said(&text, None);
            let text = String::from_utf8_lossy(&text);
            let _either = check_schema(&text);
        }
    }

    #[test]
    fn a_schema_is_taken_when_no_key_stands_twice_and_kept_as_it_is(inner in json()) {
        let schema = format!(r#"{{"x":{},"type":"object"}}"#, inner.text());
        let page = format!(r#"{{"tools":[{{"name":"t","inputSchema":{schema}}}]}}"#);
        let page = Page::read(page.as_bytes()).unwrap();
        let taken = page.tools.first().map(|tool| tool.input_schema.as_str());
        prop_assert_eq!(taken, inner.has_each_key_once().then_some(schema.as_str()));
    }
}
