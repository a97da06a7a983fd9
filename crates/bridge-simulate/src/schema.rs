//! Arguments that a tool's JSON schema allows.
//!
//! Only what is required is given. The values are plain: a tool that is called with them does
//! little harm.

use serde_json::{Map, Value, json};

/// Schemas nested deeper than this are answered with `null`.
const DEEPEST: usize = 12;

/// Lists are not made longer than this, whatever `minItems` says.
const LONGEST: u64 = 16;

/// Plausible arguments for a tool with this schema.
pub(crate) fn arguments(schema: &Value) -> Value {
    let value = Example { root: schema }.of(schema, "", 0);
    match value.is_object() {
        true => value,
        // Tools take objects, also where the schema is silent.
        false => Value::Object(Map::new()),
    }
}

struct Example<'s> {
    root: &'s Value,
}

impl Example<'_> {
    fn of(&self, schema: &Value, name: &str, depth: usize) -> Value {
        if depth > DEEPEST {
            return Value::Null;
        }
        for key in ["const", "default"] {
            if let Some(value) = schema.get(key) {
                return value.clone();
            }
        }
        let first = |key: &str| schema.get(key)?.as_array()?.first();
        if let Some(value) = first("enum").or_else(|| first("examples")) {
            return value.clone();
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = target
                .strip_prefix('#')
                .and_then(|at| self.root.pointer(at));
            return target.map_or(Value::Null, |target| self.of(target, name, depth + 1));
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            if let Some(inner) = first(key) {
                return self.of(inner, name, depth + 1);
            }
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, name, depth),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            "boolean" => json!(false),
            "null" => Value::Null,
            _ => json!(text(schema, name)),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array);
        let names = required.into_iter().flatten().filter_map(Value::as_str);
        names
            .map(|name| {
                let schema = schema.get("properties").and_then(|all| all.get(name));
                let value = self.of(schema.unwrap_or(&Value::Null), name, depth + 1);
                (name.to_owned(), value)
            })
            .collect::<Map<_, _>>()
            .into()
    }

    fn array(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1);
        let item = self.of(schema.get("items").unwrap_or(&Value::Null), name, depth + 1);
        // A deep tree of long lists would grow without end.
        let length = if depth < 3 {
            least.min(LONGEST)
        } else {
            least.min(1)
        };
        (0..length).map(|_| item.clone()).collect()
    }
}

fn kind(schema: &Value) -> &str {
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null"),
        Some(kind) => kind.as_str(),
        None => None,
    };
    match kind {
        Some(kind) => kind,
        None if schema.get("properties").is_some() => "object",
        None => "string",
    }
}

/// A text that fits its format, or else its name.
fn text(schema: &Value, name: &str) -> String {
    let format = schema.get("format").and_then(Value::as_str);
    let name = name.to_ascii_lowercase();
    let says = |word: &str| name.contains(word);
    let text = match format {
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("date") => "2026-01-01",
        Some("time") => "00:00:00Z",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("email") => "someone@example.com",
        Some("uri" | "url") => "https://example.com/",
        _ if says("url") || says("uri") => "https://example.com/",
        _ if says("path") || says("file") => "README.md",
        _ if says("dir") || says("cwd") || says("folder") => ".",
        _ if says("command") || says("cmd") => "echo simulated",
        _ => "simulated",
    };
    let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
    let least = usize::try_from(least.min(1024)).unwrap_or(0);
    format!("{text:x<least$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_filled() {
        let check = |schema: Value, wanted: Value| {
            assert_eq!(arguments(&schema), wanted, "{schema}");
        };
        let one = |schema: Value| json!({"type": "object", "properties": {"it": schema}, "required": ["it"]});
        check(json!({}), json!({}));
        check(json!(null), json!({}));
        check(json!({"type": "array"}), json!({}));
        check(
            json!({"properties": {"free": {"type": "string"}}}),
            json!({}),
        );
        check(one(json!({"type": "string"})), json!({"it": "simulated"}));
        check(
            one(json!({"type": "string", "minLength": 12})),
            json!({"it": "simulatedxxx"}),
        );
        check(
            one(json!({"type": "string", "format": "date"})),
            json!({"it": "2026-01-01"}),
        );
        check(
            one(json!({"type": "integer", "minimum": 3})),
            json!({"it": 3}),
        );
        check(one(json!({"type": ["null", "number"]})), json!({"it": 1}));
        check(one(json!({"type": "boolean"})), json!({"it": false}));
        check(one(json!({"enum": ["b", "a"]})), json!({"it": "b"}));
        check(one(json!({"const": 7})), json!({"it": 7}));
        check(
            one(json!({"anyOf": [{"type": "null"}, {"type": "string"}]})),
            json!({"it": null}),
        );
        check(
            one(json!({"type": "array", "items": {"type": "integer"}, "minItems": 2})),
            json!({"it": [1, 1]}),
        );
        check(
            json!({
                "type": "object",
                "properties": {"file_path": {"type": "string"}, "command": {"type": "string"}},
                "required": ["file_path", "command"],
            }),
            json!({"file_path": "README.md", "command": "echo simulated"}),
        );
        check(
            json!({
                "type": "object",
                "properties": {"it": {"$ref": "#/$defs/That"}},
                "required": ["it"],
                "$defs": {"That": {"type": "boolean"}},
            }),
            json!({"it": false}),
        );
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let schema = json!({
            "type": "object",
            "properties": {"next": {"$ref": "#"}},
            "required": ["next"],
        });
        assert!(arguments(&schema).pointer("/next/next/next").is_some());
    }
}
