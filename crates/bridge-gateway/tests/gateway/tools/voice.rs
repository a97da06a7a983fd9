//! The same things, said in each dialect.

use serde_json::{Value, json};

use crate::support::{Script, json as whole, sse};

/// A call of a tool: its id, its name, its input.
pub(super) type Call = (&'static str, &'static str, &'static str);

/// What a round of the provider says.
#[derive(Clone, Copy)]
pub(super) enum Says<'a> {
    /// A text, and that is the end.
    Text(&'a str),
    /// A text, and calls of tools.
    Calls(&'a str, &'a [Call]),
}

/// A dialect, streaming or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Anthropic,
    Chat,
    Responses,
}

pub(super) const DIALECTS: [Dialect; 3] = [Dialect::Anthropic, Dialect::Chat, Dialect::Responses];

impl Dialect {
    pub(super) fn line(self) -> &'static str {
        match self {
            Self::Anthropic => "POST /anthropic/v1/messages HTTP/1.1",
            Self::Chat => "POST /openai/v1/chat/completions HTTP/1.1",
            Self::Responses => "POST /openai/v1/responses HTTP/1.1",
        }
    }

    /// A request with a tool of the client's own, `Read`.
    pub(super) fn request(self, is_stream: bool) -> String {
        let schema = "{\"type\":\"object\"}";
        match self {
            Self::Anthropic => format!(
                "{{\"model\":\"m\", \"max_tokens\":9, \"stream\":{is_stream}, \
                 \"tools\":[{{\"name\":\"Read\",\"input_schema\":{schema}}}], \
                 \"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}"
            ),
            Self::Chat => format!(
                "{{\"model\":\"m\", \"stream\":{is_stream}, \"tools\":[{{\"type\":\"function\",\
                 \"function\":{{\"name\":\"Read\",\"parameters\":{schema}}}}}], \
                 \"stream_options\":{{\"include_usage\":true}}, \
                 \"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}"
            ),
            Self::Responses => format!(
                "{{\"model\":\"m\", \"stream\":{is_stream}, \"tools\":[{{\"type\":\"function\",\
                 \"name\":\"Read\",\"parameters\":{schema}}}], \"input\":\"hello\"}}"
            ),
        }
    }

    /// The answer of one round, whose id is this.
    pub(super) fn answer(self, is_stream: bool, id: &str, says: Says<'_>) -> Script {
        match is_stream {
            false => whole("200 OK", &self.body(id, says).to_string()),
            true => {
                let events = self.events(id, says);
                let pieces: Vec<&str> = events.iter().map(String::as_str).collect();
                sse(&pieces)
            }
        }
    }

    /// The answer as a stream of events.
    pub(super) fn events(self, id: &str, says: Says<'_>) -> Vec<String> {
        let body = self.body(id, says);
        match self {
            Self::Anthropic => anthropic_events(&body),
            Self::Chat => chat_events(&body),
            Self::Responses => responses_events(&body),
        }
    }

    /// The answer as a whole body. It costs ten tokens in and three out.
    pub(super) fn body(self, id: &str, says: Says<'_>) -> Value {
        let (text, calls) = match says {
            Says::Text(text) => (text, &[][..]),
            Says::Calls(text, calls) => (text, calls),
        };
        match self {
            Self::Anthropic => {
                let mut content = vec![json!({"type": "text", "text": text})];
                content.extend(calls.iter().map(|(id, name, input)| {
                    let input: Value = serde_json::from_str(input).unwrap();
                    json!({"type": "tool_use", "id": id, "name": name, "input": input})
                }));
                let reason = if calls.is_empty() {
                    "end_turn"
                } else {
                    "tool_use"
                };
                json!({"id": id, "type": "message", "role": "assistant", "model": "m",
                    "content": content, "stop_reason": reason, "stop_sequence": null,
                    "usage": {"input_tokens": 10, "output_tokens": 3}})
            }
            Self::Chat => {
                let mut message = json!({"role": "assistant", "content": text});
                if !calls.is_empty() {
                    let calls: Vec<Value> = calls.iter().map(chat_call).collect();
                    message["tool_calls"] = json!(calls);
                }
                let reason = if calls.is_empty() {
                    "stop"
                } else {
                    "tool_calls"
                };
                json!({"id": id, "object": "chat.completion", "created": 1, "model": "m",
                    "choices": [{"index": 0, "message": message, "finish_reason": reason}],
                    "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}})
            }
            Self::Responses => {
                let mut output = vec![json!({"type": "message", "id": format!("msg_{id}"),
                    "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": text, "annotations": []}]})];
                output.extend(calls.iter().map(|(call, name, input)| {
                    json!({"type": "function_call", "id": format!("fc_{call}"), "call_id": call,
                        "name": name, "arguments": input, "status": "completed"})
                }));
                json!({"id": id, "object": "response", "status": "completed", "model": "m",
                    "output": output,
                    "usage": {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13}})
            }
        }
    }
}

