//! Answers in the shape of OpenAI Responses.
//!
//! The events and their order are those of
//! <https://platform.openai.com/docs/api-reference/responses-streaming>.

use serde_json::{Value, json};

use crate::asked::Asked;
use crate::dialect::CREATED;
use crate::fingerprint::Ids;
use crate::offered::{Call, ToolKind};
use crate::parts::{Deltas, Parts};
use crate::pieces::Pieces;
use crate::seal;
use crate::turn::{Stop, Thought, Turn, Usage};

pub(crate) fn stream(mut turn: Turn, asked: &Asked<'_>) -> (String, Parts) {
    let id = turn.ids.hex("resp_");
    let mut response = response(&id, &turn.model, asked);
    let mut events = Events::default();
    events.event("response.created", json!({"response": response}));
    events.event("response.in_progress", json!({"response": response}));
    let encrypts = encrypts(asked);
    let mut output = Vec::new();
    if let Some(thought) = &turn.thought {
        output.push(events.reasoning(reasoning(&mut turn.ids, thought, encrypts), &thought.text));
    }
    if let Some(text) = turn.text {
        output.push(events.message(message(&mut turn.ids, text.text()), text));
    }
    for call in &turn.calls {
        output.push(events.call(call_item(&mut turn.ids, call), call));
    }
    let terminal = complete(&mut response, output, turn.stop, turn.usage);
    events.event(terminal, json!({"response": response}));
    (id, events.parts)
}

/// Numbered events, and the place of the output item that is being written.
#[derive(Default)]
struct Events {
    parts: Parts,
    number: usize,
    index: usize,
}

impl Events {
    fn event(&mut self, name: &str, mut data: Value) {
        if let Some(data) = data.as_object_mut() {
            data.insert("type".to_owned(), json!(name));
            data.insert("sequence_number".to_owned(), json!(self.number));
        }
        self.number += 1;
        self.parts.named(name, &data);
    }

    /// An event about the item in hand.
    fn about(&mut self, name: &str, item: &Value, mut data: Value) {
        if let Some(data) = data.as_object_mut() {
            data.insert("item_id".to_owned(), id_of(item));
            data.insert("output_index".to_owned(), json!(self.index));
        }
        self.event(name, data);
    }

    /// `more` are further members of each event, each with a comma before it.
    fn deltas(&mut self, name: &str, item: &Value, pieces: Pieces, more: &str) {
        self.number += self.parts.deltas(Deltas {
            before: format!("event: {name}\ndata: {{\"type\":\"{name}\",\"delta\":"),
            pieces,
            after: format!(
                "{more},\"item_id\":{},\"output_index\":{},\"sequence_number\":",
                id_of(item),
                self.index
            ),
            number: Some(self.number),
            tail: "}\n\n",
        });
    }

    fn added(&mut self, item: &Value, empty: Value) {
        let mut begun = item.clone();
        if let (Some(begun), Value::Object(empty)) = (begun.as_object_mut(), empty) {
            begun.extend(empty);
        }
        let data = json!({"item": begun, "output_index": self.index});
        self.event("response.output_item.added", data);
    }

    fn done(&mut self, item: Value) -> Value {
        let data = json!({"item": item, "output_index": self.index});
        self.event("response.output_item.done", data);
        self.index += 1;
        item
    }

    fn reasoning(&mut self, item: Value, summary: &Pieces) -> Value {
        self.added(&item, json!({"summary": []}));
        if !summary.text().is_empty() {
            let part = |text: &str| json!({"summary_index": 0, "part": {"type": "summary_text", "text": text}});
            self.about("response.reasoning_summary_part.added", &item, part(""));
            let name = "response.reasoning_summary_text.delta";
            self.deltas(name, &item, summary.clone(), ",\"summary_index\":0");
            let whole = json!({"summary_index": 0, "text": summary.text()});
            self.about("response.reasoning_summary_text.done", &item, whole);
            self.about(
                "response.reasoning_summary_part.done",
                &item,
                part(summary.text()),
            );
        }
        self.done(item)
    }

    fn message(&mut self, item: Value, text: Pieces) -> Value {
        self.added(&item, json!({"status": "in_progress", "content": []}));
        let part = |text: &str| json!({"content_index": 0, "part": text_part(text)});
        let ended = part(text.text());
        let whole = json!({"content_index": 0, "text": text.text(), "logprobs": []});
        self.about("response.content_part.added", &item, part(""));
        let more = ",\"content_index\":0,\"logprobs\":[]";
        self.deltas("response.output_text.delta", &item, text, more);
        self.about("response.output_text.done", &item, whole);
        self.about("response.content_part.done", &item, ended);
        self.done(item)
    }

    fn call(&mut self, item: Value, call: &Call) -> Value {
        let (name, key) = match call.kind {
            ToolKind::Function => ("response.function_call_arguments", "arguments"),
            ToolKind::Custom => ("response.custom_tool_call_input", "input"),
        };
        self.added(&item, json!({"status": "in_progress", key: ""}));
        self.deltas(&format!("{name}.delta"), &item, call.pieces(), "");
        self.about(&format!("{name}.done"), &item, json!({key: call.input}));
        self.done(item)
    }
}

pub(crate) fn whole(mut turn: Turn, asked: &Asked<'_>) -> (String, Value) {
    let id = turn.ids.hex("resp_");
    let mut response = response(&id, &turn.model, asked);
    let encrypts = encrypts(asked);
    let mut output = Vec::new();
    if let Some(thought) = &turn.thought {
        output.push(reasoning(&mut turn.ids, thought, encrypts));
    }
    if let Some(text) = &turn.text {
        output.push(message(&mut turn.ids, text.text()));
    }
    for call in &turn.calls {
        output.push(call_item(&mut turn.ids, call));
    }
    complete(&mut response, output, turn.stop, turn.usage);
    (id, response)
}

