//! Tools and their results, as the Chat Completions API writes them.

use std::borrow::Cow;

use crate::json::{Value, quoted};
use crate::tools::{Place, mended_for_openai, put};
use crate::{DialectId, Envelope, Offer, ToolResult, ToolSpec, Toolbox, Withheld};

/// The longest description that OpenAI takes, in characters. A single longer one would have every
/// request refused.
const LONGEST_DESCRIPTION: usize = 1_024;
/// Stands at the end of a description that was cut.
const MARK: &str = " [cut]";

/// One item of the array of tools.
pub(crate) fn render(tool: &ToolSpec) -> String {
    let (description, parameters) = mended_for_openai(tool);
    format!(
        r#"{{"type":"function","function":{{"name":{},"description":{},"parameters":{}}}}}"#,
        quoted(tool.name()),
        quoted(&shortened(&description)),
        parameters,
    )
}

fn shortened(text: &str) -> Cow<'_, str> {
    if text.chars().nth(LONGEST_DESCRIPTION).is_none() {
        return Cow::Borrowed(text);
    }
    let kept = text.chars().take(LONGEST_DESCRIPTION - MARK.len());
    Cow::Owned(kept.chain(MARK.chars()).collect())
}

/// Puts the tools behind the client's own: the provider's cache of what stands before them holds.
pub(crate) fn offer(envelope: &mut Envelope, toolbox: &Toolbox) -> Offer {
    put(
        DialectId::OpenAiChat,
        envelope,
        toolbox,
        Place::Last,
        name_of,
    )
}

/// What the request itself says against tools.
pub(crate) fn withheld(envelope: &Envelope) -> Option<Withheld> {
    let value = |name: &str| envelope.value(name).unwrap_or_default();
    let choice = value("tool_choice");
    // OpenAI refuses a request that predicts its answer and has tools.
    if choice.text().as_deref() == Some("none") || value("prediction").is_something() {
        return Some(Withheld::Forbidden);
    }
    // An object names the tools that may be called: one, or several.
    if choice.is_object() {
        return Some(Withheld::Forced);
    }
    if value("n").count().is_some_and(|choices| choices > 1) {
        return Some(Withheld::SeveralChoices);
    }
    let is_legacy = value("functions").is_something() || value("function_call").is_something();
    is_legacy.then_some(Withheld::Legacy)
}

