//! JSON that is read one level at a time: what nobody asks for is passed over and not built.
//!
//! Of a name that stands twice the last value counts, as most readers have it.

use std::collections::HashMap;

use serde_json::value::RawValue;

/// The members of an object, unread.
pub(crate) type Object<'a> = HashMap<String, &'a RawValue>;

/// The members of a text that is an object.
pub(crate) fn object(text: &str) -> Option<Object<'_>> {
    serde_json::from_str(text).ok()
}

/// The items of a text that is an array.
pub(crate) fn items(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

/// A text that is a string.
pub(crate) fn string(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

/// What is asked of a member.
pub(crate) trait Members {
    /// The member as it is written; null is as good as nothing.
    fn raw(&self, name: &str) -> Option<&str>;

    /// The member if it is a string.
    fn text(&self, name: &str) -> Option<String> {
        self.raw(name).and_then(string)
    }

    /// The member if it is a string with something in it.
    fn filled(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// The member if it is an object.
    fn object(&self, name: &str) -> Option<Object<'_>> {
        self.raw(name).and_then(object)
    }

    /// The items of the member if it is an array, none otherwise.
    fn items(&self, name: &str) -> Vec<&RawValue> {
        self.raw(name).and_then(items).unwrap_or_default()
    }

    /// The member if it is a whole number that is not negative.
    fn count(&self, name: &str) -> Option<u64> {
        self.raw(name)
            .and_then(|text| serde_json::from_str(text).ok())
    }

    /// The member if it is a string, its source if it is anything else, for values that come both
    /// ways.
    fn text_or_source(&self, name: &str) -> Option<String> {
        let raw = self.raw(name)?;
        Some(string(raw).unwrap_or_else(|| raw.to_owned()))
    }
}

impl Members for Object<'_> {
    fn raw(&self, name: &str) -> Option<&str> {
        self.get(name)
            .map(|value| value.get())
            .filter(|text| *text != "null")
    }
}

/// Whether `"name": value` stands somewhere in the text with a value other than null. Cheap, and
/// may be wrong in one direction: text of a model can look like it.
pub(crate) fn may_have(text: &[u8], quoted_name: &[u8]) -> bool {
    memchr::memmem::find_iter(text, quoted_name).any(|at| {
        let rest = text
            .get(at + quoted_name.len()..)
            .unwrap_or_default()
            .trim_ascii_start();
        let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| !value.starts_with(b"null"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_as_they_are_asked_for() {
        let text = r#"{"a":"x","b":[1,"y"],"c":7,"n":null,"a":"z","o":{"k":""},"m":-1}"#;
        let members = object(text).unwrap();
        assert_eq!(members.text("a").as_deref(), Some("z"));
        assert_eq!(members.items("b").len(), 2);
        assert_eq!(
            (members.count("c"), members.count("m"), members.raw("n")),
            (Some(7), None, None)
        );
        assert_eq!(members.object("o").unwrap().filled("k"), None);
        assert_eq!(members.text_or_source("b").as_deref(), Some("[1,\"y\"]"));
        assert!(object("[]").is_none() && object("{").is_none());
    }

    #[test]
    fn null_is_no_value() {
        assert!(!may_have(br#"{"usage":null}"#, b"\"usage\""));
        assert!(!may_have(br#"{"usage" : null}"#, b"\"usage\""));
        assert!(may_have(br#"{"x":"\"usage\"","usage": {}}"#, b"\"usage\""));
        assert!(!may_have(br#"{"content":"usage"}"#, b"\"usage\""));
    }
}
