//! How OpenAI Responses are understood: by the rules of the API's reference and of its official
//! clients, and by nothing that is tested.

use serde_json::{Value, json};

use crate::events::raw_events;
use crate::woven::Message;
use crate::woven::turn::{Call, End, OWN, Part, Usage};

pub(super) fn read(stream: &str, is_whole: bool) -> Result<Message, String> {
    let mut reader = Reader::default();
    for (number, (_, name, data)) in raw_events(stream).enumerate() {
        let event: Value =
            serde_json::from_str(data).map_err(|error| format!("{error}: {data}"))?;
        if event["type"] != name || event["sequence_number"] != number {
            return Err(format!("event {number}, {name}, says that it is {data}"));
        }
        reader
            .event(name, &event)
            .map_err(|rule| format!("{rule}: {data}\nin {stream}"))?;
    }
    if is_whole && reader.end.is_none() {
        return Err(format!("no end: {stream}"));
    }
    let done: Vec<Value> = reader.items.into_iter().filter_map(|it| it.done).collect();
    let end = reader.end.unwrap_or_default();
    let output = end["output"].as_array().cloned().unwrap_or_default();
    // Some providers do not tell it once more.
    if !output.is_empty() && output != done {
        return Err(format!("told {done:?}, in the end {output:?}"));
    }
    message(&end, &done)
}

#[derive(Default)]
struct Reader {
    begun: usize,
    items: Vec<Item>,
    end: Option<Value>,
}

struct Item {
    begun: Value,
    text: String,
    done: Option<Value>,
}

impl Reader {
    fn event(&mut self, name: &str, event: &Value) -> Result<(), &'static str> {
        if name == "keepalive" {
            return Ok(());
        }
        if self.end.is_some() {
            return Err("something behind the end");
        }
        if name == ["response.created", "response.in_progress"][self.begun.min(1)] {
            self.begun += 1;
        }
        if self.begun < 2 && !event["response"].is_object() {
            return Err("one beginning, and before all others");
        }
        match name {
            "response.created" | "response.in_progress" => {
                if self.begun > 2 || !self.items.is_empty() {
                    return Err("a beginning in the middle");
                }
                frame(&event["response"])
            }
            "response.completed" | "response.incomplete" => {
                self.end = Some(event["response"].clone());
                frame(&event["response"])
            }
            "response.output_item.added" => {
                if event["output_index"] != self.items.len() {
                    return Err("items are counted");
                }
                self.items.push(Item {
                    begun: event["item"].clone(),
                    text: String::new(),
                    done: None,
                });
                Ok(())
            }
            _ => self.piece(name, event),
        }
    }

    /// Something that belongs to one item.
    fn piece(&mut self, name: &str, event: &Value) -> Result<(), &'static str> {
        let index = event["output_index"].as_u64().ok_or("it belongs nowhere")?;
        let index = usize::try_from(index).unwrap();
        let item = self
            .items
            .get_mut(index)
            .ok_or("an item that nobody began")?;
        if item.done.is_some() {
            return Err("an item that goes on behind its end");
        }
        let id = event.get("item_id").unwrap_or(&event["item"]["id"]);
        if *id != item.begun["id"] {
            return Err("a piece of another item");
        }
        let word = name.rsplit('.').next().unwrap_or_default();
        match word {
            "delta" => item.text += event["delta"].as_str().ok_or("no text")?,
            _ if name == "response.output_item.done" => item.finish(&event["item"])?,
            "done" if event["whole"] == item.text.as_str() => {}
            _ => return Err("nobody said this"),
        }
        Ok(())
    }
}

impl Item {
    fn finish(&mut self, done: &Value) -> Result<(), &'static str> {
        for name in ["type", "call_id", "name"] {
            if done[name] != self.begun[name] {
                return Err("an item that ends as another one");
            }
        }
        let text = match done["type"].as_str().unwrap_or_default() {
            "message" => &done["content"][0]["text"],
            "reasoning" => &done["summary"][0]["text"],
            "function_call" => &done["arguments"],
            _ => &json!(""),
        };
        if *text != self.text.as_str() {
            return Err("a text that was told otherwise");
        }
        self.done = Some(done.clone());
        Ok(())
    }
}

/// What every word about the whole answer says.
fn frame(response: &Value) -> Result<(), &'static str> {
    if response["id"] != "resp_0" {
        return Err("another answer");
    }
    let tools = response["tools"].as_array().ok_or("no tools")?;
    let names: Vec<&str> = tools.iter().filter_map(|it| it["name"].as_str()).collect();
    if names == OWN {
        Ok(())
    } else {
        Err("tools that the client does not have")
    }
}

fn message(response: &Value, items: &[Value]) -> Result<Message, String> {
    let usage = &response["usage"];
    let figure = |value: &Value| value.as_u64().unwrap_or_default();
    Ok(Message {
        parts: items.iter().map(part).collect::<Result<_, _>>()?,
        usage: Usage {
            input: figure(&usage["input_tokens"]),
            output: figure(&usage["output_tokens"]),
            cached: figure(&usage["input_tokens_details"]["cached_tokens"]),
        },
        end: match response["status"].as_str() {
            Some("completed") => Some(End::Proper),
            Some("incomplete") => Some(End::Short),
            _ => None,
        },
    })
}

pub(super) fn read_whole(body: &str) -> Result<Message, String> {
    let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let output = body["output"].as_array().ok_or("no output")?;
    message(&body, output)
}

pub(super) fn part(item: &Value) -> Result<Part, String> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(match item["type"].as_str().unwrap_or_default() {
        "message" => Part::Text(word(&item["content"][0]["text"])),
        "reasoning" => {
            let text = word(&item["summary"][0]["text"]);
            if item["encrypted_content"] != format!("enc {text}") {
                return Err(format!("reasoning that was changed: {item}"));
            }
            Part::Thought(text)
        }
        "web_search_call" => Part::Hosted(word(&item["action"]["query"])),
        "function_call" => Part::Call(Call {
            id: word(&item["call_id"]),
            name: word(&item["name"]),
            input: serde_json::from_str(&word(&item["arguments"]))
                .map_err(|error| format!("{error}: {item}"))?,
        }),
        _ => return Err(format!("nobody said this: {item}")),
    })
}
