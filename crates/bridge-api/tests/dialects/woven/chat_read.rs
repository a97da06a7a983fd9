//! How Chat Completions are understood, and what a client goes on with.

use serde_json::{Map, Value, json};

use super::super::Message;
use super::super::said::Said;
use super::super::turn::{Call, End, Part, Usage};
use super::function;
use crate::events::raw_events;

/// An answer on its way, put together as clients do it.
#[derive(Default)]
struct Assembly {
    texts: Map<String, Value>,
    calls: Vec<Value>,
    usage: Option<Value>,
    end: Option<String>,
    is_done: bool,
}

pub(super) fn read(stream: &str, is_whole: bool) -> Result<Message, String> {
    let mut answer = Assembly::default();
    for (raw, _, data) in raw_events(stream) {
        if raw.starts_with(':') && data.is_empty() {
            continue;
        }
        if answer.is_done {
            return Err(format!("something behind the end: {raw}"));
        }
        if data == "[DONE]" {
            answer.is_done = true;
        } else {
            let chunk: Value = serde_json::from_str(data).map_err(|error| error.to_string())?;
            answer
                .hear(&chunk)
                .map_err(|rule| format!("{rule}: {chunk}"))?;
        }
    }
    if is_whole && !(answer.is_done && answer.end.is_some() && answer.usage.is_some()) {
        return Err("an answer without an end".to_owned());
    }
    // A call that was cut off is none.
    let mut calls = answer.calls;
    if answer.end.is_none() {
        calls.clear();
    }
    message(
        &answer.texts,
        &calls,
        answer.usage,
        answer.end.as_deref(),
        is_whole,
    )
}

impl Assembly {
    fn hear(&mut self, chunk: &Value) -> Result<(), &'static str> {
        if chunk["id"] != "chatcmpl_0" {
            return Err("another id");
        }
        let choices = chunk["choices"].as_array().ok_or("no choices")?;
        if let Some(choice) = choices.first() {
            if self.end.is_some() {
                return Err("a choice behind the end");
            }
            for (name, value) in choice["delta"].as_object().ok_or("no delta")? {
                self.grow(name, value)?;
            }
            self.end = choice["finish_reason"].as_str().map(str::to_owned);
        } else if self.end.is_none() || chunk["usage"].is_null() {
            return Err("a chunk that says nothing");
        }
        if chunk["usage"].is_object() {
            if self
                .usage
                .as_ref()
                .is_some_and(|usage| *usage != chunk["usage"])
            {
                return Err("two figures for one thing");
            }
            self.usage = Some(chunk["usage"].clone());
        }
        Ok(())
    }

    fn grow(&mut self, name: &str, value: &Value) -> Result<(), &'static str> {
        if name == "tool_calls" {
            let pieces = value.as_array().filter(|pieces| !pieces.is_empty());
            return pieces
                .ok_or("no calls")?
                .iter()
                .try_for_each(|piece| self.call(piece));
        }
        match value {
            Value::Null | Value::Array(_) => {}
            Value::String(text) => {
                let before = self
                    .texts
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                self.texts
                    .insert(name.to_owned(), json!(format!("{before}{text}")));
            }
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Err("no text"),
        }
        Ok(())
    }

    fn call(&mut self, piece: &Value) -> Result<(), &'static str> {
        let index = piece["index"].as_u64().ok_or("no index")?;
        let index = usize::try_from(index).map_err(|_| "no index")?;
        if index > self.calls.len() {
            return Err("a gap between calls");
        }
        if index == self.calls.len() {
            if piece["id"].is_null() || piece["function"]["name"].is_null() {
                return Err("a piece of no call");
            }
            self.calls.push(piece.clone());
            return Ok(());
        }
        let more = piece["function"]["arguments"]
            .as_str()
            .ok_or("no arguments")?;
        let arguments = &mut self.calls[index]["function"]["arguments"];
        *arguments = json!(format!("{}{more}", arguments.as_str().unwrap_or_default()));
        if piece["id"].is_null() && piece["function"]["name"].is_null() {
            Ok(())
        } else {
            Err("a call begins twice")
        }
    }
}

