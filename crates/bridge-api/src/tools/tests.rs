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
    let taken = r#"{"tools":[{"name":"\u0062_1"}]}"#;
    check(taken, &taken.replace('[', &format!("[{two},")));
}

#[test]
fn a_tool_that_would_be_refused_costs_no_other() {
    let dialect = DialectId::AnthropicMessages;
    let bad = ToolSpec::new("a", "", r#"{"properties":{"a b":{}}}"#).unwrap();
    let good = toolbox(&["b"]).iter().next().unwrap().clone();
    let both = Toolbox::new(vec![bad.clone(), good]);
    assert_eq!(both.rendered(dialect), toolbox(&["b"]).rendered(dialect));
    let mut envelope = envelope("{}");
    let offered = offer(dialect, &mut envelope, &Toolbox::new(vec![bad]));
    assert!(matches!(offered, Offer::Withheld(Withheld::Empty)));
    assert_eq!(envelope.to_bytes(), "{}");
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

#[test]
fn results_keep_their_images_for_messages() {
    let check = |content: Vec<ToolContent>, is_error, expected: &str| {
        let result = ToolResult {
            call_id: "t\"1".to_owned(),
            content,
            is_error,
        };
        let head = r#"{"type":"tool_result","tool_use_id":"t\"1""#;
        let expected = format!("{head}{expected}}}");
        assert_eq!(anthropic::tools::results(&[result]), expected);
    };
    let text = |text: &str| ToolContent::Text(text.to_owned());
    let image = |media_type: &str, data: &str| ToolContent::Image {
        media_type: media_type.to_owned(),
        data_base64: data.to_owned(),
    };
    let gif = "R0lGODlhAQAB";
    let shown = r#"{"type":"image","source":{"type":"base64","media_type":"image/gif","data":"R0lGODlhAQAB"}}"#;
    let words = |words: &str| format!(r#"{{"type":"text","text":{}}}"#, crate::json::quoted(words));
    let told = |pieces: &[&str]| format!(",\"content\":[{}]", pieces.join(","));

    check(vec![], false, "");
    check(vec![text(" \n")], false, "");
    check(
        vec![text("a\n"), image("image/png", gif)],
        false,
        &told(&[&words("a\n"), shown]),
    );
    let svg = words("[The tool returned an image (image/svg+xml) that cannot be shown here.]");
    check(
        vec![image("image/svg+xml", "PHN2Zz4=")],
        false,
        &told(&[&svg]),
    );
    let failed = |pieces: &[&str]| told(pieces) + ",\"is_error\":true";
    check(
        vec![],
        true,
        &failed(&[&words("The tool failed and did not say why.")]),
    );
    let png = words("[The tool returned an image (image/png) that cannot be shown here.]");
    check(
        vec![image("image/png", gif), text("x")],
        true,
        &failed(&[&png, &words("x")]),
    );
}

#[test]
fn everything_that_tools_say_can_be_described() {
    let described = |content: ToolContent| content.described();
    let resource = |body| ToolContent::Resource {
        uri: "file:a".to_owned(),
        media_type: None,
        body,
    };
    let body = ResourceBody::Text("inside".to_owned());
    assert_eq!(described(resource(body)), "inside");
    let body = ResourceBody::Base64("aGkhaGkh".to_owned());
    let expected = "[The tool returned the resource file:a (of an unknown type), about 6 bytes that are no text.]";
    assert_eq!(described(resource(body)), expected);
    let link = |description: Option<&str>| ToolContent::Link {
        uri: "file:a".to_owned(),
        name: "a".to_owned(),
        description: description.map(str::to_owned),
    };
    assert_eq!(described(link(None)), "[Resource a: file:a]");
    assert_eq!(described(link(Some("it"))), "[Resource a: file:a, it]");
    let sound = ToolContent::Audio {
        media_type: "audio/wav".to_owned(),
        data_base64: String::new(),
    };
    assert_eq!(
        described(sound),
        "[The tool returned audio (audio/wav) that cannot be played here.]"
    );
}