fn name_of(tool: Value<'_>) -> Option<Cow<'_, str>> {
    let part = tool.get("function").or_else(|| tool.get("custom"))?;
    part.get("name").and_then(Value::text)
}

/// The message that answers a call. It takes nothing but text.
pub(crate) fn tool_message(result: &ToolResult) -> String {
    format!(
        r#"{{"role":"tool","tool_call_id":{},"content":{}}}"#,
        quoted(&result.call_id),
        quoted(&result.text()),
    )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{EnvelopeLimits, ToolContent, offer};

    fn toolbox() -> Toolbox {
        let spec = |name: &str, schema: &str| ToolSpec::new(name, "does it", schema).unwrap();
        Toolbox::new(vec![
            spec(
                "bmcp_b_two",
                r#"{"type":"object","properties":{"n":{"const":1.0}},"$defs":{}}"#,
            ),
            spec("bmcp_a_one", r#"{ "type": "object" }"#),
        ])
    }

    const ONE: &str = r#"{"type":"function","function":{"name":"bmcp_a_one","description":"does it","parameters":{ "type": "object" ,"properties":{}}}}"#;
    const TWO: &str = r#"{"type":"function","function":{"name":"bmcp_b_two","description":"does it","parameters":{"type":"object","properties":{"n":{"const":1.0}},"$defs":{}}}}"#;

    fn offered(body: &str) -> (String, Offer) {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let mut envelope = Envelope::parse(bytes, &EnvelopeLimits::default()).unwrap();
        let offer = offer(DialectId::OpenAiChat, &mut envelope, &toolbox());
        let text = String::from_utf8(envelope.to_bytes().to_vec()).unwrap();
        (text, offer)
    }

    #[test]
    fn tools_stand_behind_the_clients_own() {
        let check = |body: &str, expected: &str, count: usize| {
            let (text, offer) = offered(body);
            assert_eq!(text, expected);
            let Offer::Made(toolbox) = offer else {
                panic!("{offer:?}");
            };
            assert_eq!(toolbox.len(), count, "{body}");
        };
        check(
            r#"{"model":"m", "parallel_tool_calls" : false}"#,
            &format!(r#"{{"model":"m", "parallel_tool_calls" : false,"tools":[{ONE},{TWO}]}}"#),
            2,
        );
        let own = r#"{ "type":"function", "function":{"name":"own"} }"#;
        check(
            &format!(r#"{{"tools":[ {own} ],"tool_choice":"required","n":1,"x":1e2}}"#),
            &format!(r#"{{"tools":[ {own} ,{ONE},{TWO}],"tool_choice":"required","n":1,"x":1e2}}"#),
            2,
        );
        let taken = r#"{"type":"custom","custom":{"name":"bmcp_a_one"}}"#;
        check(
            &format!(r#"{{"tools":[{taken}],"functions":null}}"#),
            &format!(r#"{{"tools":[{taken},{TWO}],"functions":null}}"#),
            1,
        );
    }

    #[test]
    fn requests_that_want_none_stay_as_they_are() {
        let check = |body: &str, expected: Withheld| {
            let (text, offer) = offered(body);
            assert_eq!(text, body);
            let Offer::Withheld(withheld) = offer else {
                panic!("{body}: {offer:?}");
            };
            assert_eq!(withheld, expected, "{body}");
        };
        check(r#"{"tool_choice":"none"}"#, Withheld::Forbidden);
        let one = r#"{"tool_choice":{"type":"function","function":{"name":"own"}}}"#;
        check(one, Withheld::Forced);
        let several = r#"{"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}}"#;
        check(several, Withheld::Forced);
        let predicted = r#"{"prediction":{"type":"content","content":"x"}}"#;
        check(predicted, Withheld::Forbidden);
        check(r#"{"n":2}"#, Withheld::SeveralChoices);
        check(r#"{"functions":[{"name":"f"}]}"#, Withheld::Legacy);
        check(r#"{"function_call":"auto"}"#, Withheld::Legacy);
        check(r#"{"tools":{"a":1}}"#, Withheld::NotAnArray);
    }

    #[test]
    fn a_request_with_as_many_tools_as_openai_takes_gets_no_more() {
        let body = |own: usize| {
            let own = vec![r#"{"function":{"name":"own"}}"#; own].join(",");
            format!(r#"{{"tools":[{own}]}}"#)
        };
        for own in [126, 64, 63, 1, 0] {
            let (_, offer) = offered(&body(own));
            assert!(matches!(offer, Offer::Made(_)), "{own}: {offer:?}");
        }
        for own in [127, 128, 1_000] {
            let (text, offer) = offered(&body(own));
            assert!(
                matches!(offer, Offer::Withheld(Withheld::TooMany)),
                "{own}: {offer:?}"
            );
            assert_eq!(text, body(own));
        }
    }

    #[test]
    fn what_openai_would_refuse_is_mended() {
        let long = "ä".repeat(1_025);
        let spec = ToolSpec::new("t", &*long, "{}").unwrap();
        let tool: serde_json::Value = serde_json::from_str(&render(&spec)).unwrap();
        let function = &tool["function"];
        let description = function["description"].as_str().unwrap();
        assert_eq!(description.chars().count(), LONGEST_DESCRIPTION);
        assert!(description.ends_with("ä [cut]"));
        let empty = serde_json::json!({"type": "object", "properties": {}});
        assert_eq!(function["parameters"], empty);
        let longest = "ä".repeat(1_024);
        let spec = ToolSpec::new("t", &*longest, "{}").unwrap();
        assert!(render(&spec).contains(&longest));
    }

    #[test]
    fn results_become_text() {
        let check = |content: Vec<ToolContent>, is_error, expected: &str| {
            let call_id = "c\"1".to_owned();
            let message = tool_message(&ToolResult {
                call_id,
                content,
                is_error,
            });
            let message: serde_json::Value = serde_json::from_str(&message).unwrap();
            let expected =
                serde_json::json!({"role": "tool", "tool_call_id": "c\"1", "content": expected});
            assert_eq!(message, expected);
        };
        let text = |text: &str| ToolContent::Text(text.to_owned());
        check(vec![text("a\u{1}"), text("b")], false, "a\u{1}\nb");
        check(vec![text("no such file")], true, "Error: no such file");
        check(vec![], false, "[The tool returned nothing.]");
        let image = ToolContent::Image {
            media_type: "image/png".to_owned(),
            data_base64: "AAAA".to_owned(),
        };
        let described = image.described();
        check(vec![image], false, &described);
    }
}
