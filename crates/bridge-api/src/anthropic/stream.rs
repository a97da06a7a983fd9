//! Listening to an answer of the Messages API.
//!
//! The usage in `message_delta` is cumulative: it replaces what `message_start` said and is not
//! added to it.

use std::collections::BTreeMap;

use super::usage::replace_usage;
use crate::json::Value;
use crate::observe::{OpenCall, Room, Text, Told, failed, is_unnamed};
use crate::{AnswerEnd, Observed, ObserverLimits, Thought, ThoughtSource, ToolKind, Usage};

/// Why answers end that said all the model wanted to say. Every other reason cut it short.
const GOOD_REASONS: [&str; 4] = ["end_turn", "stop_sequence", "tool_use", "pause_turn"];

#[derive(Debug)]
pub(crate) struct State {
    room: Room,
    response_id: String,
    response_model: String,
    /// Content blocks that are worth recording, by their index.
    blocks: BTreeMap<u64, Block>,
    usage: Option<Usage>,
    told: Told,
    has_begun: bool,
    stop_reason: Option<String>,
    end: Option<AnswerEnd>,
}

#[derive(Debug)]
enum Block {
    Thinking(Text),
    Tool {
        call: OpenCall,
        /// Whether the input is what the block began with, which pieces replace.
        is_initial: bool,
    },
}

impl State {
    pub(crate) fn new(limits: ObserverLimits) -> Self {
        Self {
            room: Room::new(limits),
            response_id: String::new(),
            response_model: String::new(),
            blocks: BTreeMap::new(),
            usage: None,
            told: Told::default(),
            has_begun: false,
            stop_reason: None,
            end: None,
        }
    }

    pub(crate) fn event(&mut self, name: &str, data: &[u8]) {
        let event = Value::new(data);
        if !is_unnamed(name) {
            self.named(name, event);
        } else if let Some(name) = event.get("type").and_then(Value::text) {
            self.named(&name, event);
        }
    }

    fn named(&mut self, name: &str, event: Value<'_>) {
        match name {
            "content_block_delta" => self.delta(event),
            "message_start" => {
                self.has_begun = true;
                self.message(event.get("message").unwrap_or_default());
            }
            "content_block_start" => self.block_start(event),
            "message_delta" => self.message(event),
            "message_stop" => self.stopped(),
            "error" => {
                self.has_begun = true;
                self.end = Some(failed(event));
            }
            _ => {}
        }
    }

