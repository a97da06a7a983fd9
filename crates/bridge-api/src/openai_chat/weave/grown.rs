//! An object that a stream tells piece by piece, kept as the provider writes it.

use std::borrow::Cow;

use super::details;
use crate::WeaveError;
use crate::json::{Value, quoted, unescaped};
use crate::weave::Budget;

/// Members that are words of their own: of several pieces the first that says something counts.
const SAID_ONCE: [&str; 4] = ["id", "name", "role", "type"];

/// The members so far, in the order in which they were first told. Texts grow by their pieces,
/// arrays by their items, objects by their members; of anything else the last value counts. Nothing
/// is read out of its escapes, so that half a character in one piece meets the other in the next.
#[derive(Debug, Default)]
pub(super) struct Grown {
    members: Vec<(String, Part)>,
}

/// What was told of one member.
#[derive(Debug, Default)]
struct Part {
    kind: Kind,
    /// What stands between the quotation marks or brackets, or all of it.
    bytes: Vec<u8>,
    object: Grown,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Other,
    Text,
    Items,
    Object,
}

impl Grown {
    /// Takes what a piece says of a member. Null says nothing.
    pub(super) fn push(
        &mut self,
        name: &str,
        value: Value<'_>,
        budget: &mut Budget,
    ) -> Result<(), WeaveError> {
        let Some(raw) = value.raw().filter(|_| value.is_something()) else {
            return Ok(());
        };
        let kind = Kind::of(value);
        if self.part(name).is_none() {
            budget.take_item(name.len())?;
        }
        if kind != Kind::Object {
            budget.take(raw.len())?;
        }
        match (self.place(name), kind) {
            (Some(part), Kind::Object) => {
                part.kind = kind;
                part.object.push_members(value, budget)
            }
            (Some(part), Kind::Text | Kind::Items | Kind::Other) => {
                part.grow(name, kind, inner(raw, kind));
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    fn push_members(&mut self, object: Value<'_>, budget: &mut Budget) -> Result<(), WeaveError> {
        let mut members = object.members();
        members.try_for_each(|(name, value)| self.push(&name, value, budget))
    }

    /// A member's text with its escapes, if it is a text.
    pub(super) fn text(&self, name: &str) -> Option<&[u8]> {
        let part = self.part(name).filter(|part| part.kind == Kind::Text);
        part.map(|part| part.bytes.as_slice())
    }

    /// The items of a member that is an array, with commas between them.
    pub(super) fn items(&self, name: &str) -> Option<&[u8]> {
        let part = self.part(name).filter(|part| part.kind == Kind::Items);
        part.map(|part| part.bytes.as_slice())
    }

    /// The text that a message shows, with its escapes: nothing when it shows none. No answer when
    /// it shows more than text.
    pub(super) fn content(&self) -> Option<Cow<'_, [u8]>> {
        if self.has("content") {
            self.text("content").map(sound)
        } else {
            Some(Cow::Borrowed(b""))
        }
    }

    /// A member that is an object.
    pub(super) fn within(&self, name: &str) -> Option<&Self> {
        let part = self.part(name).filter(|part| part.kind == Kind::Object);
        part.map(|part| &part.object)
    }

    /// A member that is there and says something.
    pub(super) fn has(&self, name: &str) -> bool {
        self.part(name).is_some_and(|part| !part.is_empty())
    }

    /// A member as JSON, if it says something.
    pub(super) fn raw(&self, name: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let part = self.part(name).filter(|part| !part.is_empty());
        part?.write(name, &mut out);
        Some(out)
    }

    /// Names of members that say something.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let members = self.members.iter().filter(|(_, part)| !part.is_empty());
        members.map(|(name, _)| name.as_str())
    }

    /// The object as JSON, without members that say nothing.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut is_first = true;
        for (name, part) in self.members.iter().filter(|(_, part)| !part.is_empty()) {
            if !std::mem::take(&mut is_first) {
                out.push(b',');
            }
            write_member(name, part, out);
        }
        out.push(b'}');
    }

    /// Members as JSON, each behind a comma, but for those with these names.
    pub(super) fn write_others(&self, names: &[&str], out: &mut Vec<u8>) {
        let others = self.members.iter().filter(|(_, part)| !part.is_empty());
        for (name, part) in others.filter(|(name, _)| !names.contains(&name.as_str())) {
            out.push(b',');
            write_member(name, part, out);
        }
    }

    /// The place of a member, made when it is not there.
    fn place(&mut self, name: &str) -> Option<&mut Part> {
        let known = self.members.iter().position(|(known, _)| known == name);
        let at = known.unwrap_or(self.members.len());
        if known.is_none() {
            self.members.push((name.to_owned(), Part::default()));
        }
        self.members.get_mut(at).map(|(_, part)| part)
    }

    fn part(&self, name: &str) -> Option<&Part> {
        let found = self.members.iter().find(|(known, _)| known == name);
        found.map(|(_, part)| part)
    }
}

