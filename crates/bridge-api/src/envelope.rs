//! A request whose untouched parts stay byte for byte.
//!
//! Prompt caches and signatures of providers depend on the exact bytes, so a request is not read
//! into a tree and written again: where its top-level members stand is remembered, and an edit
//! replaces one of them.

mod error;
mod index;
mod insert;
pub(crate) mod scan;

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

pub use self::error::{EnvelopeError, EnvelopeLimits};
use self::index::Member;
use self::insert::{Inserted, Side};
use self::scan::Scanner;
use crate::json::Value;

/// A JSON object, its bytes, and where its members stand in them.
///
/// When a name stands there twice, the last one counts, as it does for the parsers of providers.
#[derive(Debug, Clone)]
pub struct Envelope {
    body: Bytes,
    limits: EnvelopeLimits,
    /// The members, also those that were removed.
    members: Vec<Member>,
    /// Members that were not there, in the order in which they were set.
    added: Vec<(String, Bytes)>,
    is_edited: bool,
}

impl Envelope {
    /// Checks that the whole body is one JSON object, and remembers where its members stand.
    ///
    /// # Errors
    /// When it is not, or goes beyond the limits.
    pub fn parse(body: Bytes, limits: &EnvelopeLimits) -> Result<Self, EnvelopeError> {
        if let Err(cause) = std::str::from_utf8(&body) {
            let position = cause.valid_up_to();
            return Err(EnvelopeError::NotUtf8 { position });
        }
        let members = index::index(&body, limits)?;
        Ok(Self {
            body,
            limits: limits.clone(),
            members,
            added: Vec::new(),
            is_edited: false,
        })
    }

