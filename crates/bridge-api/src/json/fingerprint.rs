//! Whether two pieces of JSON say the same, by a number.

use std::hash::{DefaultHasher, Hasher};

use super::Value;

/// How deeply containers are told apart by what they say. What is nested more deeply counts as it
/// is written.
const DEEPEST: usize = 16;

/// The number of something that was said. Programs read JSON and write it again, with other white
/// space, escapes, spellings of numbers and orders of members, and leave out members that are null;
/// all of this is the same here.
///
/// It serves to find things in memory, never to prove anything: it is not made for people who look
/// for two texts with one number.
#[derive(Debug, Default)]
pub(crate) struct Fingerprint(DefaultHasher);

impl Fingerprint {
    /// A text that is known by its place.
    pub(crate) fn text(&mut self, text: &str) {
        self.0.write_usize(text.len());
        self.0.write(text.as_bytes());
    }

    /// Another fingerprint.
    pub(crate) fn number(&mut self, number: u64) {
        self.0.write_u64(number);
    }

    /// Everything that a value says.
    pub(crate) fn value(&mut self, value: Value<'_>) {
        self.number(of(value, 0, &[]));
    }

    /// Everything but some members of an object.
    pub(crate) fn value_without(&mut self, value: Value<'_>, names: &[&str]) {
        self.number(of(value, 0, names));
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0.finish()
    }
}

fn of(value: Value<'_>, depth: usize, without: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value.first() {
        _ if depth == DEEPEST => hasher.write(value.raw().unwrap_or_default()),
        Some(b'{') => {
            hasher.write_u8(b'{');
            hasher.write_u64(members(value, depth, without));
        }
        Some(b'[') => {
            hasher.write_u8(b'[');
            for item in value.items() {
                hasher.write_u64(of(item, depth + 1, &[]));
            }
        }
        Some(b'"') => {
            hasher.write_u8(b'"');
            hasher.write(value.text().unwrap_or_default().as_bytes());
        }
        Some(b'-' | b'0'..=b'9') => hasher.write_u64(number(value)),
        Some(byte) => hasher.write_u8(byte),
        None => {}
    }
    hasher.finish()
}

/// A sum, so that the order of members does not matter.
fn members(object: Value<'_>, depth: usize, without: &[&str]) -> u64 {
    let mut sum = 0_u64;
    for (name, value) in object.members() {
        if !value.is_something() || without.contains(&&*name) {
            continue;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(name.as_bytes());
        hasher.write_u64(of(value, depth + 1, &[]));
        sum = sum.wrapping_add(hasher.finish());
    }
    sum
}

/// Numbers are compared as most programs read them.
fn number(value: Value<'_>) -> u64 {
    let raw = value.raw().unwrap_or_default();
    let number: Option<f64> = std::str::from_utf8(raw)
        .ok()
        .and_then(|raw| raw.parse().ok());
    number.map_or(0, |number| (number + 0.0).to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> u64 {
        let mut fingerprint = Fingerprint::default();
        fingerprint.value_without(Value::new(text.as_bytes()), &["cache_control"]);
        fingerprint.finish()
    }

    #[test]
    fn spelling_does_not_matter() {
        let same = |one: &str, other: &str| assert_eq!(of(one), of(other), "{one} {other}");
        same(
            r#"{"a":[1,"é"],"b":{}}"#,
            r#" { "b" : { } , "a":[ 1.0 , "\u00e9" ] } "#,
        );
        same(r#"{"a":1e3,"b":-0}"#, r#"{"a":1000,"b":0,"c":null}"#);
        same(
            r#"{"a":1,"cache_control":{"type":"ephemeral"}}"#,
            r#"{"a":1}"#,
        );
        same("12345678901234567890", "12345678901234567000");
    }

    #[test]
    fn everything_else_does() {
        let different = |one: &str, other: &str| assert_ne!(of(one), of(other), "{one} {other}");
        different(r#"{"a":1}"#, r#"{"a":"1"}"#);
        different(r#"{"a":1}"#, r#"{"b":1}"#);
        different(r#"{"a":{"b":1},"c":2}"#, r#"{"a":{"b":2},"c":1}"#);
        different("[1,2]", "[2,1]");
        different("[[1],2]", "[1,[2]]");
        different("true", "false");
        different("[]", "{}");
        different(r#"{"a":{"cache_control":1}}"#, r#"{"a":{}}"#);
    }

    #[test]
    fn deep_nesting_is_survived() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        different_from_shallow(&deep);
    }

    fn different_from_shallow(deep: &str) {
        assert_ne!(of(deep), of("[]"));
    }
}