fn named(event: &Value) -> String {
    let name = event["type"].as_str().unwrap();
    format!("event: {name}\ndata: {event}\n\n")
}

fn chat_call((id, name, input): &Call) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": input}})
}

fn anthropic_events(body: &Value) -> Vec<String> {
    let mut message = body.clone();
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    let mut events = vec![named(&json!({"type": "message_start", "message": message}))];
    for (index, block) in body["content"].as_array().unwrap().iter().enumerate() {
        let (empty, delta) = if block["type"] == "text" {
            let delta = json!({"type": "text_delta", "text": block["text"]});
            (json!({"type": "text", "text": ""}), delta)
        } else {
            let mut empty = block.clone();
            empty["input"] = json!({});
            let partial_json = block["input"].to_string();
            let delta = json!({"type": "input_json_delta", "partial_json": partial_json});
            (empty, delta)
        };
        for event in [
            json!({"type": "content_block_start", "index": index, "content_block": empty}),
            json!({"type": "content_block_delta", "index": index, "delta": delta}),
            json!({"type": "content_block_stop", "index": index}),
        ] {
            events.push(named(&event));
        }
    }
    let delta = json!({"stop_reason": body["stop_reason"], "stop_sequence": null});
    let usage = &body["usage"];
    events.push(named(
        &json!({"type": "message_delta", "delta": delta, "usage": usage}),
    ));
    events.push(named(&json!({"type": "message_stop"})));
    events
}

fn chat_events(body: &Value) -> Vec<String> {
    let chunk = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        let chunk = json!({"id": body["id"], "object": "chat.completion.chunk", "created": 1,
            "model": "m", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let message = &body["choices"][0]["message"];
    let mut events = vec![chunk(
        json!({"role": "assistant", "content": message["content"]}),
        Value::Null,
    )];
    let calls = message["tool_calls"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for (index, mut call) in calls.into_iter().enumerate() {
        let arguments = call["function"]["arguments"].take();
        call["index"] = json!(index);
        call["function"]["arguments"] = json!("");
        events.push(chunk(json!({"tool_calls": [call]}), Value::Null));
        let rest = json!({"index": index, "function": {"arguments": arguments}});
        events.push(chunk(json!({"tool_calls": [rest]}), Value::Null));
    }
    events.push(chunk(
        json!({}),
        body["choices"][0]["finish_reason"].clone(),
    ));
    let usage = json!({"id": body["id"], "object": "chat.completion.chunk", "created": 1,
        "model": "m", "choices": [], "usage": body["usage"]});
    events.push(format!("data: {usage}\n\n"));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn responses_events(body: &Value) -> Vec<String> {
    let mut begun = body.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    let mut told = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    for (at, item) in body["output"].as_array().unwrap().iter().enumerate() {
        let mut empty = item.clone();
        empty["status"] = json!("in_progress");
        let id = &item["id"];
        if item["type"] == "message" {
            empty["content"] = json!([]);
            let text = &item["content"][0]["text"];
            let part = json!({"type": "output_text", "text": "", "annotations": []});
            told.extend([
                json!({"type": "response.output_item.added", "output_index": at, "item": empty}),
                json!({"type": "response.content_part.added", "output_index": at, "item_id": id,
                    "content_index": 0, "part": part}),
                json!({"type": "response.output_text.delta", "output_index": at, "item_id": id,
                    "content_index": 0, "delta": text}),
                json!({"type": "response.output_text.done", "output_index": at, "item_id": id,
                    "content_index": 0, "text": text}),
                json!({"type": "response.content_part.done", "output_index": at, "item_id": id,
                    "content_index": 0, "part": item["content"][0]}),
            ]);
        } else {
            empty["arguments"] = json!("");
            let arguments = &item["arguments"];
            told.extend([
                json!({"type": "response.output_item.added", "output_index": at, "item": empty}),
                json!({"type": "response.function_call_arguments.delta", "output_index": at,
                    "item_id": id, "delta": arguments}),
                json!({"type": "response.function_call_arguments.done", "output_index": at,
                    "item_id": id, "arguments": arguments}),
            ]);
        }
        told.push(json!({"type": "response.output_item.done", "output_index": at, "item": item}));
    }
    told.push(json!({"type": "response.completed", "response": body}));
    let numbered = told.into_iter().enumerate().map(|(number, mut event)| {
        event["sequence_number"] = json!(number);
        named(&event)
    });
    numbered.collect()
}
