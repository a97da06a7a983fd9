//! How Anthropic Messages are spoken.

#[path = "messages_read.rs"]
mod messages_read;

use bridge_api::DialectId;
use serde_json::{Value, json};

use self::messages_read::{parts, read, read_whole};
use super::turn::{End, Part, Turn, Usage};
use super::{Message, Said, Voice};

pub(super) const VOICE: Voice = Voice {
    dialect: DialectId::AnthropicMessages,
    request: r#"{"model":"m","tools":[{"name":"Read","input_schema":{}},{"name":"Bash","input_schema":{}}],"messages":[{"role":"user","content":"begin"}]}"#,
    stream,
    last_word: "event: message_stop",
    whole,
    read,
    read_whole,
    next,
    history,
    is_merged: false,
};

fn blocks(turn: &Turn, round: usize) -> Vec<Value> {
    let mut blocks = Vec::new();
    for part in &turn.rounds[round].parts {
        match part {
            Part::Text(text) => {
                blocks.push(json!({"type": "text", "text": text, "citations": null}));
            }
            Part::Thought(text) => blocks.push(json!({
                "type": "thinking", "thinking": text, "signature": format!("sig {text}"),
            })),
            Part::Hosted(word) => blocks.extend(hosted(word)),
            Part::Call(call) => blocks.push(json!({
                "type": "tool_use", "id": call.id, "name": call.name, "input": call.input,
            })),
        }
    }
    blocks
}

/// What the provider asked itself, and the answer.
fn hosted(word: &str) -> [Value; 2] {
    let id = format!("srv_{word}");
    [
        json!({"type": "server_tool_use", "id": id, "name": "web_search", "input": {"q": word}}),
        json!({"type": "web_search_tool_result", "tool_use_id": id, "content": [{"new": 1}]}),
    ]
}

fn reason(turn: &Turn, round: usize) -> &'static str {
    match turn.end_of(round) {
        End::Short => "max_tokens",
        End::Proper if turn.rounds[round].calls().next().is_some() => "tool_use",
        End::Proper => "end_turn",
    }
}

fn whole(turn: &Turn, round: usize) -> String {
    let Usage {
        input,
        output,
        cached,
    } = turn.rounds[round].usage;
    let body = json!({
        "id": format!("msg_{round}"), "type": "message", "role": "assistant", "model": "m",
        "content": blocks(turn, round), "stop_reason": reason(turn, round), "stop_sequence": null,
        "usage": {
            "input_tokens": input, "output_tokens": output, "cache_read_input_tokens": cached,
            "service_tier": "standard",
        },
    });
    body.to_string()
}

fn stream(turn: &Turn, round: usize) -> String {
    let Usage {
        input,
        output,
        cached,
    } = turn.rounds[round].usage;
    let mut out = String::new();
    let mut say = |data: Value| {
        let name = data["type"].as_str().unwrap();
        let comment = if turn.is_chatty { ": said\n" } else { "" };
        out += &format!("{comment}event: {name}\ndata: {data}\n\n");
        if turn.is_chatty {
            out += "event: ping\ndata: {\"type\": \"ping\"}\n\n";
        }
    };
    say(json!({"type": "message_start", "message": {
        "id": format!("msg_{round}"), "type": "message", "role": "assistant", "model": "m",
        "content": [], "stop_reason": null,
        "usage": {"input_tokens": input, "cache_read_input_tokens": cached, "output_tokens": 1},
    }}));
    for (index, block) in blocks(turn, round).into_iter().enumerate() {
        let (start, deltas) = grown(turn, block);
        say(json!({"type": "content_block_start", "index": index, "content_block": start}));
        for delta in deltas {
            say(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        say(json!({"type": "content_block_stop", "index": index}));
    }
    if turn.is_chatty {
        say(json!({"type": "message_delta", "delta": {}, "usage": {"output_tokens": output / 2}}));
    }
    let reason = reason(turn, round);
    let usage = json!({"input_tokens": input, "output_tokens": output});
    say(json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}));
    out += "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    out
}

