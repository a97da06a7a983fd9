//! One content block of an answer, as it has to be sent back to the provider.

use std::borrow::Cow;

use crate::anthropic::tools::is_blank;
use crate::json::{Patch, Value, check, quoted, unescaped};
use crate::tools::is_object;
use crate::weave::Budget;
use crate::{BadInput, InjectedCall, WeaveError};

/// How deeply a block may be nested. Requests may be a little deeper.
const DEEPEST: usize = 256;

/// Whose a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// A call of a tool that the client does not know.
    Injected,
    /// A call of a tool that the client has to run.
    ClientCall,
    /// Anything else that the client sees.
    Content,
}

/// A block as the provider wrote it when it began, and what has grown since.
///
/// Texts are kept as they are escaped on the wire: what is sent back is what came.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) whose: Whose,
    /// The provider's index, and the one that the client was told.
    pub(super) index: u64,
    pub(super) told: u64,
    start: Vec<u8>,
    grown: Vec<(String, Grown)>,
}

#[derive(Debug)]
enum Grown {
    /// The inside of a string, behind what the block began with.
    Text(Vec<u8>),
    /// The inside of a string that is JSON itself, in place of what the block began with.
    Input(Vec<u8>),
    /// Items of an array with commas between them, behind those that the block began with.
    Items(Vec<u8>),
    /// A value in place of what the block began with.
    Value(Vec<u8>),
}

impl Block {
    /// A block that begins, or a whole one. One that is no JSON object is kept as an empty one,
    /// and never sent.
    pub(super) fn new(
        index: u64,
        block: Value<'_>,
        whose: Whose,
        budget: &mut Budget,
    ) -> Result<Self, WeaveError> {
        let raw = block.raw().unwrap_or_default();
        let start = if is_object(raw, DEEPEST) {
            raw.to_vec()
        } else {
            Vec::new()
        };
        budget.take_item(start.len())?;
        Ok(Self {
            whose,
            index,
            told: index,
            start,
            grown: Vec::new(),
        })
    }

    /// What the block began with: all of it, in an answer that is no stream.
    pub(super) fn start(&self) -> &[u8] {
        &self.start
    }

    /// Whether the block is JSON, with an id that is some text.
    pub(super) fn has_id(&self) -> bool {
        let id = Value::new(&self.start).get("id").and_then(Value::filled);
        id.is_some()
    }

    /// Hears how the block goes on. Deltas that nobody has heard of are texts that are appended to
    /// the members of their names, as all known ones are.
    pub(super) fn delta(
        &mut self,
        delta: Value<'_>,
        budget: &mut Budget,
    ) -> Result<(), WeaveError> {
        for (name, value) in delta.members() {
            match &*name {
                "type" => {}
                "partial_json" => self.input(value, budget)?,
                "citation" => self.item("citations", value, budget)?,
                // It comes in one piece, and programs replace it.
                "signature" => self.value(&name, value, budget)?,
                _ if value.is_text() => self.text(&name, value, budget)?,
                _ => self.value(&name, value, budget)?,
            }
        }
        Ok(())
    }

    fn text(
        &mut self,
        name: &str,
        piece: Value<'_>,
        budget: &mut Budget,
    ) -> Result<(), WeaveError> {
        let empty = || Grown::Text(Vec::new());
        if let Some(Grown::Text(text)) = self.grown(name, empty, budget)? {
            push(text, &inside(piece), budget)?;
        }
        Ok(())
    }

    fn input(&mut self, piece: Value<'_>, budget: &mut Budget) -> Result<(), WeaveError> {
        let piece = inside(piece);
        if piece.is_empty() {
            return Ok(());
        }
        let empty = || Grown::Input(Vec::new());
        if let Some(Grown::Input(text)) = self.grown("input", empty, budget)? {
            push(text, &piece, budget)?;
        }
        Ok(())
    }

    fn item(&mut self, name: &str, item: Value<'_>, budget: &mut Budget) -> Result<(), WeaveError> {
        let Some(raw) = good(item) else {
            return Ok(());
        };
        let empty = || Grown::Items(Vec::new());
        if let Some(Grown::Items(items)) = self.grown(name, empty, budget)? {
            if !items.is_empty() {
                push(items, b",", budget)?;
            }
            push(items, raw, budget)?;
        }
        Ok(())
    }