/// The answer to a request that asks for a shorter conversation.
pub(crate) fn compacted(mut turn: Turn) -> (String, Value) {
    let id = turn.ids.hex("resp_");
    let compaction = json!({
        "id": turn.ids.hex("cmp_"),
        "type": "compaction",
        "encrypted_content": seal::make(&mut turn.ids, ""),
    });
    let body = json!({
        "id": id,
        "object": "response.compaction",
        "created_at": CREATED,
        "output": [compaction],
        "usage": usage_value(turn.usage),
    });
    (id, body)
}

fn id_of(item: &Value) -> Value {
    item.get("id").cloned().unwrap_or_default()
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

fn reasoning(ids: &mut Ids, thought: &Thought, encrypts: bool) -> Value {
    let summary = match thought.text.text() {
        "" => json!([]),
        text => json!([{"type": "summary_text", "text": text}]),
    };
    let mut item = json!({"id": ids.hex("rs_"), "type": "reasoning", "summary": summary});
    if let (true, Some(item)) = (encrypts, item.as_object_mut()) {
        let encrypted = seal::make(ids, "");
        item.insert("encrypted_content".to_owned(), json!(encrypted));
    }
    item
}

fn message(ids: &mut Ids, text: &str) -> Value {
    json!({
        "id": ids.hex("msg_"),
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [text_part(text)],
    })
}

fn call_item(ids: &mut Ids, call: &Call) -> Value {
    let (prefix, kind, key) = match call.kind {
        ToolKind::Function => ("fc_", "function_call", "arguments"),
        ToolKind::Custom => ("ctc_", "custom_tool_call", "input"),
    };
    json!({
        "id": ids.hex(prefix),
        "type": kind,
        "status": "completed",
        "call_id": call.id,
        "name": call.name,
        key: call.input,
    })
}

fn encrypts(asked: &Asked<'_>) -> bool {
    let include = asked.value("include");
    let mut wanted = include.as_array().into_iter().flatten();
    wanted.any(|name| name == "reasoning.encrypted_content")
}

/// The response as it begins, with the request's settings repeated as the provider does.
fn response(id: &str, model: &str, asked: &Asked<'_>) -> Value {
    let mut response = json!({
        "id": id,
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": false,
        "completed_at": null,
        "error": null,
        "incomplete_details": null,
        "model": model,
        "output": [],
        "usage": null,
    });
    let defaults: [(&'static str, Value); 19] = [
        ("frequency_penalty", json!(0.0)),
        ("instructions", json!(null)),
        ("max_output_tokens", json!(null)),
        ("max_tool_calls", json!(null)),
        ("metadata", json!({})),
        ("parallel_tool_calls", json!(true)),
        ("presence_penalty", json!(0.0)),
        ("previous_response_id", json!(null)),
        ("prompt_cache_key", json!(null)),
        ("prompt_cache_retention", json!(null)),
        ("safety_identifier", json!(null)),
        ("service_tier", json!("default")),
        ("store", json!(true)),
        ("temperature", json!(1.0)),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("top_p", json!(1.0)),
        ("truncation", json!("disabled")),
        ("user", json!(null)),
    ];
    if let Some(response) = response.as_object_mut() {
        for (name, default) in defaults {
            let said = asked.value(name);
            let value = if said.is_null() { default } else { said };
            response.insert(name.to_owned(), value);
        }
        let text = json!({"format": {"type": "text"}, "verbosity": "medium"});
        response.insert("text".to_owned(), over(text, asked.value("text")));
        let reasoning = json!({"effort": null, "summary": null});
        response.insert(
            "reasoning".to_owned(),
            over(reasoning, asked.value("reasoning")),
        );
        response.insert("top_logprobs".to_owned(), json!(0));
    }
    response
}

/// The defaults, with what the request says put over them.
fn over(defaults: Value, said: Value) -> Value {
    match (defaults, said) {
        (Value::Object(mut all), Value::Object(said)) => {
            all.extend(said);
            Value::Object(all)
        }
        (defaults, _) => defaults,
    }
}

/// Ends the response, and tells the name of the event that does so.
fn complete(
    response: &mut Value,
    mut output: Vec<Value>,
    stop: Stop,
    usage: Usage,
) -> &'static str {
    let is_whole = stop != Stop::Length;
    if let (false, Some(last)) = (is_whole, output.last_mut().and_then(Value::as_object_mut)) {
        last.insert("status".to_owned(), json!("incomplete"));
    }
    if let Some(response) = response.as_object_mut() {
        let status = if is_whole { "completed" } else { "incomplete" };
        response.insert("status".to_owned(), json!(status));
        match is_whole {
            true => response.insert("completed_at".to_owned(), json!(CREATED + 1)),
            false => response.insert(
                "incomplete_details".to_owned(),
                json!({"reason": "max_output_tokens"}),
            ),
        };
        response.insert("output".to_owned(), output.into());
        response.insert("usage".to_owned(), usage_value(usage));
    }
    match is_whole {
        true => "response.completed",
        false => "response.incomplete",
    }
}

fn usage_value(usage: Usage) -> Value {
    let input = usage.input + usage.cache_read;
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.thought},
        "total_tokens": input + usage.output,
    })
}
