//! Anthropic Messages.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Heard, Item, at, count, list, text};

/// The blocks of a message.
pub(super) fn items(message: &Value) -> Vec<Item> {
    list(message, "/content").iter().map(item).collect()
}

fn item(block: &Value) -> Item {
    let kind = text(block, "/type");
    let said = match kind {
        "tool_use" => block.get("input").map(Value::to_string).unwrap_or_default(),
        "thinking" => text(block, "/thinking").to_owned(),
        _ => text(block, "/text").to_owned(),
    };
    Item {
        kind: kind.to_owned(),
        text: said,
        name: text(block, "/name").to_owned(),
        call_id: text(block, "/id").to_owned(),
    }
}

pub(super) fn whole(message: &Value) -> Heard {
    let mut usage = BTreeMap::new();
    count(at(message, "/usage"), "", &mut usage);
    Heard {
        id: text(message, "/id").to_owned(),
        items: items(message),
        end: text(message, "/stop_reason").to_owned(),
        usage,
    }
}

/// Where a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Between,
    Inside,
    Told,
    Over,
}

pub(super) fn streamed(events: &[(String, String)]) -> Result<Heard, String> {
    let mut heard = Heard::default();
    let mut state = State::Before;
    let mut input = String::new();
    for (name, data) in events {
        let event: Value = serde_json::from_str(data).map_err(|cause| cause.to_string())?;
        if text(&event, "/type") != name {
            return Err(format!("{name} is called {}", text(&event, "/type")));
        }
        state = match (state, &**name) {
            (state, "ping") if state != State::Over => state,
            (State::Before, "message_start") => {
                text(&event, "/message/id").clone_into(&mut heard.id);
                count(at(&event, "/message/usage"), "", &mut heard.usage);
                State::Between
            }
            (State::Between, "content_block_start") => {
                placed(&event, heard.items.len())?;
                heard.items.push(item(at(&event, "/content_block")));
                input.clear();
                State::Inside
            }
            (State::Inside, "content_block_delta") => {
                placed(&event, heard.items.len() - 1)?;
                if let Some(last) = heard.items.last_mut() {
                    last.text.push_str(text(&event, "/delta/text"));
                    last.text.push_str(text(&event, "/delta/thinking"));
                }
                input.push_str(text(&event, "/delta/partial_json"));
                State::Inside
            }
            (State::Inside, "content_block_stop") => {
                placed(&event, heard.items.len() - 1)?;
                if let Some(last) = heard.items.last_mut().filter(|it| it.kind == "tool_use") {
                    last.text = compact(&input)?;
                }
                State::Between
            }
            (State::Between, "message_delta") => {
                text(&event, "/delta/stop_reason").clone_into(&mut heard.end);
                count(at(&event, "/usage"), "", &mut heard.usage);
                State::Told
            }
            (State::Told, "message_stop") => State::Over,
            (state, name) => return Err(format!("{name} must not come while {state:?}")),
        };
    }
    match state == State::Over {
        true => Ok(heard),
        false => Err(format!("it ends while {state:?}")),
    }
}

fn placed(event: &Value, wanted: usize) -> Result<(), String> {
    match at(event, "/index").as_u64() == u64::try_from(wanted).ok() {
        true => Ok(()),
        false => Err(format!("index {}, not {wanted}", at(event, "/index"))),
    }
}

fn compact(json: &str) -> Result<String, String> {
    let json = if json.is_empty() { "{}" } else { json };
    let value: Value = serde_json::from_str(json).map_err(|cause| cause.to_string())?;
    Ok(value.to_string())
}
