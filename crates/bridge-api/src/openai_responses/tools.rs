//! Tools of ours in a request, and their results in the next one.

use crate::facts::is_loosely_true;
use crate::json::{Value, quoted};
use crate::tools::{Place, mended_for_openai, put};
use crate::{DialectId, Envelope, Offer, ToolContent, ToolResult, ToolSpec, Toolbox, Withheld};

/// A tool as an item of `tools`. Strictness would have the provider refuse schemas that are not
/// made for it.
pub(crate) fn render(tool: &ToolSpec) -> String {
    let (description, parameters) = mended_for_openai(tool);
    format!(
        r#"{{"type":"function","name":{},"description":{},"parameters":{},"strict":false}}"#,
        quoted(tool.name()),
        quoted(&description),
        parameters,
    )
}

pub(crate) fn offer(envelope: &mut Envelope, toolbox: &Toolbox) -> Offer {
    put(
        DialectId::OpenAiResponses,
        envelope,
        toolbox,
        Place::Last,
        |tool| tool.get("name").and_then(Value::text),
    )
}

/// What the request itself says against tools.
pub(crate) fn withheld(envelope: &Envelope) -> Option<Withheld> {
    if is_loosely_true(envelope, "background") {
        return Some(Withheld::Background);
    }
    let choice = envelope.value("tool_choice").unwrap_or_default();
    match choice.text().as_deref() {
        Some("none") => return Some(Withheld::Forbidden),
        // An object names the tools among which the model has to choose.
        None if choice.is_object() => return Some(Withheld::Forced),
        Some(_) | None => {}
    }
    // Tools in the request would take the place of those in the stored prompt.
    let has_tools = envelope.value("tools").is_some_and(Value::is_something);
    let is_stored = !has_tools && envelope.value("prompt").is_some_and(Value::is_something);
    is_stored.then_some(Withheld::Stored)
}

/// A result as an item of `input`.
pub(super) fn render_result(result: &ToolResult) -> String {
    let mut item = format!(
        r#"{{"type":"function_call_output","call_id":{},"output":"#,
        quoted(&result.call_id)
    );
    let is_image = |content: &ToolContent| content.picture().is_some();
    if result.content.iter().any(is_image) {
        item.push('[');
        let error = result.is_error.then(|| input_text("Error:"));
        let parts = error.into_iter().chain(result.content.iter().map(part));
        let parts: Vec<String> = parts.collect();
        item.push_str(&parts.join(","));
        item.push(']');
    } else {
        item.push_str(&quoted(&result.text()));
    }
    item.push('}');
    item
}

