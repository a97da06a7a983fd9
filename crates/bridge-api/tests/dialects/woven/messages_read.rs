//! How Anthropic Messages are understood: by the rules of the API's reference, and by nothing that
//! is tested.

use serde_json::{Map, Value, json};

use crate::events::raw_events;
use crate::woven::Message;
use crate::woven::turn::{Call, End, Part, Usage};

pub(super) fn read(stream: &str, is_whole: bool) -> Result<Message, String> {
    let mut reader = Reader::default();
    for (_, name, data) in raw_events(stream) {
        let event: Value =
            serde_json::from_str(data).map_err(|error| format!("{error}: {data}"))?;
        if event["type"] != name {
            return Err(format!("{name} says that it is {data}"));
        }
        reader
            .event(name, &event)
            .map_err(|rule| format!("{rule}: {data}\nin {stream}"))?;
    }
    if is_whole && !reader.is_stopped {
        return Err(format!("no end: {stream}"));
    }
    let parts = parts(&reader.blocks)?;
    let end = end(reader.reason.as_deref(), &parts)?;
    Ok(Message {
        parts,
        usage: usage(&reader.usage),
        end,
    })
}

#[derive(Default)]
struct Reader {
    has_begun: bool,
    is_stopped: bool,
    is_open: bool,
    /// Inputs as texts, until their blocks end.
    blocks: Vec<Value>,
    input: String,
    usage: Map<String, Value>,
    reason: Option<String>,
}

impl Reader {
    fn event(&mut self, name: &str, event: &Value) -> Result<(), &'static str> {
        if name == "ping" {
            return Ok(());
        }
        if self.is_stopped {
            return Err("something behind the end");
        }
        if self.has_begun == (name == "message_start") {
            return Err("one beginning, and before all others");
        }
        match name {
            "message_start" => {
                self.has_begun = true;
                if event["message"]["id"] != "msg_0" || event["message"]["content"] != json!([]) {
                    return Err("another message");
                }
                self.figures(&event["message"]["usage"])
            }
            "content_block_start" => {
                if std::mem::replace(&mut self.is_open, true) || self.reason.is_some() {
                    return Err("a block within a block, or behind the last");
                }
                if event["index"] != self.blocks.len() {
                    return Err("blocks are counted");
                }
                self.blocks.push(event["content_block"].clone());
                Ok(())
            }
            "content_block_delta" | "content_block_stop" => {
                if !self.is_open || event["index"] != self.blocks.len() - 1 {
                    return Err("only the last block goes on");
                }
                if name == "content_block_delta" {
                    self.delta(&event["delta"])
                } else {
                    self.stop()
                }
            }
            "message_delta" => {
                if self.is_open {
                    return Err("an end within a block");
                }
                if let Some(reason) = event["delta"]["stop_reason"].as_str() {
                    self.reason = Some(reason.to_owned());
                }
                self.figures(&event["usage"])
            }
            "message_stop" => {
                self.is_stopped = true;
                if self.is_open || self.reason.is_none() {
                    return Err("an end without a reason");
                }
                Ok(())
            }
            _ => Err("nobody said this"),
        }
    }

    /// The last figure of a name counts.
    fn figures(&mut self, usage: &Value) -> Result<(), &'static str> {
        let usage = usage.as_object().ok_or("no figures")?;
        self.usage.extend(usage.clone());
        Ok(())
    }

    fn delta(&mut self, delta: &Value) -> Result<(), &'static str> {
        let block = self.blocks.last_mut().unwrap();
        let (kind, member) = match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => ("text", "text"),
            "thinking_delta" => ("thinking", "thinking"),
            "signature_delta" => ("thinking", "signature"),
            "input_json_delta" => {
                self.input += delta["partial_json"].as_str().ok_or("no input")?;
                return match block["type"].as_str() {
                    Some("tool_use" | "server_tool_use") => Ok(()),
                    _ => Err("an input for no tool"),
                };
            }
            _ => return Err("a delta that nobody said"),
        };
        if block["type"] != kind {
            return Err("a delta of another block");
        }
        let old = block[member].as_str().ok_or("a block without its text")?;
        block[member] = (old.to_owned() + delta[member].as_str().ok_or("no text")?).into();
        Ok(())
    }

    fn stop(&mut self) -> Result<(), &'static str> {
        self.is_open = false;
        let input = std::mem::take(&mut self.input);
        if !input.is_empty() {
            let input: Value = serde_json::from_str(&input).map_err(|_| "an input that is none")?;
            self.blocks.last_mut().unwrap()["input"] = input;
        }
        Ok(())
    }
}

fn usage(usage: &Map<String, Value>) -> Usage {
    let figure = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or_default();
    Usage {
        input: figure("input_tokens"),
        output: figure("output_tokens"),
        cached: figure("cache_read_input_tokens"),
    }
}

/// A message waits for results only if it has calls.
fn end(reason: Option<&str>, parts: &[Part]) -> Result<Option<End>, String> {
    let has_calls = parts.iter().any(|part| part.call().is_some());
    match reason {
        None => Ok(None),
        Some("max_tokens") => Ok(Some(End::Short)),
        Some("tool_use") if has_calls => Ok(Some(End::Proper)),
        Some("end_turn") if !has_calls => Ok(Some(End::Proper)),
        Some(reason) => Err(format!("{reason} of {parts:?}")),
    }
}

pub(super) fn read_whole(body: &str) -> Result<Message, String> {
    let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    if body["id"] != "msg_0" {
        return Err(format!("another message: {body}"));
    }
    let parts = parts(body["content"].as_array().ok_or("no content")?)?;
    let end = end(body["stop_reason"].as_str(), &parts)?;
    Ok(Message {
        parts,
        usage: usage(body["usage"].as_object().unwrap()),
        end,
    })
}

pub(super) fn parts(blocks: &[Value]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut hosted: Option<&Value> = None;
    for block in blocks {
        let word = |name: &str| block[name].as_str().unwrap_or_default().to_owned();
        match word("type").as_str() {
            "text" => parts.push(Part::Text(word("text"))),
            // A stream may have broken off before the signature.
            "thinking" => {
                let (thinking, signature) = (word("thinking"), word("signature"));
                if !signature.is_empty() && signature != format!("sig {thinking}") {
                    return Err(format!("a bad signature: {block}"));
                }
                parts.push(Part::Thought(thinking));
            }
            "server_tool_use" => hosted = Some(block),
            "web_search_tool_result" => {
                let asked = hosted.take().ok_or("a result of nothing")?;
                if asked["id"] != block["tool_use_id"] || block["content"] != json!([{"new": 1}]) {
                    return Err(format!("a result of something else: {block}"));
                }
                parts.push(Part::Hosted(
                    asked["input"]["q"].as_str().unwrap_or_default().to_owned(),
                ));
            }
            "tool_use" => parts.push(Part::Call(Call {
                id: word("id"),
                name: word("name"),
                input: block["input"].clone(),
            })),
            _ => return Err(format!("nobody said this: {block}")),
        }
    }
    Ok(parts)
}
