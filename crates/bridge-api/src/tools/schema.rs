//! Schemas of tools, where APIs take less than JSON Schema allows.
//!
//! They look at all tools of a request, and refuse the whole request for one that they do not like.
//! Tool servers have such tools, so they are mended.

use crate::ToolSpec;
use crate::json::{Patch, Value};

/// What may stand everywhere in a schema but at its top, for OpenAI's APIs.
const REFUSED_BY_OPENAI: [&str; 5] = ["anyOf", "oneOf", "allOf", "enum", "not"];

/// A tool's description and the schema of its input, without members that an API refuses at the
/// schema's top: they are told in the description, for the model to read. Otherwise the schema is
/// the server's own, byte for byte, and says that an input is an object.
pub(crate) fn mended(tool: &ToolSpec, refused: &[&str]) -> (String, String) {
    let mut description = tool.description().to_owned();
    let mut mended = tool.input_schema().to_owned();
    for name in refused {
        if let Some((part, rest)) = taken(&mended, name) {
            description.push_str("\n\nThe input also has to match this part of its JSON schema: ");
            description.push_str(&part);
            mended = rest;
        }
    }
    (description.trim_start().to_owned(), with_type(mended))
}

/// The same for OpenAI's APIs, which also want an object of properties. Tools without input often
/// have none.
pub(crate) fn mended_for_openai(tool: &ToolSpec) -> (String, String) {
    let (description, schema) = mended(tool, &REFUSED_BY_OPENAI);
    let value = Value::new(schema.as_bytes());
    if value.get("properties").is_some_and(Value::is_object) {
        return (description, schema);
    }
    let changed = set(&schema, "properties", "{}");
    (description, changed)
}

/// A member of an object by itself, and the object without it.
fn taken(object: &str, name: &str) -> Option<(String, String)> {
    let whole = Value::new(object.as_bytes());
    let value = whole.get(name)?.source()?;
    let mut patch = Patch::new(object.as_bytes());
    patch.remove(whole, name);
    let rest = String::from_utf8(patch.into_vec()).ok()?;
    Some((format!("{{\"{name}\":{value}}}"), rest))
}

/// An input is an object, and the APIs want to be told.
fn with_type(schema: String) -> String {
    let kind = Value::new(schema.as_bytes()).get("type");
    if kind.and_then(Value::text).as_deref() == Some("object") {
        return schema;
    }
    set(&schema, "type", "\"object\"")
}

fn set(object: &str, name: &str, value: &str) -> String {
    let mut patch = Patch::new(object.as_bytes());
    patch.set(Value::new(object.as_bytes()), name, value);
    String::from_utf8_lossy(&patch.into_vec()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_openai_refuses_at_the_top_is_told_in_words() {
        let check = |schema: &str, expected: (&str, &str)| {
            let tool = ToolSpec::new("a", "d", schema).unwrap();
            let (description, mended) = mended_for_openai(&tool);
            assert_eq!(
                (description.as_str(), mended.as_str()),
                expected,
                "{schema}"
            );
        };
        let good = r#"{ "type":"object","properties":{"a":{"not":{"enum":[1.0]}}},"$defs":{} }"#;
        check(good, ("d", good));
        check(
            r#"{ "type":"object" }"#,
            ("d", r#"{ "type":"object" ,"properties":{}}"#),
        );
        check("{}", ("d", r#"{"type":"object","properties":{}}"#));
        check(
            r#"{"type":["object","null"],"properties":null,"not":{"a":1}}"#,
            (
                "d\n\nThe input also has to match this part of its JSON schema: {\"not\":{\"a\":1}}",
                r#"{"type":"object","properties":{}}"#,
            ),
        );
    }
}
