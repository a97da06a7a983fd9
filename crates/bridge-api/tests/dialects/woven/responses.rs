//! How OpenAI Responses are spoken.

#[path = "responses_read.rs"]
mod responses_read;

use bridge_api::DialectId;
use serde_json::{Value, json};

use self::responses_read::{part, read, read_whole};
use super::turn::{End, INJECTED, OWN, Part, Turn, Usage};
use super::{Message, Said, Voice};

/// With a provider that keeps answers, and a client that sends everything all the same.
pub(super) const VOICE: Voice = Voice {
    dialect: DialectId::OpenAiResponses,
    request: r#"{"model":"m","tools":[{"type":"function","name":"Read"},{"type":"function","name":"Bash"}],"input":"begin"}"#,
    stream,
    last_word: "event: response.completed",
    whole,
    read,
    read_whole,
    next,
    history,
    is_merged: false,
};

/// With a provider that keeps nothing.
pub(super) const FORGETFUL: Voice = Voice {
    request: r#"{"model":"m","store":false,"input":[{"type":"message","role":"developer","content":"be good"},{"role":"user","content":[{"type":"input_text","text":"begin"}]}]}"#,
    ..VOICE
};

fn item(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({
            "type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }),
        Part::Thought(text) => json!({
            "type": "reasoning", "summary": [{"type": "summary_text", "text": text}],
            "encrypted_content": format!("enc {text}"),
        }),
        Part::Hosted(word) => {
            json!({"type": "web_search_call", "action": {"type": "search", "query": word}})
        }
        Part::Call(call) => json!({
            "type": "function_call", "call_id": call.id, "name": call.name,
            "arguments": call.input.to_string(),
        }),
    }
}

fn items(turn: &Turn, round: usize) -> Vec<Value> {
    let parts = turn.rounds[round].parts.iter().enumerate();
    let item = |(index, part)| {
        let mut item = item(part);
        item["id"] = format!("item_{round}_{index}").into();
        item["status"] = "completed".into();
        item
    };
    parts.map(item).collect()
}

/// A Response object. It repeats the tools of the request.
fn response(turn: &Turn, round: usize, status: &str, output: &[Value]) -> Value {
    let tool = |name: &str| json!({"type": "function", "name": name, "strict": false});
    let mut tools: Vec<Value> = OWN.into_iter().map(tool).collect();
    if turn.rounds.len() > 1 {
        tools.extend(INJECTED.into_iter().map(tool));
    }
    json!({
        "id": format!("resp_{round}"), "object": "response", "status": status, "model": "m",
        "output": output, "tools": tools, "usage": null,
    })
}

fn ended(turn: &Turn, round: usize, output: &[Value]) -> Value {
    let status = match turn.end_of(round) {
        End::Proper => "completed",
        End::Short => "incomplete",
    };
    let Usage {
        input,
        output: told,
        cached,
    } = turn.rounds[round].usage;
    let mut response = response(turn, round, status, output);
    response["usage"] = json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": told,
    });
    response
}

fn whole(turn: &Turn, round: usize) -> String {
    ended(turn, round, &items(turn, round)).to_string()
}

/// A chatty provider tells its items side by side, and not once more in the end.
fn stream(turn: &Turn, round: usize) -> String {
    let begun = || response(turn, round, "in_progress", &[]);
    let mut events = vec![
        json!({"type": "response.created", "response": begun()}),
        json!({"type": "response.in_progress", "response": begun()}),
    ];
    let items = items(turn, round);
    let told = items.iter().enumerate();
    let mut told: Vec<_> = told
        .map(|(index, item)| grown(turn, index, item).into_iter())
        .collect();
    if turn.is_chatty {
        while told.iter().any(|events| events.len() > 0) {
            events.extend(told.iter_mut().filter_map(Iterator::next));
            events.push(json!({"type": "keepalive"}));
        }
    } else {
        events.extend(told.into_iter().flatten());
    }
    let output = if turn.is_chatty { &[] } else { &*items };
    let end = ended(turn, round, output);
    let kind = format!("response.{}", end["status"].as_str().unwrap());
    events.push(json!({"type": kind, "response": end}));
    let events = events.into_iter().enumerate();
    let written = events.map(|(number, mut event)| {
        event["sequence_number"] = number.into();
        let comment = if turn.is_chatty { ": said\n" } else { "" };
        let name = event["type"].as_str().unwrap();
        format!("{comment}event: {name}\ndata: {event}\n\n")
    });
    written.collect()
}

