//! How Chat Completions are spoken.

#[path = "chat_read.rs"]
mod chat_read;

use bridge_api::DialectId;
use serde_json::{Value, json};

use self::chat_read::{history, next, read, read_whole};
use super::Voice;
use super::turn::{Call, End, Part, Turn, Usage};

pub(super) const VOICE: Voice = Voice {
    dialect: DialectId::OpenAiChat,
    request: r#"{"model":"m","stream_options":{"include_usage":true},"tools":[{"type":"function","function":{"name":"Read"}},{"type":"function","function":{"name":"Bash"}}],"messages":[{"role":"user","content":"begin"}]}"#,
    stream,
    last_word: "\"finish_reason\":\"",
    whole,
    read,
    read_whole,
    next,
    history,
    is_merged: true,
};

pub(super) fn function(call: &Call) -> Value {
    json!({"name": call.name, "arguments": call.input.to_string()})
}

fn calls(turn: &Turn, round: usize) -> Vec<Value> {
    let calls = turn.rounds[round].calls();
    calls
        .map(|call| json!({"id": call.id, "type": "function", "function": function(call)}))
        .collect()
}

fn usage(turn: &Turn, round: usize) -> Value {
    let Usage {
        input,
        output,
        cached,
    } = turn.rounds[round].usage;
    json!({"prompt_tokens": input, "completion_tokens": output, "prompt_tokens_details": {"cached_tokens": cached}})
}

fn reason(turn: &Turn, round: usize) -> &'static str {
    match turn.end_of(round) {
        End::Short => "length",
        End::Proper if turn.rounds[round].calls().next().is_some() => "tool_calls",
        End::Proper => "stop",
    }
}

/// Some relays tell the text and every call in a choice of its own.
fn whole(turn: &Turn, round: usize) -> String {
    let mut message = json!({"role": "assistant", "content": null, "refusal": null});
    let parts = &turn.rounds[round].parts;
    let grow = |message: &mut Value, name: &str, text: &str| {
        let before = message[name].as_str().unwrap_or_default();
        message[name] = json!(format!("{before}{text}"));
    };
    for part in parts {
        match part {
            Part::Text(text) => grow(&mut message, "content", text),
            Part::Thought(text) => grow(&mut message, "reasoning_content", text),
            Part::Hosted(word) => message["annotations"] = json!([{ "word": word }]),
            Part::Call(_) => {}
        }
    }
    let calls = calls(turn, round);
    let reason = reason(turn, round);
    let mut choices = vec![json!({"index": 0, "message": message, "finish_reason": reason})];
    if turn.is_chatty {
        let alone = |call: &Value| {
            let message = json!({"role": "assistant", "tool_calls": [call]});
            json!({"message": message, "finish_reason": reason})
        };
        choices.extend(calls.iter().map(alone));
    } else if !calls.is_empty() {
        choices[0]["message"]["tool_calls"] = json!(calls);
    }
    let id = format!("chatcmpl_{round}");
    json!({"id": id, "choices": choices, "usage": usage(turn, round)}).to_string()
}

fn stream(turn: &Turn, round: usize) -> String {
    let mut stream = String::new();
    let mut say = |choice: Option<(Value, Value)>, usage: Value| {
        let choice = choice
            .map(|(delta, reason)| json!({"index": 0, "delta": delta, "finish_reason": reason}));
        let choices: Vec<Value> = choice.into_iter().collect();
        let id = format!("chatcmpl_{round}");
        let chunk = json!({"id": id, "choices": choices, "usage": usage, "obfuscation": "x"});
        let comment = if turn.is_chatty { ": said\n\n" } else { "" };
        stream += &format!("{comment}data: {chunk}\n\n");
    };
    for delta in deltas(turn, round) {
        say(Some((delta, Value::Null)), Value::Null);
    }
    // Figures come with the end, behind it, or both.
    let usage = usage(turn, round);
    let (with, behind) = (!turn.piece.is_multiple_of(3), turn.piece % 3 != 1);
    let end = (json!({}), json!(reason(turn, round)));
    say(Some(end), if with { usage.clone() } else { Value::Null });
    if behind {
        say(None, usage);
    }
    stream + "data: [DONE]\n\n"
}

fn deltas(turn: &Turn, round: usize) -> Vec<Value> {
    let mut deltas = vec![json!({"role": "assistant", "content": "", "refusal": null})];
    let mut index = 0;
    for part in &turn.rounds[round].parts {
        let told = |name: &str, text: &str| -> Vec<Value> {
            let pieces = turn.pieces(text);
            pieces
                .into_iter()
                .map(|piece| json!({ name: piece }))
                .collect()
        };
        match part {
            Part::Text(text) => deltas.extend(told("content", text)),
            Part::Thought(text) => deltas.extend(told("reasoning_content", text)),
            Part::Hosted(word) => deltas.push(json!({"annotations": [{ "word": word }]})),
            Part::Call(call) => {
                deltas.extend(call_deltas(turn, index, call));
                index += 1;
            }
        }
    }
    if turn.piece.is_multiple_of(2) {
        deltas = braided(deltas);
    }
    deltas
}

fn call_deltas(turn: &Turn, index: usize, call: &Call) -> Vec<Value> {
    let mut function = function(call);
    let arguments = function["arguments"].take();
    function["arguments"] = json!("");
    let begin = json!({"index": index, "id": call.id, "type": "function", "function": function});
    let pieces = turn.pieces(arguments.as_str().unwrap());
    let more = pieces
        .into_iter()
        .map(|piece| json!({"index": index, "function": {"arguments": piece}}));
    let content = if turn.is_chatty {
        json!("")
    } else {
        Value::Null
    };
    std::iter::once(begin)
        .chain(more)
        .map(|piece| json!({"content": content, "tool_calls": [piece]}))
        .collect()
}

/// With pieces of different calls in one chunk, wherever two stand beside each other.
fn braided(deltas: Vec<Value>) -> Vec<Value> {
    let mut braided: Vec<Value> = Vec::new();
    for delta in deltas {
        let before = braided
            .last_mut()
            .and_then(|last| last.get_mut("tool_calls")?.as_array_mut());
        match (before, delta["tool_calls"].as_array()) {
            (Some(before), Some(pieces))
                if before
                    .iter()
                    .all(|piece| piece["index"] != pieces[0]["index"]) =>
            {
                before.extend(pieces.iter().cloned());
            }
            _ => braided.push(delta),
        }
    }
    braided
}
