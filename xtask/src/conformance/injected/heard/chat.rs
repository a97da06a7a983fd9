//! OpenAI Chat Completions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Heard, Item, at, count, list, text};

/// The text and the calls of a message.
pub(super) fn items(message: &Value) -> Vec<Item> {
    let mut items = Vec::new();
    if let Some(said) = at(message, "/content").as_str().filter(|it| !it.is_empty()) {
        items.push(Item {
            kind: "text".to_owned(),
            text: said.to_owned(),
            ..Item::default()
        });
    }
    let calls = list(message, "/tool_calls").iter();
    items.extend(calls.map(|call| Item {
        kind: "call".to_owned(),
        text: text(call, "/function/arguments").to_owned(),
        name: text(call, "/function/name").to_owned(),
        call_id: text(call, "/id").to_owned(),
    }));
    items
}

/// All texts in one, before the calls.
pub(super) fn joined(items: Vec<Item>) -> Vec<Item> {
    let (texts, calls): (Vec<_>, Vec<_>) = items.into_iter().partition(|it| it.kind == "text");
    let mut texts = texts.into_iter();
    let mut joined: Vec<_> = texts.next().into_iter().collect();
    if let Some(first) = joined.first_mut() {
        texts.for_each(|more| first.text.push_str(&more.text));
    }
    joined.extend(calls);
    joined
}

pub(super) fn whole(completion: &Value) -> Heard {
    let mut usage = BTreeMap::new();
    count(at(completion, "/usage"), "", &mut usage);
    Heard {
        id: text(completion, "/id").to_owned(),
        items: items(at(completion, "/choices/0/message")),
        end: text(completion, "/choices/0/finish_reason").to_owned(),
        usage,
    }
}

pub(super) fn streamed(events: &[(String, String)]) -> Result<Heard, String> {
    let mut heard = Heard::default();
    let mut calls: Vec<Item> = Vec::new();
    let mut said = String::new();
    let Some(((_, last), chunks)) = events.split_last() else {
        return Err("no event".to_owned());
    };
    if last != "[DONE]" {
        return Err(format!("it ends with {last:.80}"));
    }
    let mut counted = 0;
    for (_, data) in chunks {
        let chunk: Value = serde_json::from_str(data).map_err(|cause| cause.to_string())?;
        let id = text(&chunk, "/id");
        if heard.id.is_empty() {
            id.clone_into(&mut heard.id);
        } else if heard.id != id {
            return Err(format!("the id {id} behind {}", heard.id));
        }
        if at(&chunk, "/usage").is_object() {
            counted += 1;
            count(at(&chunk, "/usage"), "", &mut heard.usage);
        }
        for choice in list(&chunk, "/choices") {
            if !heard.end.is_empty() {
                return Err("something is said behind the end".to_owned());
            }
            text(choice, "/finish_reason").clone_into(&mut heard.end);
            said.push_str(text(choice, "/delta/content"));
            for piece in list(choice, "/delta/tool_calls") {
                grow(&mut calls, piece)?;
            }
        }
    }
    if counted > 1 {
        return Err(format!("{counted} chunks with usage"));
    }
    if heard.end.is_empty() {
        return Err("no finish reason".to_owned());
    }
    if !said.is_empty() {
        heard.items.push(Item {
            kind: "text".to_owned(),
            text: said,
            ..Item::default()
        });
    }
    heard.items.extend(calls);
    Ok(heard)
}

fn grow(calls: &mut Vec<Item>, piece: &Value) -> Result<(), String> {
    let index = at(piece, "/index")
        .as_u64()
        .and_then(|it| usize::try_from(it).ok());
    let index = index.ok_or("a call without an index")?;
    if index == calls.len() {
        calls.push(Item {
            kind: "call".to_owned(),
            ..Item::default()
        });
    }
    let known = calls.len();
    let call = calls
        .get_mut(index)
        .ok_or_else(|| format!("call {index} behind {known}"))?;
    call.call_id.push_str(text(piece, "/id"));
    call.name.push_str(text(piece, "/function/name"));
    call.text.push_str(text(piece, "/function/arguments"));
    Ok(())
}
