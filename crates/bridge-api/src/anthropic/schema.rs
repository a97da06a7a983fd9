//! Schemas of tools, where the Messages API takes less than JSON Schema allows.
//!
//! The API looks at all tools of a request, and refuses the whole request for one that it does not
//! like. Servers have such tools, so they are mended here, and what cannot be is left out.

mod draft;

use self::draft::LeftOut;
use crate::ToolSpec;
use crate::json::Value;
use crate::tools::mended as mended_at_top;

/// What may stand everywhere in a schema but at its top.
const COMBINATORS: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// The longest name of a member of the input.
const LONGEST_NAME: usize = 64;

/// A tool's description and the schema of its input; none when the API would not take it.
///
/// The schema is the server's own, byte for byte, unless it combines schemas at its top or has parts
/// that are not of the draft that the API knows. Those are then told in the description, for the
/// model to read.
pub(super) fn mended(tool: &ToolSpec) -> Option<(String, String)> {
    let schema = Value::new(tool.input_schema().as_bytes());
    let properties = schema.get("properties").unwrap_or_default();
    if !properties.members().all(|(name, _)| is_name(&name)) {
        return None;
    }
    let (mut description, schema) = mended_at_top(tool, &COMBINATORS);
    let Some((schema, left_out)) = draft::without_faults(&schema) else {
        return Some((description, schema));
    };
    for LeftOut { at, part } in left_out {
        let place = if at.is_empty() { "its top" } else { &at };
        description.push_str(&format!(
            "\n\nThis part of the input's JSON schema belongs to {place}: {part}"
        ));
    }
    Some((description.trim_start().to_owned(), schema))
}

fn is_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &str, expected: Option<(&str, &str)>) {
        let tool = ToolSpec::new("a", "d", schema).unwrap();
        let mended = mended(&tool);
        let mended = mended
            .as_ref()
            .map(|(one, other)| (one.as_str(), other.as_str()));
        assert_eq!(mended, expected, "{schema}");
    }

    #[test]
    fn good_schemas_stay_as_they_are() {
        let schema = r##"{ "type" : "object","properties":{"a_B-1.c":{"anyOf":[{"$ref":"#/$defs/x"}]}},"$defs":{"x y":{"maximum":1e400}} }"##;
        check(schema, Some(("d", schema)));
    }

    #[test]
    fn an_input_is_an_object() {
        check("{}", Some(("d", r#"{"type":"object"}"#)));
        let several = r#"{"type":["object","null"],"a":1}"#;
        check(several, Some(("d", r#"{"type":"object","a":1}"#)));
    }

    #[test]
    fn what_is_combined_at_the_top_is_told_in_words() {
        let words = "\n\nThe input also has to match this part of its JSON schema: ";
        let schema = r#"{"oneOf":[{"required":["a"]}],"anyOf":[1],"type":"object","allOf":[2]}"#;
        let told = [
            "d",
            r#"{"anyOf":[1]}"#,
            r#"{"oneOf":[{"required":["a"]}]}"#,
            r#"{"allOf":[2]}"#,
        ];
        check(schema, Some((&told.join(words), r#"{"type":"object"}"#)));
        let tool = ToolSpec::new("a", "", r#"{"anyOf":[1]}"#).unwrap();
        assert!(mended(&tool).unwrap().0.starts_with("The input"));
    }

    #[test]
    fn what_is_of_another_draft_is_told_in_words() {
        let schema = r#"{"type":"object","properties":{"a":{"items":[{}]}},"required":true}"#;
        let told = [
            "d",
            r#"This part of the input's JSON schema belongs to properties.a: {"items":[{}]}"#,
            r#"This part of the input's JSON schema belongs to its top: {"required":true}"#,
        ];
        let mended = r#"{"type":"object","properties":{"a":{}}}"#;
        check(schema, Some((&told.join("\n\n"), mended)));
    }

    #[test]
    fn names_that_are_refused_leave_the_tool_out() {
        let long = "a".repeat(LONGEST_NAME + 1);
        for name in ["a b", "a<", "", "é", long.as_str()] {
            check(&format!("{{\"properties\":{{\"{name}\":{{}}}}}}"), None);
        }
        let most = format!(
            "{{\"type\":\"object\",\"properties\":{{\"{}\":{{}}}}}}",
            "a".repeat(LONGEST_NAME)
        );
        check(&most, Some(("d", &most)));
    }
}
