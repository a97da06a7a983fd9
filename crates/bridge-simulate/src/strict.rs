//! Histories and tools as strictly as providers look at them: every call has its answer where it
//! belongs, thoughts are as they were, and names of tools are good and unique.
//!
//! The rules are those of <https://docs.anthropic.com/en/docs/agents-and-tools/tool-use>,
//! <https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking> and
//! <https://platform.openai.com/docs/guides/function-calling>.

mod chat;
mod messages;
mod responses;
#[cfg(test)]
mod tests;
mod tools;

use std::collections::HashSet;

use serde_json::Value;

use crate::asked::Asked;
use crate::dialect::Dialect;
use crate::past::Past;

/// What a provider does not take.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StrictError {
    #[error("{at}: the role {role:?} stands twice in a row, or is none")]
    Role { at: usize, role: String },
    #[error("{at}: the calls {} have no result in the message after them", .ids.join(", "))]
    Unanswered { at: usize, ids: Vec<String> },
    #[error("{at}: the result of {id} belongs to no call before it")]
    Uncalled { at: usize, id: String },
    #[error("{at}: the result of {id} does not stand before everything else in its message")]
    LateResult { at: usize, id: String },
    #[error("{at}: the id {id} was there before")]
    Twice { at: usize, id: String },
    #[error("{at}: invalid signature in a thinking block")]
    Signature { at: usize },
    #[error(
        "{at}: an assistant message that called tools must begin with thinking, because thinking is enabled"
    )]
    NoThought { at: usize },
    #[error("{at}: the encrypted content could not be verified")]
    Encrypted { at: usize },
    #[error("{at}: the reasoning item {id} is not stored and brings no encrypted content")]
    NotStored { at: usize, id: String },
    #[error("{at}: the reasoning item {id} is there without the item that followed it")]
    LoneThought { at: usize, id: String },
    #[error("{at}: text must not be empty")]
    Empty { at: usize },
    #[error("tools.{at}: the name {name:?} is not allowed, or was there before")]
    ToolName { at: usize, name: String },
}

/// Looks at all that a provider would look at before it asks its model.
pub(crate) fn check(
    dialect: Dialect,
    asked: &Asked<'_>,
    past: Option<&Past>,
) -> Result<(), StrictError> {
    if asked.has("tools") {
        tools::check(dialect, asked)?;
    }
    if !asked.has_calls && past.is_none() {
        return Ok(());
    }
    let list = |name| {
        asked
            .field::<Vec<Value>>(name)
            .ok()
            .flatten()
            .unwrap_or_default()
    };
    match dialect {
        Dialect::Anthropic => {
            let thinks = text(&asked.value("thinking"), "type") == "enabled";
            messages::check(&list("messages"), thinks)
        }
        Dialect::Chat => chat::check(&list("messages")),
        Dialect::Responses => {
            let is_stored = asked.value("store") != Value::Bool(false);
            responses::check(&list("input"), past, is_stored)
        }
    }
}

/// The calls that wait for their results, and all ids that were there.
#[derive(Debug, Default)]
struct Calls {
    waiting: Vec<String>,
    known: HashSet<String>,
}

impl Calls {
    fn call(&mut self, at: usize, id: &str) -> Result<(), StrictError> {
        if !self.known.insert(id.to_owned()) {
            let id = id.to_owned();
            return Err(StrictError::Twice { at, id });
        }
        self.waiting.push(id.to_owned());
        Ok(())
    }

    fn answer(&mut self, at: usize, id: &str) -> Result<(), StrictError> {
        match self.waiting.iter().position(|waiting| waiting == id) {
            Some(found) => {
                self.waiting.remove(found);
                Ok(())
            }
            None => Err(StrictError::Uncalled {
                at,
                id: id.to_owned(),
            }),
        }
    }

    /// All that were called have their results.
    fn settle(&mut self, at: usize) -> Result<(), StrictError> {
        match std::mem::take(&mut self.waiting) {
            ids if ids.is_empty() => Ok(()),
            ids => Err(StrictError::Unanswered { at, ids }),
        }
    }
}

/// A member that is a text. Absent is empty.
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The members of a list, or none.
fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    let list = value.get(name).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}
