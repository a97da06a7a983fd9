//! One tool call of a round.

use super::grown::Grown;
use crate::json::{Value, quoted, unescaped};
use crate::tools::is_object;
use crate::weave::Budget;
use crate::{BadInput, Toolbox, WeaveError};

/// How long arguments may be that are looked at to find out whether they are whole, in bytes.
const LONGEST_LOOKED_AT: usize = 16 << 10;

/// A tool call, as far as it has been told.
#[derive(Debug)]
pub(super) struct Call {
    /// Which choice it is told in, and at which place there.
    pub(super) choice: u64,
    pub(super) index: Index,
    pub(super) id: String,
    pub(super) name: String,
    /// Whose tool it is, once its name is known.
    pub(super) side: Option<Side>,
    /// The whole call, without its place.
    pub(super) parts: Grown,
    /// The place at which the client sees it.
    pub(super) shown_at: Option<u64>,
}

/// Whose tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Injected,
}

/// Which call of a choice a piece belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    At(u64),
    /// Some providers do not say: a piece with an id begins a call, others go on with the last.
    Unsaid,
}

impl Call {
    pub(super) fn new(choice: u64, index: Index) -> Self {
        Self {
            choice,
            index,
            id: String::new(),
            name: String::new(),
            side: None,
            parts: Grown::default(),
            shown_at: None,
        }
    }

    /// Whether a piece at the same place belongs to this call, the last one there or the one with the
    /// piece's id. Providers that put every call at the same place, or say no places, begin one with
    /// another id, another name, or the same name and arguments where these were whole. Others make up
    /// an id for every piece: one at a place that brings arguments and no name begins nothing.
    pub(super) fn goes_on_with(&self, piece: Value<'_>) -> bool {
        let part = piece.get("function").or_else(|| piece.get("custom"));
        let part = part.unwrap_or_default();
        let text = |name: &str| part.get(name).and_then(Value::filled);
        let (name, arguments) = (text("name"), text("arguments"));
        if name
            .as_deref()
            .is_some_and(|name| !self.name.is_empty() && self.name != name)
        {
            return false;
        }
        let id = piece.get("id").and_then(Value::filled).unwrap_or_default();
        if !id.is_empty() {
            let is_more = name.is_none() && (arguments.is_some() || text("input").is_some());
            let may_have_it = self.index != Index::Unsaid && (self.id.is_empty() || is_more);
            return self.id == id || may_have_it;
        }
        let may_begin = arguments.is_some_and(|arguments| arguments.trim_start().starts_with('{'));
        !(name.is_some() && may_begin && self.is_whole())
    }

    /// Whether the arguments are a whole object. Long ones are not looked at: to do so for every
    /// piece of a stream would take too much time.
    fn is_whole(&self) -> bool {
        let function = self.parts.within("function");
        let inner = function.and_then(|function| function.text("arguments"));
        let inner = inner.filter(|inner| inner.len() <= LONGEST_LOOKED_AT);
        inner.is_some_and(|inner| is_object(unescaped(inner).as_bytes(), usize::MAX))
    }

    pub(super) fn grow(&mut self, piece: Value<'_>, budget: &mut Budget) -> Result<(), WeaveError> {
        let id = piece.get("id").and_then(Value::filled);
        if let Some(id) = id.filter(|_| self.id.is_empty()) {
            budget.take(id.len())?;
            self.id = id.into_owned();
        }
        let mut members = piece.members().filter(|(name, _)| name != "index");
        members.try_for_each(|(name, value)| self.parts.push(&name, value, budget))
    }

    /// Finds out whose tool it is. The name comes with the first piece; few providers send it
    /// later.
    pub(super) fn judge(&mut self, tools: &Toolbox) {
        if !self.name.is_empty() {
            return;
        }
        let name = |kind: &str| {
            let name = self.parts.within(kind).and_then(|part| part.text("name"));
            name.filter(|name| !name.is_empty()).map(unescaped)
        };
        // A call of another kind is none of ours, whatever its name.
        let (name, side) = match (name("function"), name("custom")) {
            (Some(name), _) if tools.has(&name) => (name.into_owned(), Side::Injected),
            (Some(name), _) | (None, Some(name)) => (name.into_owned(), Side::Client),
            (None, None) => return,
        };
        (self.name, self.side) = (name, Some(side));
    }

    /// The place that the provider says.
    pub(super) fn said_at(&self) -> Option<u64> {
        match self.index {
            Index::At(index) => Some(index),
            Index::Unsaid => None,
        }
    }

    /// The arguments as text, which the provider writes as a string, or as what is in it.
    pub(super) fn arguments(&self) -> String {
        let Some(function) = self.parts.within("function") else {
            return String::new();
        };
        if let Some(inner) = function.text("arguments") {
            return unescaped(inner).into_owned();
        }
        let raw = function.raw("arguments").unwrap_or_default();
        String::from_utf8_lossy(&raw).into_owned()
    }

    /// What the tool is to be called with.
    pub(super) fn input(&self) -> Result<String, BadInput> {
        BadInput::judge(&self.arguments())
    }

    /// The call as a request tells it. Arguments of an injected call that are no object are left
    /// out of it: several providers read them before the model does, and would refuse the whole
    /// request.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut out = b"{\"id\":".to_vec();
        out.extend_from_slice(quoted(&self.id).as_bytes());
        let is_good = self.input().is_ok() && !self.arguments().trim_ascii().is_empty();
        if self.is(Side::Client) || is_good {
            self.parts.write_others(&["id"], &mut out);
        } else {
            self.parts.write_others(&["id", "function"], &mut out);
            out.extend_from_slice(b",\"function\":{\"name\":");
            out.extend_from_slice(quoted(&self.name).as_bytes());
            out.extend_from_slice(b",\"arguments\":\"{}\"}");
        }
        if !self.parts.has("type") {
            out.extend_from_slice(b",\"type\":\"function\"");
        }
        out.push(b'}');
        out
    }

    pub(super) fn is(&self, side: Side) -> bool {
        self.side == Some(side)
    }
}
