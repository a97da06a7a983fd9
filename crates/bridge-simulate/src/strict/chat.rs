//! Histories of OpenAI Chat Completions.

use serde_json::Value;

use super::{Calls, StrictError, list, text};

pub(super) fn check(messages: &[Value]) -> Result<(), StrictError> {
    let mut calls = Calls::default();
    for (at, message) in messages.iter().enumerate() {
        let role = text(message, "role");
        if role == "tool" {
            calls.answer(at, text(message, "tool_call_id"))?;
            continue;
        }
        calls.settle(at)?;
        if role == "assistant" {
            assistant(at, message, &mut calls)?;
        }
    }
    calls.settle(messages.len())
}

fn assistant(at: usize, message: &Value, calls: &mut Calls) -> Result<(), StrictError> {
    let called = list(message, "tool_calls");
    for call in called {
        calls.call(at, text(call, "id"))?;
    }
    let content = message.get("content").unwrap_or(&Value::Null);
    let speaks = !content.is_null() || message.get("refusal").is_some_and(Value::is_string);
    match called.is_empty() && !speaks && message.get("function_call").is_none() {
        true => Err(StrictError::Empty { at }),
        false => Ok(()),
    }
}