    /// Names of the members in their order, a name that stands there twice twice.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let kept = self.members.iter().filter(|member| !member.is_removed);
        let kept = kept.map(|member| self.name(member).into_owned());
        kept.chain(self.added.iter().map(|(name, _)| name.clone()))
    }

    /// A member's value, as the JSON that stands there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.bytes_of(name).map(text)
    }

    fn bytes_of(&self, name: &str) -> Option<&[u8]> {
        if let Some(member) = self.member(name) {
            return Some(self.value_of(member));
        }
        let added = self.added.iter().find(|(added, _)| added == name);
        added.map(|(_, value)| value.as_ref())
    }

    /// Gives a member this JSON value, in its place, or at the end when there is no such member.
    /// All other members keep their bytes; of several with the name only the last remains, so that
    /// every reader sees the new value.
    ///
    /// # Errors
    /// When the value is not JSON or nested too deeply. Nothing has changed then.
    pub fn set(&mut self, name: &str, value: Bytes) -> Result<(), EnvelopeError> {
        self.check(&value)?;
        self.replace(name, value);
        Ok(())
    }

    /// Like [`Envelope::set`], with a value of which it is known that it is JSON.
    pub(crate) fn replace(&mut self, name: &str, value: Bytes) {
        self.is_edited = true;
        let Some(last) = self.last(name) else {
            match self.added.iter_mut().find(|(added, _)| added == name) {
                Some((_, old)) => *old = value,
                None => self.added.push((name.to_owned(), value)),
            }
            return;
        };
        self.remove_members(name);
        if let Some(member) = self.members.get_mut(last) {
            member.is_removed = false;
            member.replaced = Some(value);
            member.inserted = None;
        }
    }

    /// Puts items at the beginning of a member that is an array: one, or several with commas
    /// between them. A member that is missing or null becomes an array of them. Nothing else
    /// changes, and nothing is copied before the whole request is.
    ///
    /// The items are not checked: whoever made them knows that they are JSON.
    ///
    /// # Errors
    /// When the member is something else. Nothing has changed then.
    pub fn prepend_items(&mut self, name: &str, items: Bytes) -> Result<(), EnvelopeError> {
        self.insert(name, Side::Front, items)
    }

    /// Puts items at the end, otherwise like [`Envelope::prepend_items`].
    ///
    /// # Errors
    /// When the member is something else. Nothing has changed then.
    pub fn append_items(&mut self, name: &str, items: Bytes) -> Result<(), EnvelopeError> {
        self.insert(name, Side::Back, items)
    }

    fn insert(&mut self, name: &str, side: Side, items: Bytes) -> Result<(), EnvelopeError> {
        if items.is_empty() {
            return Ok(());
        }
        // What was put into an array before leaves it an array: it is not put together to be asked.
        let value = match self.member(name) {
            Some(member) => Value::new(self.value_before_insertion(member)),
            None => self.value(name).unwrap_or_default(),
        };
        if !value.is_something() {
            let mut array = Vec::with_capacity(items.len() + 2);
            array.push(b'[');
            array.extend_from_slice(&items);
            array.push(b']');
            self.replace(name, Bytes::from(array));
            return Ok(());
        }
        if !value.is_array() {
            return Err(EnvelopeError::NotAnArray);
        }
        self.is_edited = true;
        if let Some(member) = self.last(name).and_then(|at| self.members.get_mut(at)) {
            member.inserted.get_or_insert_default().insert(side, items);
        } else if let Some((_, array)) = self.added.iter_mut().find(|(added, _)| added == name) {
            let mut inserted = Inserted::default();
            inserted.insert(side, items);
            *array = Bytes::copy_from_slice(inserted.whole(array));
        }
        Ok(())
    }

    /// Removes all members of this name. Says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.added.len();
        self.added.retain(|(added, _)| added != name);
        let is_found = self.remove_members(name) || self.added.len() < before;
        self.is_edited |= is_found;
        is_found
    }

    /// Whether [`Envelope::to_bytes`] is something else than the bytes that were parsed.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.is_edited
    }

    /// The whole request. Without an edit these are the very bytes that were parsed.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        if !self.is_edited {
            return self.body.clone();
        }
        let added: usize = self
            .added
            .iter()
            .map(|(name, value)| name.len() + value.len() + 16)
            .sum();
        let replaced = self
            .members
            .iter()
            .filter_map(|member| member.replaced.as_ref());
        let replaced: usize = replaced.map(Bytes::len).sum();
        let inserted = self
            .members
            .iter()
            .filter_map(|member| member.inserted.as_ref());
        let inserted: usize = inserted.map(|inserted| inserted.len()).sum();
        let mut out = Vec::with_capacity(self.body.len() + added + replaced + inserted);
        self.write(&mut out);
        Bytes::from(out)
    }

    /// The last items of a member that is an array and was not edited, the very last one first.
    /// There are at most [`index::TAIL`] of them.
    pub(crate) fn last_items(&self, name: &str) -> impl Iterator<Item = Value<'_>> {
        let member = self.member(name).filter(|member| member.is_as_parsed());
        let items = member
            .into_iter()
            .flat_map(|member| member.tail.iter().rev());
        items.map(|item| Value::new(self.slice(item.clone())))
    }

    /// Whether a member is an array of at least so many items.
    pub(crate) fn has_items(&self, name: &str, count: usize) -> bool {
        let Some(least) = count.checked_sub(1) else {
            return true;
        };
        // Few arrays have more items than are remembered; those are counted.
        let known = self.last_items(name).count();
        if (1..index::TAIL).contains(&known) {
            return known >= count;
        }
        let array = self.value(name).unwrap_or_default();
        array.items().nth(least).is_some()
    }

    /// The last item of a member that is an array, to be kept. Of one that was not edited nothing
    /// is copied.
    pub(crate) fn last_item(&self, name: &str) -> Option<Bytes> {
        let member = self.member(name);
        if let Some(member) = member.filter(|member| member.is_as_parsed()) {
            return Some(self.body.slice(member.tail.back()?.clone()));
        }
        let item = self.value(name)?.items().last()?;
        Some(Bytes::copy_from_slice(item.raw()?))
    }

    /// A member's value, to be read.
    pub(crate) fn value(&self, name: &str) -> Option<Value<'_>> {
        self.bytes_of(name).map(Value::new)
    }

    fn check(&self, value: &[u8]) -> Result<(), EnvelopeError> {
        if let Err(cause) = std::str::from_utf8(value) {
            let position = cause.valid_up_to();
            return Err(EnvelopeError::NotUtf8 { position });
        }
        let limit = self.limits.depth;
        let mut scanner = Scanner::new(value, limit);
        scanner
            .value(1)
            .map_err(|fault| EnvelopeError::of(fault, limit))?;
        match scanner.peek_past_space() {
            None => Ok(()),
            Some(_) => Err(EnvelopeError::Trailing {
                position: scanner.at(),
            }),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let first = self.members.first().map(|member| member.span.start);
        let last = self.members.last().map(|member| member.span.end);
        // An object without members is cut behind its opening bracket.
        let open = || memchr::memchr(b'{', &self.body).map_or(0, |at| at + 1);
        let (head, tail) = match (first, last) {
            (Some(first), Some(last)) => (first, last),
            _ => (open(), open()),
        };
        out.extend_from_slice(self.slice(0..head));
        let mut is_first = true;
        for member in self.members.iter().filter(|member| !member.is_removed) {
            separate(out, &mut is_first);
            out.extend_from_slice(self.slice(member.span.start..member.value.start));
            let value = self.value_before_insertion(member);
            match &member.inserted {
                None => out.extend_from_slice(value),
                Some(inserted) => inserted.write(value, out),
            }
            out.extend_from_slice(self.slice(member.value.end..member.span.end));
        }
        for (name, value) in &self.added {
            separate(out, &mut is_first);
            out.extend_from_slice(
                serde_json::Value::from(name.as_str())
                    .to_string()
                    .as_bytes(),
            );
            out.push(b':');
            out.extend_from_slice(value);
        }
        out.extend_from_slice(self.slice(tail..self.body.len()));
    }

    fn remove_members(&mut self, name: &str) -> bool {
        let mut is_found = false;
        while let Some(member) = self.last(name).and_then(|at| self.members.get_mut(at)) {
            member.is_removed = true;
            is_found = true;
        }
        is_found
    }

    /// The place of the last member of this name that was not removed.
    fn member(&self, name: &str) -> Option<&Member> {
        self.last(name).and_then(|at| self.members.get(at))
    }

    fn last(&self, name: &str) -> Option<usize> {
        let is_it = |member: &Member| !member.is_removed && self.name(member) == name;
        self.members.iter().rposition(is_it)
    }

    fn name(&self, member: &Member) -> Cow<'_, str> {
        crate::json::unescaped(self.slice(member.name.clone()))
    }

    fn value_of<'a>(&'a self, member: &'a Member) -> &'a [u8] {
        let value = self.value_before_insertion(member);
        match &member.inserted {
            None => value,
            Some(inserted) => inserted.whole(value),
        }
    }

    fn value_before_insertion<'a>(&'a self, member: &'a Member) -> &'a [u8] {
        match &member.replaced {
            Some(value) => value,
            None => self.slice(member.value.clone()),
        }
    }

    fn slice(&self, range: Range<usize>) -> &[u8] {
        self.body.get(range).unwrap_or_default()
    }
}

/// Everything was checked to be UTF-8 when it came in, and values end between characters.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn separate(out: &mut Vec<u8>, is_first: &mut bool) {
    if !std::mem::take(is_first) {
        out.push(b',');
    }
}

#[cfg(test)]
mod tests;
