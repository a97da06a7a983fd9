//! Schemas under the rules of JSON Schema's draft 2020-12, to which the Messages API holds them.
//!
//! Many tool servers write older drafts, or OpenAPI's, whose keywords sometimes have values of
//! another sort. What breaks the rules is left out of the schema: the model may then write an input
//! that the server refuses, and gets to know why.

use crate::json::{Patch, Value};

/// What the value of a keyword has to be.
enum Rule {
    /// A schema: an object, true or false.
    Schema,
    /// An array of schemas, with at least one.
    Schemas,
    /// An object whose members are schemas.
    Map,
    /// A value for which this is true.
    Value(fn(Value<'_>) -> bool),
}

/// What is left out of a schema, and where it stood.
pub(super) struct LeftOut {
    /// The names on the way to the schema that it stood in, with dots between them; empty at the top.
    pub(super) at: String,
    /// The part as an object of one member.
    pub(super) part: String,
}

/// A schema without the parts that break the rules; none when there are none.
pub(super) fn without_faults(schema: &str) -> Option<(String, Vec<LeftOut>)> {
    let mut walk = Walk {
        patch: Patch::new(schema.as_bytes()),
        path: Vec::new(),
        left_out: Vec::new(),
    };
    walk.schema(Value::new(schema.as_bytes()));
    if walk.left_out.is_empty() {
        return None;
    }
    let mended = String::from_utf8(walk.patch.into_vec()).ok()?;
    Some((mended, walk.left_out))
}

/// A way through a schema. Its depth is that of the schema, which is limited.
struct Walk<'a> {
    patch: Patch<'a>,
    path: Vec<String>,
    left_out: Vec<LeftOut>,
}

impl<'a> Walk<'a> {
    fn schema(&mut self, schema: Value<'a>) {
        let members = schema.members();
        let kept: Vec<bool> = members
            .map(|(name, value)| self.member(&name, value))
            .collect();
        if kept.contains(&false) {
            self.patch.retain(schema, &kept);
        }
    }

    /// Whether a keyword of a schema may stay.
    fn member(&mut self, name: &str, value: Value<'a>) -> bool {
        let is_kept = match rule(name) {
            None => true,
            Some(Rule::Value(is_it)) => is_it(value),
            Some(Rule::Schema) => self.one(name, value),
            Some(Rule::Schemas) => self.several(name, value),
            Some(Rule::Map) => value.is_object() && self.map(name, value),
        };
        if !is_kept {
            self.leave_out(name, value);
        }
        is_kept
    }

    fn one(&mut self, name: &str, value: Value<'a>) -> bool {
        self.path.push(name.to_owned());
        self.schema(value);
        self.path.pop();
        is_schema(value)
    }

    fn several(&mut self, name: &str, value: Value<'a>) -> bool {
        if value.items().next().is_none() || !value.items().all(is_schema) {
            return false;
        }
        self.path.push(name.to_owned());
        for item in value.items() {
            self.schema(item);
        }
        self.path.pop();
        true
    }

    /// A member that is no schema becomes one that takes everything, as others may speak of it.
    fn map(&mut self, name: &str, value: Value<'a>) -> bool {
        self.path.push(name.to_owned());
        for (name, value) in value.members() {
            if is_schema(value) {
                self.one(&name, value);
            } else {
                self.leave_out(&name, value);
                self.patch.replace(value, "{}");
            }
        }
        self.path.pop();
        true
    }

    fn leave_out(&mut self, name: &str, value: Value<'_>) {
        let value = value.raw().unwrap_or_default();
        let value = String::from_utf8_lossy(value);
        self.left_out.push(LeftOut {
            at: self.path.join("."),
            part: format!("{{{}:{value}}}", crate::json::quoted(name)),
        });
    }
}

/// The rule for a keyword, as the draft's meta-schemas have it. Keywords that they do not know may
/// have any value.
fn rule(name: &str) -> Option<Rule> {
    Some(match name {
        "items"
        | "contains"
        | "additionalProperties"
        | "propertyNames"
        | "if"
        | "then"
        | "else"
        | "not"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => Rule::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Rule::Schemas,
        "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions" => {
            Rule::Map
        }
        "type" => Rule::Value(is_type_or_types),
        "required" => Rule::Value(is_texts),
        "dependentRequired" => Rule::Value(|value| is_object_of(value, is_texts)),
        "dependencies" => {
            Rule::Value(|value| is_object_of(value, |it| is_schema(it) || is_texts(it)))
        }
        "enum" | "examples" => Rule::Value(|value| value.is_array()),
        "multipleOf" => Rule::Value(|value| number(value).is_some_and(|it| it > 0.0)),
        "maximum" | "exclusiveMaximum" | "minimum" | "exclusiveMinimum" => {
            Rule::Value(|value| number(value).is_some())
        }
        "maxLength" | "minLength" | "maxItems" | "minItems" | "maxContains" | "minContains"
        | "maxProperties" | "minProperties" => Rule::Value(is_size),
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => {
            Rule::Value(|value| value.is_true() || value.is_false())
        }
        "$id" | "$schema" | "$ref" | "$anchor" | "$dynamicRef" | "$dynamicAnchor" | "$comment"
        | "title" | "description" | "pattern" | "format" | "contentEncoding"
        | "contentMediaType" => Rule::Value(|value| value.is_text()),
        _ => return None,
    })
}

fn is_schema(value: Value<'_>) -> bool {
    value.is_object() || value.is_true() || value.is_false()
}

fn is_type_or_types(value: Value<'_>) -> bool {
    let mut types = value.items();
    is_type(value) || (value.items().next().is_some() && types.all(is_type) && is_unique(value))
}

fn is_type(value: Value<'_>) -> bool {
    let text = value.text().unwrap_or_default();
    matches!(
        &*text,
        "array" | "boolean" | "integer" | "null" | "number" | "object" | "string"
    )
}

fn is_texts(value: Value<'_>) -> bool {
    value.is_array() && value.items().all(Value::is_text) && is_unique(value)
}

/// Whether no text of an array stands there twice.
fn is_unique(array: Value<'_>) -> bool {
    let mut texts: Vec<_> = array.items().filter_map(Value::text).collect();
    let count = texts.len();
    texts.sort_unstable();
    texts.dedup();
    texts.len() == count
}

fn is_object_of(value: Value<'_>, is_it: fn(Value<'_>) -> bool) -> bool {
    value.is_object() && value.members().all(|(_, value)| is_it(value))
}