fn message(
    texts: &Map<String, Value>,
    calls: &[Value],
    usage: Option<Value>,
    end: Option<&str>,
    is_whole: bool,
) -> Result<Message, String> {
    if is_whole && texts.get("role") != Some(&json!("assistant")) {
        return Err(format!("somebody else speaks: {texts:?}"));
    }
    let end = match end {
        None => None,
        Some("length") => Some(End::Short),
        Some("tool_calls") if !calls.is_empty() => Some(End::Proper),
        Some("stop") if calls.is_empty() => Some(End::Proper),
        Some(reason) => return Err(format!("{reason} of {calls:?}")),
    };
    let figures = usage.unwrap_or_default();
    let figure = |name: &str| figures.pointer(name).and_then(Value::as_u64);
    Ok(Message {
        parts: parts(texts, calls)?,
        usage: Usage {
            input: figure("/prompt_tokens").unwrap_or_default(),
            output: figure("/completion_tokens").unwrap_or_default(),
            cached: figure("/prompt_tokens_details/cached_tokens").unwrap_or_default(),
        },
        end,
    })
}

fn parts(texts: &Map<String, Value>, calls: &[Value]) -> Result<Vec<Part>, String> {
    let text = |name: &str| texts.get(name).and_then(Value::as_str);
    let text = |name: &str| {
        text(name)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let mut parts = Vec::new();
    parts.extend(text("reasoning_content").map(Part::Thought));
    parts.extend(text("content").map(Part::Text));
    for call in calls {
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        let input = serde_json::from_str(arguments);
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        parts.push(Part::Call(Call {
            id: word(&call["id"]),
            name: word(&call["function"]["name"]),
            input: input.map_err(|error| format!("{error}: {call}"))?,
        }));
    }
    Ok(parts)
}

pub(super) fn read_whole(body: &str) -> Result<Message, String> {
    let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let (mut texts, mut all_calls) = (Map::new(), Vec::new());
    for choice in body["choices"].as_array().ok_or("no choices")? {
        let message = choice["message"].as_object().ok_or("no message")?;
        let calls = message.get("tool_calls").and_then(Value::as_array);
        if calls.is_some_and(Vec::is_empty) {
            return Err(format!("no calls: {choice}"));
        }
        all_calls.extend(calls.into_iter().flatten().cloned());
        for (name, value) in message {
            texts.entry(name).or_insert_with(|| value.clone());
        }
    }
    let end = body["choices"][0]["finish_reason"].as_str();
    message(&texts, &all_calls, Some(body["usage"].clone()), end, true)
}

// What a client goes on with.

/// Clients send text and calls again, and forget what else there was.
pub(super) fn next(request: &str, message: &Message) -> String {
    let mut request: Value = serde_json::from_str(request).unwrap();
    let mut said = json!({"content": "", "role": "assistant"});
    let mut answers = Vec::new();
    let mut calls = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text(text) => said["content"] = json!([{"type": "text", "text": text}]),
            Part::Thought(_) | Part::Hosted(_) => {}
            Part::Call(call) => {
                calls.push(json!({"function": function(call), "id": call.id, "type": "function"}));
                answers.push(
                    json!({"role": "tool", "tool_call_id": call.id, "content": call.result()}),
                );
            }
        }
    }
    if calls.is_empty() {
        answers.push(json!({"role": "user", "content": "go on"}));
    } else {
        said["tool_calls"] = json!(calls);
    }
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(said);
    messages.extend(answers);
    request.to_string()
}

pub(super) fn history(request: &str) -> Result<Vec<Said>, String> {
    let request: Value = serde_json::from_str(request).map_err(|error| error.to_string())?;
    let mut said = Vec::new();
    let mut waiting: Vec<String> = Vec::new();
    for message in request["messages"].as_array().ok_or("no messages")? {
        let text = message["content"]
            .as_str()
            .or(message["content"][0]["text"].as_str());
        let text = text.unwrap_or_default().to_owned();
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let at = waiting.iter().position(|call| call == id);
            let id = waiting.remove(at.ok_or("a result without a call")?);
            said.push(Said::Result { id, text });
            continue;
        }
        if !waiting.is_empty() {
            return Err(format!("no results of {waiting:?} before {message}"));
        }
        if role == "user" {
            said.push(Said::User(text));
            continue;
        }
        let mut texts = message.as_object().cloned().unwrap_or_default();
        texts.insert("content".to_owned(), json!(text));
        let calls = message["tool_calls"].as_array().cloned();
        let parts = parts(&texts, &calls.unwrap_or_default())?;
        let calls = parts.iter().filter_map(Part::call);
        waiting.extend(calls.map(|call| call.id.clone()));
        said.extend(parts.into_iter().map(Said::Model));
    }
    if waiting.is_empty() {
        Ok(said)
    } else {
        Err(format!("no results of {waiting:?}"))
    }
}
