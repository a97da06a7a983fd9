//! OpenAI Responses.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Heard, Item, at, count, list, text};

/// The items of a list.
pub(super) fn items(items: &Value) -> Vec<Item> {
    items.as_array().into_iter().flatten().map(item).collect()
}

fn item(item: &Value) -> Item {
    let said: String = match text(item, "/type") {
        "message" => list(item, "/content")
            .iter()
            .map(|part| text(part, "/text"))
            .collect(),
        "reasoning" => list(item, "/summary")
            .iter()
            .map(|part| text(part, "/text"))
            .collect(),
        _ => format!("{}{}", text(item, "/arguments"), text(item, "/input")),
    };
    Item {
        kind: text(item, "/type").to_owned(),
        text: said,
        name: text(item, "/name").to_owned(),
        call_id: text(item, "/call_id").to_owned(),
    }
}

pub(super) fn whole(response: &Value) -> Heard {
    let mut usage = BTreeMap::new();
    count(at(response, "/usage"), "", &mut usage);
    Heard {
        id: text(response, "/id").to_owned(),
        items: items(at(response, "/output")),
        end: text(response, "/status").to_owned(),
        usage,
    }
}

/// What of the stream was heard so far.
#[derive(Default)]
struct Stream {
    done: Vec<Value>,
    /// The item that is being told, and its text.
    open: Option<(String, String)>,
    number: u64,
}

pub(super) fn streamed(events: &[(String, String)]) -> Result<Heard, String> {
    let mut stream = Stream::default();
    let mut terminal = None;
    for (name, data) in events {
        let event: Value = serde_json::from_str(data).map_err(|cause| cause.to_string())?;
        if terminal.is_some() {
            return Err(format!("{name} behind the end"));
        }
        if text(&event, "/type") != name {
            return Err(format!("{name} is called {}", text(&event, "/type")));
        }
        let number = at(&event, "/sequence_number");
        if number.as_u64() != Some(stream.number) {
            return Err(format!("{name} has number {number}, not {}", stream.number));
        }
        stream.number += 1;
        let begins = name == "response.created";
        if begins != (number == 0) {
            return Err(format!("{name} has number {number}"));
        }
        match &**name {
            "response.completed" | "response.incomplete" | "response.failed" => {
                terminal = Some(at(&event, "/response").clone());
            }
            name => stream.hear(name, &event)?,
        }
    }
    let response = terminal.ok_or("no terminal event")?;
    let heard = whole(&response);
    if stream.open.is_some() || *at(&response, "/output") != Value::Array(stream.done) {
        return Err("the items of the end are not those of the stream".to_owned());
    }
    Ok(heard)
}

impl Stream {
    fn hear(&mut self, name: &str, event: &Value) -> Result<(), String> {
        let index = at(event, "/output_index");
        if !index.is_null() && index.as_u64() != u64::try_from(self.done.len()).ok() {
            return Err(format!("{name} at {index}, not {}", self.done.len()));
        }
        match name {
            "response.output_item.added" => {
                if self.open.is_some() {
                    return Err("an item begins in another".to_owned());
                }
                self.open = Some((text(event, "/item/id").to_owned(), String::new()));
            }
            "response.output_item.done" => {
                let (id, told) = self.open.take().ok_or("an item ends that has not begun")?;
                let whole = item(at(event, "/item"));
                if text(event, "/item/id") != id || (whole.text != told && !told.is_empty()) {
                    return Err(format!("the item {id} is not what was told"));
                }
                self.done.push(at(event, "/item").clone());
            }
            name if name.ends_with(".delta") => {
                let id = text(event, "/item_id");
                match &mut self.open {
                    Some((open, told)) if open == id => told.push_str(text(event, "/delta")),
                    _ => return Err(format!("a piece of {id}, which is not open")),
                }
            }
            _ => {}
        }
        Ok(())
    }
}
