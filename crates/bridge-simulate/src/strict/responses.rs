//! Histories of OpenAI Responses: items of the input, behind what the provider has kept.

use std::collections::HashSet;

use serde_json::Value;

use super::{Calls, StrictError, text};
use crate::past::Past;
use crate::seal;

pub(super) fn check(
    items: &[Value],
    past: Option<&Past>,
    is_stored: bool,
) -> Result<(), StrictError> {
    let mut calls = Calls::default();
    for id in past.into_iter().flat_map(Past::waiting) {
        calls.call(0, id)?;
    }
    let mut ids = HashSet::new();
    for (at, item) in items.iter().enumerate() {
        let id = text(item, "id");
        if !id.is_empty() && !ids.insert(id) {
            let id = id.to_owned();
            return Err(StrictError::Twice { at, id });
        }
        let call_id = text(item, "call_id");
        match text(item, "type") {
            "function_call" | "custom_tool_call" => calls.call(at, call_id)?,
            "function_call_output" | "custom_tool_call_output" => calls.answer(at, call_id)?,
            "reasoning" => {
                reasoning(at, item, is_stored)?;
                followed(at, id, items.get(at + 1..).unwrap_or_default())?;
            }
            _ => {}
        }
    }
    calls.settle(items.len())
}

/// A thought that is told by its id wants what the model did upon it: a call or a message.
fn followed(at: usize, id: &str, behind: &[Value]) -> Result<(), StrictError> {
    let mut behind = behind.iter().filter(|it| text(it, "type") != "reasoning");
    let is_of_model = |item: &Value| match text(item, "type") {
        "" | "message" => text(item, "role") == "assistant",
        kind => !kind.ends_with("_output"),
    };
    match id.is_empty() || behind.next().is_some_and(is_of_model) {
        true => Ok(()),
        false => Err(StrictError::LoneThought {
            at,
            id: id.to_owned(),
        }),
    }
}

fn reasoning(at: usize, item: &Value, is_stored: bool) -> Result<(), StrictError> {
    match item.get("encrypted_content").and_then(Value::as_str) {
        Some(encrypted) if seal::is_good(encrypted, "") => Ok(()),
        Some(_) => Err(StrictError::Encrypted { at }),
        None if is_stored => Ok(()),
        None => Err(StrictError::NotStored {
            at,
            id: text(item, "id").to_owned(),
        }),
    }
}
