//! Answers in the shape of Anthropic Messages.
//!
//! The events and their order are those of
//! <https://docs.anthropic.com/en/docs/build-with-claude/streaming>.

use http::StatusCode;
use serde_json::{Value, json};

use crate::bedrock;
use crate::face::Face;
use crate::parts::{Deltas, Parts};
use crate::pieces::Pieces;
use crate::seal;
use crate::turn::{Stop, Turn, Usage};

pub(crate) fn stream(mut turn: Turn) -> (String, Parts) {
    let id = message_id(&mut turn);
    let mut parts = Parts::default();
    let message = message(
        &id,
        model(&turn),
        &json!([]),
        None,
        &first_usage(turn.usage),
    );
    let start = json!({"type": "message_start", "message": message});
    parts.named("message_start", &start);
    let stop_reason = stop_reason(&turn);
    let mut blocks = Blocks { parts, count: 0 };
    if let Some(thought) = turn.thought {
        let thinking = thought.text.text().to_owned();
        blocks.open(&json!({"type": "thinking", "thinking": "", "signature": ""}));
        blocks.deltas("thinking_delta", "thinking", thought.text);
        let signature = seal::make(&mut turn.ids, &thinking);
        blocks.delta(&json!({"type": "signature_delta", "signature": signature}));
        blocks.close();
    }
    if let Some(text) = turn.text {
        blocks.open(&json!({"type": "text", "text": ""}));
        blocks.deltas("text_delta", "text", text);
        blocks.close();
    }
    for call in turn.calls {
        let (id, name) = (&call.id, &call.name);
        blocks.open(&json!({"type": "tool_use", "id": id, "name": name, "input": {}}));
        blocks.delta(&json!({"type": "input_json_delta", "partial_json": ""}));
        blocks.deltas("input_json_delta", "partial_json", call.pieces());
        blocks.close();
    }
    let mut parts = blocks.parts;
    let delta = json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason, "stop_sequence": null},
        "usage": last_usage(turn.usage),
    });
    parts.named("message_delta", &delta);
    let mut stop = json!({"type": "message_stop"});
    if let (Face::Bedrock, Some(stop)) = (turn.face, stop.as_object_mut()) {
        stop.insert(METRICS.to_owned(), metrics(turn.usage));
    }
    parts.named("message_stop", &stop);
    (id, parts)
}

/// The content blocks of a stream.
struct Blocks {
    parts: Parts,
    count: usize,
}

impl Blocks {
    fn open(&mut self, block: &Value) {
        let event = json!({
            "type": "content_block_start", "index": self.count, "content_block": block,
        });
        self.parts.named("content_block_start", &event);
        if self.count == 0 {
            self.parts.named("ping", &json!({"type": "ping"}));
        }
    }

    fn delta(&mut self, delta: &Value) {
        let event = json!({"type": "content_block_delta", "index": self.count, "delta": delta});
        self.parts.named("content_block_delta", &event);
    }

    fn deltas(&mut self, kind: &str, key: &str, pieces: Pieces) {
        self.parts.deltas(Deltas {
            before: format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\
                 \"index\":{},\"delta\":{{\"type\":\"{kind}\",\"{key}\":",
                self.count
            ),
            pieces,
            after: String::new(),
            number: None,
            tail: "}}\n\n",
        });
    }

    fn close(&mut self) {
        let event = json!({"type": "content_block_stop", "index": self.count});
        self.parts.named("content_block_stop", &event);
        self.count += 1;
    }
}

pub(crate) fn whole(mut turn: Turn) -> (String, Value) {
    let id = message_id(&mut turn);
    let mut content = Vec::new();
    if let Some(thought) = &turn.thought {
        let thinking = thought.text.text();
        let signature = seal::make(&mut turn.ids, thinking);
        content.push(json!({"type": "thinking", "thinking": thinking, "signature": signature}));
    }
    if let Some(text) = &turn.text {
        content.push(json!({"type": "text", "text": text.text()}));
    }
    for call in &turn.calls {
        let (id, name) = (&call.id, &call.name);
        let input: Value = serde_json::from_str(&call.input).unwrap_or_else(|_| json!({}));
        content.push(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
    }
    let mut usage = first_usage(turn.usage);
    if let (Some(first), Value::Object(last)) = (usage.as_object_mut(), last_usage(turn.usage)) {
        first.extend(last);
    }
    let stop_reason = stop_reason(&turn);
    let message = message(
        &id,
        model(&turn),
        &content.into(),
        Some(stop_reason),
        &usage,
    );
    (id, message)
}

fn message_id(turn: &mut Turn) -> String {
    let prefix = format!("msg_{}01", turn.face.mark());
    turn.ids.letters(&prefix, 22)
}

/// The model as the answer names it.
fn model(turn: &Turn) -> &str {
    match turn.face {
        Face::Bedrock | Face::Mantle => bedrock::bare_model(&turn.model),
        Face::Plain | Face::Copilot | Face::Azure | Face::Google | Face::OpenRouter => &turn.model,
    }
}

/// What Bedrock adds to the last event of a stream.
const METRICS: &str = "amazon-bedrock-invocationMetrics";

fn metrics(usage: Usage) -> Value {
    json!({
        "inputTokenCount": usage.input,
        "outputTokenCount": usage.output,
        "invocationLatency": 7,
        "firstByteLatency": 3,
        "cacheReadInputTokenCount": usage.cache_read,
        "cacheWriteInputTokenCount": usage.cache_write,
    })
}

fn stop_reason(turn: &Turn) -> &'static str {
    match turn.stop {
        Stop::Spoken => "end_turn",
        Stop::Called => "tool_use",
        Stop::Length => "max_tokens",
    }
}

fn message(id: &str, model: &str, content: &Value, stop: Option<&str>, usage: &Value) -> Value {
    json!({
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
        "usage": usage,
    })
}

/// What is known before anything was said.
fn first_usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": 1,
        "service_tier": "standard",
    })
}

/// The final figures. They replace the first ones.
fn last_usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.thought},
    })
}

/// The models that are listed. Every other is served, too.
pub(crate) fn models() -> Value {
    let model = |id: &str, name: &str| {
        let created = "2026-01-01T00:00:00Z";
        json!({"type": "model", "id": id, "display_name": name, "created_at": created})
    };
    json!({
        "data": [
            model("claude-opus-5-5", "Claude Opus 5.5"),
            model("claude-sonnet-5-5", "Claude Sonnet 5.5"),
            model("claude-haiku-5-5", "Claude Haiku 5.5"),
        ],
        "has_more": false,
        "first_id": "claude-opus-5-5",
        "last_id": "claude-haiku-5-5",
    })
}

/// The names of <https://docs.anthropic.com/en/api/errors>.
pub(crate) fn error_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}