fn part(content: &ToolContent) -> String {
    let Some(picture) = content.picture() else {
        return input_text(&content.described());
    };
    let url = format!("data:{};base64,{}", picture.media_type, picture.data);
    format!(r#"{{"type":"input_image","image_url":{}}}"#, quoted(&url))
}

fn input_text(text: &str) -> String {
    format!(r#"{{"type":"input_text","text":{}}}"#, quoted(text))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{EnvelopeLimits, ResourceBody, offer};

    fn toolbox() -> Toolbox {
        let schema = r#"{"type":"object","$defs":{"n":{"maximum":1e400}},"properties":{}}"#;
        let spec = |name: &str| ToolSpec::new(name, "Says \"x\".", schema).unwrap();
        Toolbox::new(vec![spec("bmcp_b"), spec("bmcp_a")])
    }

    /// The request with the tools, or why it has none.
    fn offered(body: &str) -> Result<String, Withheld> {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let mut envelope = Envelope::parse(bytes, &EnvelopeLimits::default()).unwrap();
        let offer = offer(DialectId::OpenAiResponses, &mut envelope, &toolbox());
        let text = String::from_utf8(envelope.to_bytes().to_vec()).unwrap();
        match offer {
            Offer::Made(_) => Ok(text),
            Offer::Withheld(why) => {
                assert_eq!(text, body);
                Err(why)
            }
        }
    }

    #[test]
    fn tools_stand_behind_those_of_the_client() {
        let one = |name: &str| {
            format!(
                r#"{{"type":"function","name":"{name}","description":"Says \"x\".","parameters":{{"type":"object","$defs":{{"n":{{"maximum":1e400}}}},"properties":{{}}}},"strict":false}}"#
            )
        };
        let both = format!("{},{}", one("bmcp_a"), one("bmcp_b"));
        let check = |before: &str, after: &str| {
            assert_eq!(offered(before).as_deref(), Ok(after));
        };
        check(
            r#"{"tools" : [ {"type":"web_search"} ] ,"parallel_tool_calls":true,"tool_choice":"required"}"#,
            &format!(
                r#"{{"tools" : [ {{"type":"web_search"}} ,{both}] ,"parallel_tool_calls":true,"tool_choice":"required"}}"#
            ),
        );
        check(
            r#"{"model":"m"}"#,
            &format!(r#"{{"model":"m","tools":[{both}]}}"#),
        );
        check(r#"{"tools":null}"#, &format!(r#"{{"tools":[{both}]}}"#));
        let own = r#"{"type":"custom","name":"bmcp_a"}"#;
        check(
            &format!(r#"{{"tools":[{own}]}}"#),
            &format!(r#"{{"tools":[{own},{}]}}"#, one("bmcp_b")),
        );
    }

    #[test]
    fn requests_that_could_not_use_them_are_given_none() {
        let check = |body: &str, why: Withheld| assert_eq!(offered(body), Err(why), "{body}");
        check(r#"{"tool_choice":"none"}"#, Withheld::Forbidden);
        for kind in ["function", "custom", "allowed_tools", "file_search", "mcp"] {
            let body = format!(r#"{{"tool_choice":{{"type":"{kind}","name":"x"}}}}"#);
            check(&body, Withheld::Forced);
        }
        check(r#"{"background":true}"#, Withheld::Background);
        check(r#"{"tools":{}}"#, Withheld::NotAnArray);
        check(r#"{"prompt":{"id":"p"}}"#, Withheld::Stored);
        assert!(offered(r#"{"prompt":{"id":"p"},"tools":[]}"#).is_ok());
        assert!(offered(r#"{"prompt":null,"tool_choice":null,"background":false}"#).is_ok());
        let taken = r#"{"tools":[{"name":"bmcp_a"},{"name":"bmcp_b"}]}"#;
        check(taken, Withheld::Taken);
    }

    #[test]
    fn results_are_text_unless_there_is_something_to_see() {
        let check = |content: Vec<ToolContent>, is_error: bool, expected: &str| {
            let result = ToolResult {
                call_id: "c\"1".to_owned(),
                content,
                is_error,
            };
            let expected = format!(
                r#"{{"type":"function_call_output","call_id":"c\"1","output":{expected}}}"#
            );
            assert_eq!(render_result(&result), expected);
        };
        let text = |text: &str| ToolContent::Text(text.to_owned());
        let image = || ToolContent::Image {
            media_type: "image/png".to_owned(),
            data_base64: "R0lGODlhAQAB".to_owned(),
        };
        check(vec![], false, r#""[The tool returned nothing.]""#);
        check(vec![text("a\n"), text("b")], false, r#""a\n\nb""#);
        check(vec![text("no")], true, r#""Error: no""#);
        let resource = ToolContent::Resource {
            uri: "file:///a".to_owned(),
            media_type: None,
            body: ResourceBody::Text("inside".to_owned()),
        };
        check(vec![resource], false, r#""inside""#);
        let picture = r#"{"type":"input_image","image_url":"data:image/gif;base64,R0lGODlhAQAB"}"#;
        check(
            vec![text("a"), image()],
            false,
            &format!(r#"[{{"type":"input_text","text":"a"}},{picture}]"#),
        );
        check(
            vec![image()],
            true,
            &format!(r#"[{{"type":"input_text","text":"Error:"}},{picture}]"#),
        );
    }
}
