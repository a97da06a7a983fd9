//! What is recorded of one item of an answer's output.

use crate::json::Value;
use crate::observe::{OpenCall, Room, Text, Told};
use crate::{Thought, ThoughtSource, ToolCall, ToolKind};

/// An item, as far as it has been told.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// The provider's id of the item.
    id: String,
    thoughts: Vec<Part>,
    call: Option<OpenCall>,
    /// Whether this is the item as it is in the end.
    is_done: bool,
}

/// One text of reasoning, by its place among others of its source.
#[derive(Debug)]
struct Part {
    source: ThoughtSource,
    place: u64,
    text: Text,
}

impl Item {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Reads an item that was added or is done.
    pub(super) fn read(item: Value<'_>, is_done: bool, room: &mut Room) -> Self {
        let mut read = Self {
            is_done,
            ..Self::default()
        };
        let kind = item.get("type").and_then(Value::text).unwrap_or_default();
        let id = item.get("id").and_then(Value::text).unwrap_or_default();
        read.id = room.word(&id);
        match &*kind {
            "reasoning" => {
                read.texts(item.get("summary"), ThoughtSource::ReasoningSummary, room);
                read.texts(item.get("content"), ThoughtSource::Reasoning, room);
            }
            "message" => {
                let phase = item.get("phase").and_then(Value::text);
                if phase.as_deref() == Some("commentary") {
                    read.texts(item.get("content"), ThoughtSource::Commentary, room);
                }
            }
            "mcp_approval_request" if room.take_item() => {
                read.call = Some(call("mcp_approval", item, room));
            }
            kind => {
                if let Some(word) = kind.strip_suffix("_call")
                    && room.take_item()
                {
                    read.call = Some(call(word, item, room));
                }
            }
        }
        read
    }

    fn texts(&mut self, parts: Option<Value<'_>>, source: ThoughtSource, room: &mut Room) {
        for (place, part) in (0..).zip(parts.unwrap_or_default().items()) {
            if let Some(text) = part.get("text").and_then(Value::filled) {
                self.think(source, place, &text, room);
            }
        }
    }

    /// Goes on with a thought, or begins it.
    pub(super) fn think(
        &mut self,
        source: ThoughtSource,
        place: u64,
        piece: &str,
        room: &mut Room,
    ) {
        let is_it = |part: &&mut Part| part.source == source && part.place == place;
        if let Some(part) = self.thoughts.iter_mut().find(is_it) {
            part.text.push(piece, room);
        } else if room.take_item() {
            let text = room.text(piece);
            self.thoughts.push(Part {
                source,
                place,
                text,
            });
        }
    }

    /// Goes on with the input of a tool call.
    pub(super) fn input(&mut self, piece: &str, room: &mut Room) {
        if let Some(call) = &mut self.call {
            call.input.push(piece, room);
        }
    }

    /// Makes room for what will take the item's place.
    pub(super) fn give_back(self, room: &mut Room) {
        room.give_back(std::iter::empty());
        for part in &self.thoughts {
            room.give_back([&part.text].into_iter());
        }
        if let Some(call) = &self.call {
            room.give_back([&call.input].into_iter());
        }
    }

    pub(super) fn close(self, thoughts: &mut Vec<Thought>, tool_calls: &mut Vec<ToolCall>) {
        let told = self.thoughts.into_iter().map(|part| Thought {
            content: part.text.into_string(),
            source: part.source,
        });
        thoughts.extend(told);
        tool_calls.extend(self.call.map(OpenCall::close));
    }
}

/// Measures what the model wrote of an item.
pub(super) fn hear(item: Value<'_>, told: &mut Told) {
    for (name, value) in item.members() {
        match &*name {
            "content" | "summary" => told.hear_each(value, "text"),
            "arguments" | "input" | "code" => told.hear(value),
            _ => {}
        }
    }
}

/// `word` is the item's type without its ending: `function`, `custom_tool`, `web_search` and so on.
fn call(word: &str, item: Value<'_>, room: &mut Room) -> OpenCall {
    let kind = match word {
        "function" => ToolKind::FUNCTION,
        "custom_tool" => ToolKind::CUSTOM,
        "mcp" => ToolKind::MCP,
        other => ToolKind::of(other),
    };
    let mut call = OpenCall {
        kind,
        name: String::new(),
        namespace: None,
        call_id: String::new(),
        item_id: None,
        input: Text::default(),
    };
    for (name, value) in item.members() {
        match &*name {
            "id" => call.item_id = value.filled().map(|id| room.word(&id)),
            "call_id" => call.call_id = room.word(&value.text().unwrap_or_default()),
            "name" => call.name = room.word(&value.text().unwrap_or_default()),
            "namespace" | "server_label" => {
                let name = value.filled().map(|name| room.word(&name));
                call.namespace = name.or(call.namespace);
            }
            // Every kind has one of them.
            "arguments" | "input" | "action" | "actions" | "queries" | "code" | "operation"
            | "revised_prompt"
                if value.is_something() =>
            {
                call.input = room.text(&value.text_or_source().unwrap_or_default());
            }
            _ => {}
        }
    }
    if call.name.is_empty() {
        call.name = call.kind.to_string();
    }
    // Calls that nobody else answers have only the item's id.
    if call.call_id.is_empty() {
        call.call_id = call.item_id.take().unwrap_or_default();
    }
    call
}