impl Part {
    fn grow(&mut self, name: &str, kind: Kind, piece: &[u8]) {
        match (self.kind, kind) {
            (Kind::Text, Kind::Text) => {
                if !SAID_ONCE.contains(&name) || self.bytes.is_empty() {
                    self.bytes.extend_from_slice(piece);
                }
            }
            (Kind::Items, Kind::Items) => join(&mut self.bytes, piece),
            // Content comes as text and as parts, with some providers as both.
            (Kind::Items, Kind::Text) => join(&mut self.bytes, &text_part(piece)),
            (Kind::Text, Kind::Items) => {
                if !self.bytes.is_empty() {
                    self.bytes = text_part(&self.bytes);
                }
                join(&mut self.bytes, piece);
                self.kind = Kind::Items;
            }
            (Kind::Object | Kind::Other, _) | (_, Kind::Object | Kind::Other) => {
                (self.kind, self.bytes) = (kind, piece.to_vec());
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self.kind {
            Kind::Text | Kind::Items | Kind::Other => self.bytes.is_empty(),
            Kind::Object => self.object.members.is_empty(),
        }
    }

    fn write(&self, name: &str, out: &mut Vec<u8>) {
        let (open, close) = match self.kind {
            Kind::Text => ("\"", "\""),
            Kind::Items => ("[", "]"),
            Kind::Other => ("", ""),
            Kind::Object => return self.object.write(out),
        };
        let bytes = match self.kind {
            Kind::Text => sound(&self.bytes),
            Kind::Items if name == details::MEMBER => details::whole(&self.bytes).into(),
            Kind::Items | Kind::Other | Kind::Object => Cow::Borrowed(self.bytes.as_slice()),
        };
        out.extend_from_slice(open.as_bytes());
        out.extend_from_slice(&bytes);
        out.extend_from_slice(close.as_bytes());
    }
}

impl Kind {
    fn of(value: Value<'_>) -> Self {
        if value.is_text() {
            Self::Text
        } else if value.is_array() {
            Self::Items
        } else if value.is_object() {
            Self::Object
        } else {
            Self::Other
        }
    }
}

/// A text with its escapes, in which no half of a character is left alone: many readers refuse
/// those.
pub(super) fn sound(inner: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memmem::find(inner, b"\\u").is_none() {
        return Cow::Borrowed(inner);
    }
    let text = unescaped(inner);
    if !text.contains(char::REPLACEMENT_CHARACTER) {
        return Cow::Borrowed(inner);
    }
    let mut quoted = quoted(&text).into_bytes();
    quoted.pop();
    quoted.remove(0);
    Cow::Owned(quoted)
}

fn write_member(name: &str, part: &Part, out: &mut Vec<u8>) {
    out.extend_from_slice(quoted(name).as_bytes());
    out.push(b':');
    part.write(name, out);
}

/// What stands between two quotation marks or brackets; all of anything else.
fn inner(raw: &[u8], kind: Kind) -> &[u8] {
    let between = raw.get(1..raw.len().saturating_sub(1));
    match kind {
        Kind::Text => between.unwrap_or_default(),
        Kind::Items => between.unwrap_or_default().trim_ascii(),
        Kind::Object | Kind::Other => raw,
    }
}

fn join(items: &mut Vec<u8>, more: &[u8]) {
    if !items.is_empty() && !more.is_empty() {
        items.push(b',');
    }
    items.extend_from_slice(more);
}

fn text_part(inner: &[u8]) -> Vec<u8> {
    let mut part = b"{\"type\":\"text\",\"text\":\"".to_vec();
    part.extend_from_slice(&sound(inner));
    part.extend_from_slice(b"\"}");
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WeaveLimits;

    fn check(pieces: &[&str], expected: &str) {
        let mut grown = Grown::default();
        let mut budget = Budget::new(WeaveLimits::default());
        for piece in pieces {
            grown
                .push_members(Value::new(piece.as_bytes()), &mut budget)
                .unwrap();
        }
        let mut out = Vec::new();
        grown.write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{pieces:?}");
    }

    #[test]
    fn pieces_become_what_they_are_pieces_of() {
        check(&[r#"{"content":null}"#, r#"{"content":""}"#], "{}");
        check(
            &[
                r#"{"role":"assistant","content":"a\ud83d"}"#,
                r#"{"role":"assistant","content":"\ude00","x":1.50}"#,
                r#"{"x":12345678901234567890}"#,
            ],
            r#"{"role":"assistant","content":"a\ud83d\ude00","x":12345678901234567890}"#,
        );
        check(
            &[
                r#"{"id":"c","function":{"name":"f"}}"#,
                r#"{"id":"c","function":{"name":"f","arguments":"{\"a"}}"#,
                r#"{"function":{"arguments":"\":1}"},"extra":{"sign":"x"}}"#,
            ],
            r#"{"id":"c","function":{"name":"f","arguments":"{\"a\":1}"},"extra":{"sign":"x"}}"#,
        );
        check(
            &[r#"{"details":[{"a":1}]}"#, r#"{"details":[ {"b":2} ]}"#],
            r#"{"details":[{"a":1},{"b":2}]}"#,
        );
        check(
            &[
                r#"{"content":"a"}"#,
                r#"{"content":[{"type":"x"}]}"#,
                r#"{"content":"b"}"#,
            ],
            r#"{"content":[{"type":"text","text":"a"},{"type":"x"},{"type":"text","text":"b"}]}"#,
        );
        check(&[r#"{"a":"x"}"#, r#"{"a":{"b":1}}"#], r#"{"a":{"b":1}}"#);
        check(
            &[r#"{"a":"\"\ud83d"}"#, r#"{"a":"\n"}"#],
            "{\"a\":\"\\\"\u{fffd}\\n\"}",
        );
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let limits = WeaveLimits {
            bytes: 12,
            items: 2,
        };
        let mut budget = Budget::new(limits);
        let mut grown = Grown::default();
        let abc = Value::new(b"\"abc\"");
        assert_eq!(grown.push("text", abc, &mut budget), Ok(()));
        let error = WeaveError::TooLarge { limit: 12 };
        assert_eq!(grown.push("text", abc, &mut budget), Err(error));
        let number = Value::new(b"1");
        assert_eq!(grown.push("b", number, &mut budget), Ok(()));
        let error = WeaveError::TooMany { limit: 2 };
        assert_eq!(grown.push("c", number, &mut budget), Err(error));
        assert_eq!(grown.text("text"), Some(&b"abc"[..]));
    }
}
