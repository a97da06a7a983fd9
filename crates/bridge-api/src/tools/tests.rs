use bytes::Bytes;

use super::*;
use crate::EnvelopeLimits;

pub(crate) fn toolbox(names: &[&str]) -> Toolbox {
    let tool = |name: &&str| ToolSpec::new(*name, "says \"hi\"", r#"{"type":"object"}"#).unwrap();
    Toolbox::new(names.iter().map(tool).collect())
}

fn envelope(body: &str) -> Envelope {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Envelope::parse(body, &EnvelopeLimits::default()).unwrap()
}

#[test]
fn a_tool_has_a_name_and_an_object() {
    let check = |name: &str, schema: &str, expected| {
        assert_eq!(
            ToolSpec::new(name, "", schema).map(|_| ()),
            expected,
            "{schema}"
        );
    };
    check("a", r#" {"a":[1e999]} "#, Ok(()));
    check("", "{}", Err(ToolSpecError::NoName));
    for schema in ["", "[]", "{", "{}{}", "{\"a\":1,}", "null"] {
        check("a", schema, Err(ToolSpecError::BadSchema));
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(300), "}".repeat(300));
    check("a", &deep, Err(ToolSpecError::BadSchema));
}

#[test]
fn tools_stand_in_the_order_of_their_names() {
    let toolbox = toolbox(&["b_2", "b_10", "b_1", "b_2"]);
    let names: Vec<&str> = toolbox.iter().map(ToolSpec::name).collect();
    assert_eq!(names, ["b_1", "b_10", "b_2"]);
    assert!(toolbox.has("b_10") && !toolbox.has("b_3") && !toolbox.has(""));
    assert_eq!(toolbox.0.prefix, "b_");
    assert_eq!(self::toolbox(&["ä", "å"]).0.prefix, "");
    assert_eq!(self::toolbox(&["ab"]).0.prefix, "ab");
}

#[test]
fn a_clients_own_tool_wins() {
    let toolbox = toolbox(&["b_1", "b_2"]);
    let check = |own: &str, expected: &[&str]| {
        let name_of = |tool: Value<'_>| {
            tool.get("name")
                .and_then(Value::text)
                .map(|name| name.into_owned().into())
        };
        let beside = toolbox.beside(Value::new(own.as_bytes()), name_of);
        let names: Vec<&str> = beside.iter().map(ToolSpec::name).collect();
        assert_eq!(names, expected, "{own}");
    };
    check("[]", &["b_1", "b_2"]);
    check(
        r#"[{"name":"b_3"},{"name":"c","description":"\"b_1\""}]"#,
        &["b_1", "b_2"],
    );
    check(r#"[{"name":"b_1"},{"name":"c"}]"#, &["b_2"]);
    check(r#"[{"name":"b_2"},{"name":"b_1"}]"#, &[]);
}

#[test]
fn messages_get_tools_before_their_own() {
    let dialect = DialectId::AnthropicMessages;
    let toolbox = toolbox(&["b_2", "b_1"]);
    let one = r#"{"name":"b_1","description":"says \"hi\"","input_schema":{"type":"object"}}"#;
    let two = one.replace("b_1", "b_2");
    assert_eq!(toolbox.rendered(dialect), format!("{one},{two}"));
    let check = |body: &str, expected: &str| {
        let mut envelope = envelope(body);
        assert!(
            matches!(offer(dialect, &mut envelope, &toolbox), Offer::Made(_)),
            "{body}"
        );
        let out = envelope.to_bytes();
        assert_eq!(std::str::from_utf8(&out).unwrap(), expected, "{body}");
    };
    let own = r#"{ "tools" : [ {"name":"c"} ] , "tool_choice":{"type":"any"} }"#;
    check(own, &own.replace("[ {", &format!("[{one},{two}, {{")));
    check(r#"{"tools":[ ]}"#, &format!("{{\"tools\":[{one},{two} ]}}"));
    check(r#"{"tools":null}"#, &format!("{{\"tools\":[{one},{two}]}}"));
    check(
        r#"{"a":1}"#,
        &format!("{{\"a\":1,\"tools\":[{one},{two}]}}"),
    );
    let taken = r#"{"tools":[{"name":"b_1"}]}"#;
    check(taken, &taken.replace('[', &format!("[{two},")));
}

#[test]
fn messages_that_want_no_tools_get_none() {
    let dialect = DialectId::AnthropicMessages;
    let check = |body: &str, names: &[&str], reason| {
        let mut envelope = envelope(body);
        let offer = offer(dialect, &mut envelope, &toolbox(names));
        assert!(
            matches!(offer, Offer::Withheld(why) if why == reason),
            "{body} {offer:?}"
        );
        assert_eq!(envelope.to_bytes(), body.as_bytes());
    };
    check("{}", &[], Withheld::Empty);
    check(r#"{"tools":{"a":1}}"#, &["a"], Withheld::NotAnArray);
    check(r#"{"tools":[{"name":"a"}]}"#, &["a"], Withheld::Taken);
    check(
        r#"{"tool_choice":{"type":"none"}}"#,
        &["a"],
        Withheld::Forbidden,
    );
    check(
        r#"{"tool_choice":{"type":"tool","name":"x"}}"#,
        &["a"],
        Withheld::Forced,
    );
}