fn number(value: Value<'_>) -> Option<f64> {
    std::str::from_utf8(value.raw()?).ok()?.parse().ok()
}

fn is_size(value: Value<'_>) -> bool {
    number(value).is_some_and(|number| number >= 0.0 && number.fract() == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &str, expected: &str, left_out: &[(&str, &str)]) {
        let (mended, told) = without_faults(schema).unwrap_or((schema.to_owned(), Vec::new()));
        assert_eq!(mended, expected);
        let told: Vec<(&str, &str)> = told
            .iter()
            .map(|it| (it.at.as_str(), it.part.as_str()))
            .collect();
        assert_eq!(told, left_out, "{schema}");
    }

    #[test]
    fn what_the_draft_allows_stays() {
        for schema in [
            "{}",
            r#"{"properties":{"items":{"type":"string"},"type":{"type":["null","array"]},"enum":true}}"#,
            r#"{"items":{"prefixItems":[{},false],"minItems":2.0},"required":[],"nullable":"x"}"#,
            r#"{"exclusiveMinimum":-1e3,"multipleOf":0.1,"default":{"type":1},"const":{"items":[]}}"#,
            r#"{"dependencies":{"a":["b"],"c":{}},"dependentRequired":{"a":[]},"enum":[{"type":2}]}"#,
            r##"{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{"$ref":"#"}}}"##,
        ] {
            check(schema, schema, &[]);
        }
    }

    #[test]
    fn what_older_drafts_had_is_left_out() {
        check(
            r#"{"properties":{"at":{"type":"array", "items":[{"type":"number"}], "minItems":2}}}"#,
            r#"{"properties":{"at":{"type":"array", "minItems":2}}}"#,
            &[("properties.at", r#"{"items":[{"type":"number"}]}"#)],
        );
        check(
            r#"{"properties":{"n":{"minimum":0,"exclusiveMinimum":true,"required":true}}}"#,
            r#"{"properties":{"n":{"minimum":0}}}"#,
            &[
                ("properties.n", r#"{"exclusiveMinimum":true}"#),
                ("properties.n", r#"{"required":true}"#),
            ],
        );
        check(
            r#"{"anyOf":[{"type":"any"},{"items":null}],"additionalProperties":null}"#,
            r#"{"anyOf":[{},{}]}"#,
            &[
                ("anyOf", r#"{"type":"any"}"#),
                ("anyOf", r#"{"items":null}"#),
                ("", r#"{"additionalProperties":null}"#),
            ],
        );
    }

    #[test]
    fn what_no_draft_has_is_left_out() {
        check(
            r#"{"properties":{"a":"string","b":null},"required":["a","a"]}"#,
            r#"{"properties":{"a":{},"b":{}}}"#,
            &[
                ("properties", r#"{"a":"string"}"#),
                ("properties", r#"{"b":null}"#),
                ("", r#"{"required":["a","a"]}"#),
            ],
        );
        for part in [
            r#""properties":[]"#,
            r#""oneOf":[]"#,
            r#""allOf":[{"type":1},null]"#,
            r#""type":[]"#,
            r#""type":["null","null"]"#,
            r#""enum":{}"#,
            r#""maximum":"1""#,
            r#""multipleOf":0"#,
            r#""minLength":-1"#,
            r#""maxItems":1.5"#,
            r#""pattern":null"#,
            r#""uniqueItems":"true""#,
            r#""dependentRequired":{"a":"b"}"#,
        ] {
            let part = format!("{{{part}}}");
            check(&part, "{}", &[("", &part)]);
        }
    }
}
