//! Patterns of names of models.

use toml::Value;

use super::{Setting, shown};

/// How many patterns there may be: each request is compared with all of them.
const MOST: usize = 64;
/// How long one may be, in bytes.
const LONGEST: usize = 128;

/// Patterns in which `*` stands for anything. A text is a list with commas, so that a variable can
/// hold several; `off` is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelPatterns(pub(crate) Vec<String>);

impl Setting for ModelPatterns {
    fn read(value: &Value) -> Result<Self, String> {
        let texts = match value {
            Value::String(text) if text.trim() == "off" => Vec::new(),
            Value::String(text) => text.split(',').map(str::trim).collect(),
            Value::Array(values) => values
                .iter()
                .map(|one| one.as_str().unwrap_or("").trim())
                .collect(),
            Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Table(_) => vec![""],
        };
        if texts.len() > MOST {
            return Err(format!("are more than {MOST} patterns"));
        }
        let is_good =
            |text: &str| (1..=LONGEST).contains(&text.len()) && !text.contains(char::is_whitespace);
        if !texts.iter().all(|text| is_good(text)) {
            let given = shown(value);
            return Err(format!(
                "{given} has no pattern of a model's name in some place: give one like *haiku*, \
                 several with commas between them, or off"
            ));
        }
        Ok(Self(texts.into_iter().map(str::to_owned).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_a_list_or_a_text() {
        let check = |value: Value, expected: Option<&[&str]>| {
            let read = ModelPatterns::read(&value);
            let texts = |patterns: &ModelPatterns| patterns.0.join(" ");
            let expected = expected.map(|texts| texts.join(" "));
            assert_eq!(read.as_ref().ok().map(texts), expected, "{value}");
        };
        let text = |text: &str| Value::String(text.to_owned());
        check(text("*haiku*"), Some(&["*haiku*"]));
        check(
            text("*haiku*, gpt-5-nano"),
            Some(&["*haiku*", "gpt-5-nano"]),
        );
        check(text("off"), Some(&[]));
        check(Value::Array(vec![]), Some(&[]));
        check(Value::Array(vec![text("a"), text("b")]), Some(&["a", "b"]));
        check(text(""), None);
        check(text("a,,b"), None);
        check(text("two words"), None);
        check(text(&"x".repeat(129)), None);
        check(text(&vec!["a"; 65].join(",")), None);
        check(Value::Integer(7), None);
    }
}
