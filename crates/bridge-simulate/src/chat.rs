//! Answers in the shape of OpenAI Chat Completions.
//!
//! The chunks and their order are those of
//! <https://platform.openai.com/docs/api-reference/chat-streaming>.

use http::StatusCode;
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::dialect::CREATED;
use crate::face::Face;
use crate::offered::{Call, ToolKind};
use crate::parts::{Deltas, Parts};
use crate::pieces::Pieces;
use crate::turn::{Stop, Turn, Usage};
use crate::{compatible, copilot};

/// What stands for the provider's build.
const SYSTEM_FINGERPRINT: &str = "fp_simulated1";

pub(crate) fn stream(mut turn: Turn, asked: &Asked<'_>) -> (String, Parts) {
    let id = completion_id(&mut turn);
    let options = asked.value("stream_options");
    let wants_usage = options.get("include_usage") == Some(&Value::Bool(true));
    let mut chunks = Chunks {
        parts: Parts::default(),
        head: head(&id, &turn.model),
        usage: if wants_usage { ",\"usage\":null" } else { "" },
    };
    match turn.face {
        Face::Azure => {
            let first = compatible::azure_first_chunk();
            chunks.parts.unnamed(&first.to_string());
        }
        Face::OpenRouter => chunks.parts.comment("OPENROUTER PROCESSING"),
        Face::Plain | Face::Bedrock | Face::Mantle | Face::Copilot | Face::Google => {}
    }
    let content = if turn.text.is_some() {
        json!("")
    } else {
        json!(null)
    };
    let role = json!({"role": "assistant", "content": content, "refusal": null});
    chunks.chunk(&role, "null");
    let finish = finish_reason(&turn);
    let counts_in_finish = counts_in_finish(&turn);
    if let Some(thought) = turn.thought.filter(|thought| thought.is_wished) {
        chunks.deltas("{\"reasoning_content\":", thought.text, "}");
    }
    if let Some(text) = turn.text {
        chunks.deltas("{\"content\":", text, "}");
    }
    for (index, call) in turn.calls.iter().enumerate() {
        let (kind, key) = words(call.kind);
        let mut first = call_value(call, "");
        if let Some(first) = first.as_object_mut() {
            first.insert("index".to_owned(), json!(index));
        }
        chunks.chunk(&json!({"tool_calls": [first]}), "null");
        let before = format!("{{\"tool_calls\":[{{\"index\":{index},\"{kind}\":{{\"{key}\":");
        chunks.deltas(&before, call.pieces(), "}}]}");
    }
    let usage = usage_value(turn.usage);
    if counts_in_finish {
        let usage = format!(",\"usage\":{usage}");
        chunks.chunk_with(&json!({}), &format!("\"{finish}\""), &usage);
    } else {
        chunks.chunk(&json!({}), &format!("\"{finish}\""));
    }
    if wants_usage && !counts_in_finish {
        let last = format!("{}\"choices\":[],\"usage\":{usage}}}", chunks.head);
        chunks.parts.unnamed(&last);
    }
    chunks.parts.unnamed("[DONE]");
    (id, chunks.parts)
}

/// The chunks of a stream.
struct Chunks {
    parts: Parts,
    head: String,
    usage: &'static str,
}

impl Chunks {
    fn chunk(&mut self, delta: &Value, finish: &str) {
        self.chunk_with(delta, finish, self.usage);
    }

    fn chunk_with(&mut self, delta: &Value, finish: &str, usage: &str) {
        let Self { parts, head, .. } = self;
        parts.unnamed(&format!(
            "{head}\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\
             \"finish_reason\":{finish}}}]{usage}}}"
        ));
    }

    fn deltas(&mut self, before: &str, pieces: Pieces, after: &str) {
        let Self { parts, head, usage } = self;
        parts.deltas(Deltas {
            before: format!("data: {head}\"choices\":[{{\"index\":0,\"delta\":{before}"),
            pieces,
            after: format!("{after},\"logprobs\":null,\"finish_reason\":null}}]{usage}"),
            number: None,
            tail: "}\n\n",
        });
    }
}

/// What each chunk of one answer begins with.
fn head(id: &str, model: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"object\":\"chat.completion.chunk\",\"created\":{CREATED},\
         \"model\":{},\"service_tier\":\"default\",\
         \"system_fingerprint\":\"{SYSTEM_FINGERPRINT}\",",
        json!(model)
    )
}

pub(crate) fn whole(mut turn: Turn) -> (String, Value) {
    let id = completion_id(&mut turn);
    let mut message = json!({
        "role": "assistant",
        "content": turn.text.as_ref().map(Pieces::text),
        "refusal": null,
        "annotations": [],
    });
    let finish = finish_reason(&turn);
    if let Some(message) = message.as_object_mut() {
        if let Some(thought) = turn.thought.filter(|thought| thought.is_wished) {
            message.insert("reasoning_content".to_owned(), json!(thought.text.text()));
        }
        if !turn.calls.is_empty() {
            let calls = turn.calls.iter().map(|call| call_value(call, &call.input));
            message.insert("tool_calls".to_owned(), calls.collect());
        }
    }
    let completion = json!({
        "id": id,
        "object": "chat.completion",
        "created": CREATED,
        "model": turn.model,
        "choices": [{
            "index": 0, "message": message, "logprobs": null, "finish_reason": finish,
        }],
        "usage": usage_value(turn.usage),
        "service_tier": "default",
        "system_fingerprint": SYSTEM_FINGERPRINT,
    });
    (id, completion)
}

fn completion_id(turn: &mut Turn) -> String {
    match counts_in_finish(turn) {
        true => turn.ids.letters("msg_vrtx_01", 22),
        false => turn.ids.letters("chatcmpl-", 29),
    }
}

/// Copilot serves models of others, which have their own ids and count where the answer ends.
fn counts_in_finish(turn: &Turn) -> bool {
    turn.face == Face::Copilot && copilot::counts_in_last_chunk(&turn.model)
}

fn finish_reason(turn: &Turn) -> &'static str {
    match turn.stop {
        Stop::Spoken => "stop",
        Stop::Called => "tool_calls",
        Stop::Length => "length",
    }
}

fn call_value(call: &Call, input: &str) -> Value {
    let (kind, key) = words(call.kind);
    json!({"id": call.id, "type": kind, kind: {"name": call.name, key: input}})
}

/// What a call of this kind is called, and what its input is called.
fn words(kind: ToolKind) -> (&'static str, &'static str) {
    match kind {
        ToolKind::Function => ("function", "arguments"),
        ToolKind::Custom => ("custom", "input"),
    }
}

fn usage_value(usage: Usage) -> Value {
    let prompt = usage.input + usage.cache_read;
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.thought,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

/// The models that are listed. Every other is served, too.
pub(crate) fn models() -> Value {
    let model = |id: &str| json!({"id": id, "object": "model", "created": CREATED, "owned_by": "simulated"});
    json!({"object": "list", "data": [model("gpt-5.5"), model("gpt-5.4"), model("gpt-5.4-mini")]})
}

/// Type and code, as in <https://platform.openai.com/docs/guides/error-codes>.
pub(crate) fn error_type(status: StatusCode) -> (&'static str, Option<&'static str>) {
    match status.as_u16() {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        404 => ("invalid_request_error", Some("not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        503 | 529 => ("server_error", Some("server_is_overloaded")),
        500..=599 => ("server_error", None),
        _ => ("invalid_request_error", None),
    }
}
