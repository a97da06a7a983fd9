//! One answer as a client understands it: parsers of each dialect, strict about what may follow what.

mod chat;
mod messages;
mod responses;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use super::Api;

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) id: String,
    pub(super) items: Vec<Item>,
    /// Why it ended.
    pub(super) end: String,
    /// Every number of the usage, by its path.
    pub(super) usage: BTreeMap<String, u64>,
}

/// A part of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: String,
    /// What was said, or thought, or the arguments of a call.
    pub(super) text: String,
    /// Of a call.
    pub(super) name: String,
    pub(super) call_id: String,
}

impl Heard {
    pub(super) fn compare(&self, whom: &str, got: &Self, differences: &mut Vec<String>) {
        let mut same = |what: &str, got: String, wanted: String| {
            if got != wanted {
                differences.push(format!("{whom}: {what} {got}, not {wanted}"));
            }
        };
        same("id", got.id.clone(), self.id.clone());
        same("end", got.end.clone(), self.end.clone());
        same(
            "items",
            format!("{:?}", got.items),
            format!("{:?}", self.items),
        );
        same(
            "usage",
            format!("{:?}", got.usage),
            format!("{:?}", self.usage),
        );
    }
}

/// Understands an answer, or says what is wrong with it.
pub(super) fn assemble(api: Api, is_streaming: bool, body: &[u8]) -> Result<Heard, String> {
    let text = std::str::from_utf8(body).map_err(|_| "not UTF-8")?;
    if is_streaming {
        let events = events(text)?;
        return match api {
            Api::Messages => messages::streamed(&events),
            Api::Chat => chat::streamed(&events),
            Api::Responses => responses::streamed(&events),
            Api::AnthropicModels | Api::OpenAiModels | Api::Ping => Err("no answer".to_owned()),
        };
    }
    let value: Value = serde_json::from_str(text).map_err(|cause| cause.to_string())?;
    match api {
        Api::Messages => Ok(messages::whole(&value)),
        Api::Chat => Ok(chat::whole(&value)),
        Api::Responses => Ok(responses::whole(&value)),
        Api::AnthropicModels | Api::OpenAiModels | Api::Ping => Err("no answer".to_owned()),
    }
}

/// The same items where a dialect has but one text in an answer.
pub(super) fn joined(api: Api, items: Vec<Item>) -> Vec<Item> {
    match api {
        Api::Chat => chat::joined(items),
        Api::Messages | Api::Responses | Api::AnthropicModels | Api::OpenAiModels | Api::Ping => {
            items
        }
    }
}

/// The items of a message, or of a list of items, of a request.
pub(super) fn items_of(api: Api, value: &Value) -> Vec<Item> {
    match api {
        Api::Messages => messages::items(value),
        Api::Chat => chat::items(value),
        Api::Responses => responses::items(value),
        Api::AnthropicModels | Api::OpenAiModels | Api::Ping => Vec::new(),
    }
}

/// What stands at a path. Absent is null.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    static NOTHING: Value = Value::Null;
    value.pointer(path).unwrap_or(&NOTHING)
}

/// A member that is a text. Absent is empty.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    let text = value.pointer(path).and_then(Value::as_str);
    text.unwrap_or_default()
}

/// The members of a list.
pub(super) fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    let list = value.pointer(path).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// Puts every number of the value into the map, over what there was.
pub(super) fn count(value: &Value, path: &str, into: &mut BTreeMap<String, u64>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                count(value, &format!("{path}/{name}"), into);
            }
        }
        Value::Number(number) => {
            let _before = into.insert(path.to_owned(), number.as_u64().unwrap_or(u64::MAX));
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => {}
    }
}

/// The events of a stream: their names, and their data.
fn events(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut events = Vec::new();
    let (mut name, mut data) = (String::new(), Vec::new());
    for line in text.lines().chain([""]) {
        if line.is_empty() {
            if !data.is_empty() {
                events.push((std::mem::take(&mut name), data.join("\n")));
                data.clear();
            }
        } else if let Some(value) = line.strip_prefix("data:") {
            data.push(value.trim_start().to_owned());
        } else if let Some(value) = line.strip_prefix("event:") {
            value.trim().clone_into(&mut name);
        } else if !line.starts_with(':') {
            return Err(format!("a line that belongs to no event: {line:.80}"));
        }
    }
    Ok(events)
}
