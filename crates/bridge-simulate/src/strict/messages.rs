//! Histories of Anthropic Messages.

use serde_json::Value;

use super::{Calls, StrictError, list, text};
use crate::seal;

pub(super) fn check(messages: &[Value], thinks: bool) -> Result<(), StrictError> {
    let mut calls = Calls::default();
    let mut last_role = "assistant";
    for (at, message) in messages.iter().enumerate() {
        let role = text(message, "role");
        match role {
            // Instructions may stand between any two messages.
            "system" => {
                last_role = "";
                continue;
            }
            "user" | "assistant" if role != last_role => {}
            _ => {
                let role = role.to_owned();
                return Err(StrictError::Role { at, role });
            }
        }
        last_role = role;
        let blocks = list(message, "content");
        if role == "user" {
            user(at, blocks, &mut calls)?;
        } else {
            calls.settle(at)?;
            assistant(at, blocks, &mut calls)?;
        }
    }
    calls.settle(messages.len())?;
    match thinks {
        true => last_thought(messages),
        false => Ok(()),
    }
}

fn user(at: usize, blocks: &[Value], calls: &mut Calls) -> Result<(), StrictError> {
    let mut is_late = false;
    for block in blocks {
        if text(block, "type") != "tool_result" {
            is_late = true;
            refuse_empty(at, block)?;
            continue;
        }
        let id = text(block, "tool_use_id");
        calls.answer(at, id)?;
        if is_late {
            let id = id.to_owned();
            return Err(StrictError::LateResult { at, id });
        }
    }
    calls.settle(at)
}

fn assistant(at: usize, blocks: &[Value], calls: &mut Calls) -> Result<(), StrictError> {
    for block in blocks {
        match text(block, "type") {
            "tool_use" => calls.call(at, text(block, "id"))?,
            "thinking" if !seal::is_good(text(block, "signature"), text(block, "thinking")) => {
                return Err(StrictError::Signature { at });
            }
            _ => refuse_empty(at, block)?,
        }
    }
    Ok(())
}

fn refuse_empty(at: usize, block: &Value) -> Result<(), StrictError> {
    match text(block, "type") == "text" && text(block, "text").is_empty() {
        true => Err(StrictError::Empty { at }),
        false => Ok(()),
    }
}

/// The assistant message whose calls the last message answers begins with a thought.
fn last_thought(messages: &[Value]) -> Result<(), StrictError> {
    let [.., before, last] = messages else {
        return Ok(());
    };
    let mut results = list(last, "content").iter();
    if !results.any(|block| text(block, "type") == "tool_result") {
        return Ok(());
    }
    let first = list(before, "content").first();
    match first.map(|block| text(block, "type")) {
        Some("thinking" | "redacted_thinking") => Ok(()),
        _ => Err(StrictError::NoThought {
            at: messages.len().saturating_sub(2),
        }),
    }
}