    pub(crate) fn whole(&mut self, answer: Value<'_>, is_whole: bool) {
        let kind = answer.get("type").and_then(Value::text);
        if kind.as_deref() == Some("error") {
            self.has_begun = true;
            self.end = Some(failed(answer));
            return;
        }
        self.message(answer);
        if is_whole && self.has_begun {
            self.stopped();
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn finish(self) -> Observed {
        let is_final = self.stop_reason.is_some() || self.end == Some(AnswerEnd::Complete);
        let unfinished = if self.has_begun {
            AnswerEnd::Truncated
        } else {
            AnswerEnd::Garbage
        };
        let (mut thoughts, mut tool_calls) = (Vec::new(), Vec::new());
        for block in self.blocks.into_values() {
            match block {
                Block::Thinking(text) if text.is_empty() => {}
                Block::Thinking(text) => thoughts.push(Thought {
                    content: text.into_string(),
                    source: ThoughtSource::Thinking,
                }),
                Block::Tool { call, .. } => tool_calls.push(call.close()),
            }
        }
        Observed {
            response_id: self.response_id,
            response_model: self.response_model,
            thoughts,
            tool_calls,
            usage: self.told.usage(self.usage, is_final),
            end: self.end.unwrap_or(unfinished),
        }
    }

    /// A message as it begins, what is said of it at its end, or the whole of it.
    fn message(&mut self, message: Value<'_>) {
        for (name, value) in message.members() {
            match &*name {
                "id" => self.response_id = self.room.word(&value.text().unwrap_or_default()),
                "model" if self.response_model.is_empty() => {
                    let model = value.text().unwrap_or_default();
                    self.response_model = self.room.word(&model);
                }
                "content" => {
                    self.has_begun = true;
                    for (index, block) in (0..).zip(value.items()) {
                        self.keep_block(index, block);
                    }
                }
                "usage" if value.is_object() => {
                    self.has_begun = true;
                    replace_usage(self.usage.get_or_insert_default(), value);
                }
                "delta" => self.stop_reason(value.get("stop_reason").unwrap_or_default()),
                "stop_reason" => self.stop_reason(value),
                _ => {}
            }
        }
    }

    fn stop_reason(&mut self, value: Value<'_>) {
        if let Some(reason) = value.filled() {
            self.has_begun = true;
            self.stop_reason = Some(self.room.word(&reason));
        }
    }

    fn stopped(&mut self) {
        self.has_begun = true;
        let is_short = |reason: &&String| !GOOD_REASONS.contains(&reason.as_str());
        let end = match self.stop_reason.as_ref().filter(is_short) {
            Some(reason) => AnswerEnd::Incomplete {
                reason: reason.clone(),
            },
            None => AnswerEnd::Complete,
        };
        self.end.get_or_insert(end);
    }

    fn block_start(&mut self, event: Value<'_>) {
        self.has_begun = true;
        let index = event.get("index").and_then(Value::count);
        if let Some(block) = event.get("content_block") {
            self.keep_block(index.unwrap_or_default(), block);
        }
    }

    fn keep_block(&mut self, index: u64, block: Value<'_>) {
        let kind = block.get("type").and_then(Value::text).unwrap_or_default();
        let kind = match &*kind {
            "text" => {
                self.told.hear(block.get("text").unwrap_or_default());
                return;
            }
            "thinking" => {
                let said = block.get("thinking").unwrap_or_default();
                self.told.hear(said);
                let text = said.text();
                if self.room.take_item() {
                    let text = self.room.text(&text.unwrap_or_default());
                    self.blocks.insert(index, Block::Thinking(text));
                }
                return;
            }
            "tool_use" => ToolKind::FUNCTION,
            "mcp_tool_use" => ToolKind::MCP,
            kind if kind.ends_with("_tool_use") => ToolKind::SERVER,
            _ => return,
        };
        // Nothing at all is what streamed inputs begin with.
        let input = block.get("input").unwrap_or_default();
        if input.written() > "{}".len() {
            self.told.hear(input);
        }
        if self.room.take_item() {
            let call = self.call(kind, block);
            let is_initial = true;
            self.blocks.insert(index, Block::Tool { call, is_initial });
        }
    }

    fn call(&mut self, kind: ToolKind, block: Value<'_>) -> OpenCall {
        let room = &mut self.room;
        let mut word = |name: &str| {
            let text = block.get(name).and_then(Value::filled)?;
            Some(room.word(&text))
        };
        let (name, call_id) = (word("name"), word("id"));
        let namespace = word("server_name");
        let input = block.get("input").and_then(Value::source);
        OpenCall {
            kind,
            name: name.unwrap_or_default(),
            namespace,
            call_id: call_id.unwrap_or_default(),
            item_id: None,
            input: room.text(input.as_deref().unwrap_or("{}")),
        }
    }

    fn delta(&mut self, event: Value<'_>) {
        let (mut index, mut delta) = (None, None);
        for (name, value) in event.members() {
            match &*name {
                "index" => index = value.count(),
                "delta" => delta = Some(value),
                _ => {}
            }
            // What follows costs time and says nothing.
            if index.is_some() && delta.is_some() {
                break;
            }
        }
        let is_text = |name: &str| matches!(name, "text" | "thinking" | "partial_json");
        let mut members = delta.unwrap_or_default().members();
        let Some((name, said)) = members.find(|(name, _)| is_text(name)) else {
            return;
        };
        self.told.hear(said);
        // Text is not recorded, and most deltas are text.
        let Some(block) = self.blocks.get_mut(&index.unwrap_or_default()) else {
            return;
        };
        match block {
            Block::Thinking(text) if name == "thinking" => {
                if let Some(piece) = said.filled() {
                    text.push(&piece, &mut self.room);
                }
            }
            Block::Tool { call, is_initial } if name == "partial_json" => {
                if let Some(piece) = said.filled() {
                    if std::mem::take(is_initial) {
                        call.input = Text::default();
                    }
                    call.input.push(&piece, &mut self.room);
                }
            }
            Block::Thinking(_) | Block::Tool { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