/// How an item is told: that it begins, its pieces, and the whole.
fn grown(turn: &Turn, index: usize, item: &Value) -> Vec<Value> {
    let mut begun = item.clone();
    begun["status"] = "in_progress".into();
    let (member, kind, text) = match item["type"].as_str().unwrap() {
        "message" => ("content", "output_text", &item["content"][0]["text"]),
        "reasoning" => (
            "summary",
            "reasoning_summary_text",
            &item["summary"][0]["text"],
        ),
        "function_call" => ("arguments", "function_call_arguments", &item["arguments"]),
        _ => ("", "", &Value::Null),
    };
    match member {
        "" => {}
        "arguments" => begun[member] = "".into(),
        member => begun[member] = json!([]),
    }
    let mut events =
        vec![json!({"type": "response.output_item.added", "output_index": index, "item": begun})];
    if let Some(text) = text.as_str() {
        let pieces = turn.pieces(text).into_iter();
        events.extend(pieces.map(|piece| {
            json!({
                "type": format!("response.{kind}.delta"), "output_index": index,
                "item_id": item["id"], "content_index": 0, "delta": piece,
            })
        }));
        events.push(json!({
            "type": format!("response.{kind}.done"), "output_index": index,
            "item_id": item["id"], "content_index": 0, "whole": text,
        }));
    }
    events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    events
}

/// A client that keeps neither ids nor states.
fn next(request: &str, message: &Message) -> String {
    let mut request: Value = serde_json::from_str(request).unwrap();
    let input = &request["input"];
    let text = input.as_str();
    let said = text.map(|text| vec![json!({"role": "user", "content": text})]);
    let said = said.unwrap_or_else(|| input.as_array().unwrap().clone());
    let calls = message.parts.iter().filter_map(Part::call);
    let mut answers: Vec<Value> = calls
        .map(|call| {
            json!({"type": "function_call_output", "call_id": call.id, "output": call.result()})
        })
        .collect();
    if answers.is_empty() {
        answers.push(json!({"role": "user", "content": "go on"}));
    }
    let told = message.parts.iter().map(item).collect();
    request["input"] = [said, told, answers].concat().into();
    request.to_string()
}

fn history(request: &str) -> Result<Vec<Said>, String> {
    let request: Value = serde_json::from_str(request).map_err(|error| error.to_string())?;
    if let Some(text) = request["input"].as_str() {
        return Ok(vec![Said::User(text.to_owned())]);
    }
    let mut said = Vec::new();
    let mut waiting: Vec<String> = Vec::new();
    let mut is_answering = false;
    for item in request["input"].as_array().ok_or("no input")? {
        if request["store"] == false && item.get("id").is_some() {
            return Err(format!("an id that leads nowhere: {item}"));
        }
        if item["role"] == "developer" {
            continue;
        }
        if item["type"] == "function_call_output" {
            is_answering = true;
            let id = item["call_id"].as_str().unwrap_or_default();
            let at = waiting.iter().position(|call| call == id);
            let text = item["output"].as_str().unwrap_or_default().to_owned();
            let id = waiting.remove(at.ok_or("a result without a call")?);
            said.push(Said::Result { id, text });
            continue;
        }
        let is_user = item["role"] == "user";
        if !waiting.is_empty() && (is_user || is_answering) {
            return Err(format!("no results of {waiting:?} before {item}"));
        }
        is_answering = false;
        if is_user {
            let content = &item["content"];
            let text = content.as_str().or(content[0]["text"].as_str());
            said.push(Said::User(text.unwrap_or_default().to_owned()));
            continue;
        }
        let part = part(item)?;
        waiting.extend(part.call().map(|call| call.id.clone()));
        said.push(Said::Model(part));
    }
    if waiting.is_empty() {
        Ok(said)
    } else {
        Err(format!("no results of {waiting:?}"))
    }
}