/// How a block begins, and what is added.
fn grown(turn: &Turn, mut block: Value) -> (Value, Vec<Value>) {
    let mut deltas = Vec::new();
    let mut take = |block: &mut Value, member: &str, kind: &str, name: &str, empty: Value| {
        let Some(old) = block
            .get_mut(member)
            .map(|old| std::mem::replace(old, empty))
        else {
            return;
        };
        let text = old.as_str().map_or_else(|| old.to_string(), str::to_owned);
        let pieces = turn.pieces(&text);
        deltas.extend(
            pieces
                .into_iter()
                .map(|piece| json!({"type": kind, name: piece})),
        );
    };
    take(
        &mut block,
        "thinking",
        "thinking_delta",
        "thinking",
        json!(""),
    );
    take(&mut block, "text", "text_delta", "text", json!(""));
    take(
        &mut block,
        "input",
        "input_json_delta",
        "partial_json",
        json!({}),
    );
    if let Some(signature) = block.get_mut("signature") {
        let signature = std::mem::replace(signature, json!(""));
        deltas.push(json!({"type": "signature_delta", "signature": signature}));
    }
    (block, deltas)
}

fn next(request: &str, message: &Message) -> String {
    let mut request: Value = serde_json::from_str(request).unwrap();
    let mut content = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text(text) if text.trim().is_empty() => {}
            Part::Text(text) => content.push(json!({"text": text, "type": "text"})),
            Part::Thought(text) => content.push(json!({
                "type": "thinking", "thinking": text, "signature": format!("sig {text}"),
            })),
            Part::Hosted(word) => content.extend(hosted(word)),
            Part::Call(call) => content.push(json!({
                "type": "tool_use", "id": call.id, "name": call.name, "input": call.input,
            })),
        }
    }
    if let Some(last) = content.last_mut() {
        last["cache_control"] = json!({"type": "ephemeral"});
    }
    let calls = message.parts.iter().filter_map(Part::call);
    let mut answers: Vec<Value> = calls
        .map(
            |call| json!({"type": "tool_result", "tool_use_id": call.id, "content": call.result()}),
        )
        .collect();
    if answers.is_empty() {
        answers.push(json!({"type": "text", "text": "go on"}));
    }
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": content}));
    messages.push(json!({"role": "user", "content": answers}));
    request.to_string()
}

fn history(request: &str) -> Result<Vec<Said>, String> {
    let request: Value = serde_json::from_str(request).map_err(|error| error.to_string())?;
    let mut said = Vec::new();
    let mut waiting: Vec<String> = Vec::new();
    for message in request["messages"].as_array().ok_or("no messages")? {
        let content = &message["content"];
        let content = match content.as_str() {
            Some(text) => vec![json!({"type": "text", "text": text})],
            None => content.as_array().ok_or("no content")?.clone(),
        };
        let is_blank = |block: &Value| {
            block["type"] == "text" && block["text"].as_str().unwrap_or_default().trim().is_empty()
        };
        if content.is_empty() || content.iter().any(is_blank) {
            return Err(format!("nothing is said: {message}"));
        }
        if message["role"] == "user" {
            user(&content, &mut waiting, &mut said)?;
        }
        if !waiting.is_empty() {
            return Err(format!("no results of {waiting:?} in {message}"));
        }
        if message["role"] == "assistant" {
            let parts = parts(&content)?;
            waiting.extend(
                parts
                    .iter()
                    .filter_map(Part::call)
                    .map(|call| call.id.clone()),
            );
            said.extend(parts.into_iter().map(Said::Model));
        }
    }
    if waiting.is_empty() {
        Ok(said)
    } else {
        Err(format!("no results of {waiting:?}"))
    }
}

fn user(content: &[Value], waiting: &mut Vec<String>, said: &mut Vec<Said>) -> Result<(), String> {
    for block in content {
        if block["type"] != "tool_result" {
            said.push(Said::User(
                block["text"].as_str().unwrap_or_default().to_owned(),
            ));
            continue;
        }
        let id = block["tool_use_id"].as_str().unwrap_or_default();
        let at = waiting
            .iter()
            .position(|call| call == id)
            .ok_or("a result without a call")?;
        let text = block["content"]
            .as_str()
            .or(block["content"][0]["text"].as_str());
        said.push(Said::Result {
            id: waiting.remove(at),
            text: text.unwrap_or_default().to_owned(),
        });
    }
    Ok(())
}
