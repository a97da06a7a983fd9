//! JSON that is read where it stands, and only as far as somebody asks.
//!
//! Nothing is built and nothing is checked on the way: what cannot be understood is simply not
//! there. Requests have been checked before, whole answers too; events of a stream have not.

mod fingerprint;
mod patch;
mod text;

use std::borrow::Cow;
use std::ops::Range;

pub(crate) use self::fingerprint::Fingerprint;
pub(crate) use self::patch::Patch;
pub(crate) use self::text::{quoted, unescaped};
use crate::envelope::scan::{Fault, Scanner};

/// A value, from its first byte on. Where it ends is found out only when it matters.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Value<'a>(&'a [u8]);

/// Whether bytes begin with one whole JSON value.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Fault> {
    Scanner::new(bytes, usize::MAX).value(0)
}

impl<'a> Value<'a> {
    /// The value with which these bytes begin.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.get(past_space(bytes, 0)..).unwrap_or_default())
    }

    fn first(self) -> Option<u8> {
        self.0.first().copied()
    }

    pub(crate) fn is_object(self) -> bool {
        self.first() == Some(b'{')
    }

    pub(crate) fn is_array(self) -> bool {
        self.first() == Some(b'[')
    }

    pub(crate) fn is_text(self) -> bool {
        self.first() == Some(b'"')
    }

    /// Whether there is anything. Null is as good as nothing.
    pub(crate) fn is_something(self) -> bool {
        !matches!(self.first(), None | Some(b'n'))
    }

    /// The value's bytes, if it ends. They are as good as what they were taken from: nothing checks
    /// that they are JSON.
    pub(crate) fn raw(self) -> Option<&'a [u8]> {
        self.0.get(..end_of_value(self.0)?)
    }

    /// Where the value stands in what it was read from: anything that ends where that ends.
    pub(crate) fn range_in(self, base: &[u8]) -> Option<Range<usize>> {
        let start = base.len().checked_sub(self.0.len())?;
        Some(start..start + self.raw()?.len())
    }

    /// The value as it is written; null is as good as nothing.
    pub(crate) fn source(self) -> Option<Cow<'a, str>> {
        let end = end_of_value(self.0).filter(|_| self.is_something())?;
        self.0.get(..end).map(String::from_utf8_lossy)
    }

    /// The text of a string. Halves of surrogate pairs become U+FFFD.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        if self.first() != Some(b'"') {
            return None;
        }
        let end = end_of_value(self.0)?;
        self.0.get(1..end.checked_sub(1)?).map(unescaped)
    }

    /// The text of a string with something in it.
    pub(crate) fn filled(self) -> Option<Cow<'a, str>> {
        self.text().filter(|text| !text.is_empty())
    }

    /// The text of a string, the source of anything else, for values that come both ways.
    pub(crate) fn text_or_source(self) -> Option<Cow<'a, str>> {
        self.text().or_else(|| self.source())
    }

    /// How many bytes of text stand here: of a string without its escapes, of anything else as it
    /// is written. Of a value that is cut off counts what is there.
    pub(crate) fn written(self) -> usize {
        match self.first() {
            None | Some(b'n') => 0,
            Some(b'"') => {
                let end = end_of_value(self.0).map_or(self.0.len(), |end| end - 1);
                let inner = self.0.get(1..end).unwrap_or_default();
                let is_plain = memchr::memchr(b'\\', inner).is_none();
                if is_plain {
                    inner.len()
                } else {
                    unescaped(inner).len()
                }
            }
            Some(_) => end_of_value(self.0).unwrap_or(self.0.len()),
        }
    }

    /// A number that is not negative, without what follows its point. One with an exponent is none:
    /// nobody writes a count like that.
    pub(crate) fn count(self) -> Option<u64> {
        let digits = |bytes: &[u8]| {
            bytes
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count()
        };
        let (whole, rest) = self.0.split_at_checked(digits(self.0))?;
        let exponent = match rest.split_first() {
            Some((b'.', fraction)) => fraction.get(digits(fraction)),
            _ => rest.first(),
        };
        if matches!(exponent, Some(b'e' | b'E')) {
            return None;
        }
        std::str::from_utf8(whole).ok()?.parse().ok()
    }

    pub(crate) fn is_true(self) -> bool {
        self.first() == Some(b't')
    }

    pub(crate) fn is_false(self) -> bool {
        self.first() == Some(b'f')
    }

    /// The members of an object in their order; none of anything else.
    pub(crate) fn members(self) -> Members<'a> {
        let rest = self.0.get(1..).filter(|_| self.is_object());
        Members(Walk::new(rest.unwrap_or_default()))
    }

    /// The items of an array in their order; none of anything else.
    pub(crate) fn items(self) -> Items<'a> {
        let rest = self.0.get(1..).filter(|_| self.first() == Some(b'['));
        Items(Walk::new(rest.unwrap_or_default()))
    }

    /// The first member of this name. What follows it is not looked at. Of a name that stands
    /// twice most readers take the last; providers write no name twice.
    pub(crate) fn get(self, name: &str) -> Option<Self> {
        let found = self.members().find(|(other, _)| other == name);
        found.map(|(_, value)| value)
    }
}

/// A position between values.
#[derive(Debug, Clone)]
struct Walk<'a> {
    rest: &'a [u8],
    /// Whether the value that was given out last has yet to be passed.
    is_at_value: bool,
}

impl<'a> Walk<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self {
            rest,
            is_at_value: false,
        }
    }

    /// What stands after the value that was given out last.
    fn next(&mut self) -> Option<Value<'a>> {
        let rest = std::mem::take(&mut self.rest);
        if !std::mem::replace(&mut self.is_at_value, true) {
            return Some(Value::new(rest));
        }
        let comma = past_space(rest, end_of_value(rest)?);
        let rest = rest.get(comma..)?.strip_prefix(b",")?;
        Some(Value::new(rest))
    }
}

/// See [`Value::members`].
#[derive(Debug, Clone)]
pub(crate) struct Members<'a>(Walk<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.0.next()?;
        if name.first() != Some(b'"') {
            return None;
        }
        let end = end_of_string(name.0, 0)?;
        let text = unescaped(name.0.get(1..end.checked_sub(1)?)?);
        let colon = past_space(name.0, end);
        let value = Value::new(name.0.get(colon..)?.strip_prefix(b":")?);
        self.0.rest = value.0;
        Some((text, value))
    }
}

/// See [`Value::items`].
#[derive(Debug, Clone)]
pub(crate) struct Items<'a>(Walk<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let item = self.0.next()?;
        if matches!(item.first(), None | Some(b']')) {
            return None;
        }
        self.0.rest = item.0;
        Some(item)
    }
}

fn past_space(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    from + rest.iter().take_while(is_space).count()
}

/// Where the value at the beginning ends; none when it does not.
fn end_of_value(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => at = end_of_string(bytes, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            _ if depth == 0 => return Some(end_of_word(bytes, at)),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

fn end_of_word(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
    from + rest.iter().position(is_end).unwrap_or(rest.len())
}

/// Quotation marks behind an odd number of backslashes belong to the text.
fn end_of_string(bytes: &[u8], from: usize) -> Option<usize> {
    let inner = bytes.get(from + 1..)?;
    let mut at = 0;
    loop {
        at += memchr::memchr(b'"', inner.get(at..)?)?;
        let before = inner.get(..at)?.iter().rev();
        let backslashes = before.take_while(|byte| **byte == b'\\').count();
        at += 1;
        if backslashes.is_multiple_of(2) {
            return Some(from + 1 + at);
        }
    }
}

#[cfg(test)]
mod tests;