    fn value(
        &mut self,
        name: &str,
        value: Value<'_>,
        budget: &mut Budget,
    ) -> Result<(), WeaveError> {
        let Some(raw) = good(value) else {
            return Ok(());
        };
        let empty = || Grown::Value(Vec::new());
        if let Some(Grown::Value(value)) = self.grown(name, empty, budget)? {
            value.clear();
            push(value, raw, budget)?;
        }
        Ok(())
    }

    fn grown(
        &mut self,
        name: &str,
        empty: fn() -> Grown,
        budget: &mut Budget,
    ) -> Result<Option<&mut Grown>, WeaveError> {
        if !self.grown.iter().any(|(other, _)| other == name) {
            budget.take_item(name.len())?;
            self.grown.push((name.to_owned(), empty()));
        }
        let mut members = self.grown.iter_mut();
        let found = members.find(|(other, _)| other == name);
        Ok(found.map(|(_, grown)| grown))
    }

    /// The call that the block is.
    pub(super) fn call(&self, response_id: &str) -> InjectedCall {
        let start = Value::new(&self.start);
        let word = |name: &str| start.get(name).and_then(Value::text).unwrap_or_default();
        let grown = self.grown.iter().find_map(|(_, grown)| match grown {
            Grown::Input(text) => Some(unescaped(text)),
            Grown::Text(_) | Grown::Items(_) | Grown::Value(_) => None,
        });
        let first = || start.get("input").and_then(Value::source);
        let input = grown.or_else(first).unwrap_or_default();
        InjectedCall {
            call_id: word("id").into_owned(),
            name: word("name").into_owned(),
            input: BadInput::judge(&input),
            response_id: response_id.to_owned(),
        }
    }

    /// The whole block; none when it may not be sent, like text that is blank.
    pub(super) fn whole(&self) -> Option<Vec<u8>> {
        let start = Value::new(&self.start);
        if !start.is_object() {
            return None;
        }
        let mut patch = Patch::new(&self.start);
        for (name, grown) in &self.grown {
            let member = start.get(name).unwrap_or_default();
            patch.set(start, name, grown.whole(member));
        }
        let whole = patch.into_vec();
        let block = Value::new(&whole);
        let is_text = block.get("type").and_then(Value::text).as_deref() == Some("text");
        let text = block.get("text").and_then(Value::text).unwrap_or_default();
        (!is_text || !is_blank(&text)).then_some(whole)
    }
}

impl Grown {
    fn whole(&self, first: Value<'_>) -> Vec<u8> {
        match self {
            Self::Text(text) => [b"\"", &*inside(first), text, b"\""].concat(),
            // An input that is no object is not made; the API refuses everything else, and the
            // result says what was wrong.
            Self::Input(text) => {
                let input = BadInput::judge(&unescaped(text));
                input.unwrap_or_else(|_| "{}".to_owned()).into_bytes()
            }
            Self::Items(items) => {
                let first: Vec<&[u8]> = first.items().filter_map(Value::raw).collect();
                let mut all = first;
                all.push(items);
                [b"[", &*all.join(&b','), b"]"].concat()
            }
            Self::Value(value) if value.is_empty() => b"null".to_vec(),
            Self::Value(value) => value.clone(),
        }
    }
}

fn push(text: &mut Vec<u8>, piece: &[u8], budget: &mut Budget) -> Result<(), WeaveError> {
    budget.take(piece.len())?;
    text.extend_from_slice(piece);
    Ok(())
}

/// The bytes of a value that is JSON.
fn good(value: Value<'_>) -> Option<&[u8]> {
    let raw = value.raw()?;
    let mut scanner = crate::envelope::scan::Scanner::new(raw, DEEPEST);
    let is_good = scanner.value(0).is_ok() && std::str::from_utf8(raw).is_ok();
    is_good.then_some(raw)
}

/// What stands between a string's quotation marks, with its escapes. What others would not read is
/// written anew.
fn inside(value: Value<'_>) -> Cow<'_, [u8]> {
    if !value.is_text() {
        return Cow::Borrowed(&[]);
    }
    let raw = value.raw().unwrap_or_default();
    if check(raw).is_ok() && std::str::from_utf8(raw).is_ok() {
        let end = raw.len().saturating_sub(1);
        return Cow::Borrowed(raw.get(1..end).unwrap_or_default());
    }
    let quoted = quoted(&value.text().unwrap_or_default()).into_bytes();
    let end = quoted.len() - 1;
    Cow::Owned(quoted.get(1..end).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests;
