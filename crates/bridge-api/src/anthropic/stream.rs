//! Listening to an answer of the Messages API.
//!
//! The usage in `message_delta` is cumulative: it replaces what `message_start` said and is not
//! added to it.

use std::collections::BTreeMap;

use crate::failure::failure_in;
use crate::json::{Members, Object, may_have, object};
use crate::observe::Text;
use crate::{
    AnswerEnd, Observed, ObserverLimits, Thought, ThoughtSource, ToolCall, ToolKind, Usage,
};

#[derive(Debug)]
pub(crate) struct State {
    limits: ObserverLimits,
    response_id: String,
    /// Content blocks that are worth recording, by their index.
    blocks: BTreeMap<u64, Block>,
    usage: Option<Usage>,
    has_begun: bool,
    end: Option<AnswerEnd>,
}

#[derive(Debug)]
enum Block {
    Thinking(Text),
    Tool { call: ToolCall, input: Text },
}

impl State {
    pub(crate) fn new(limits: ObserverLimits) -> Self {
        Self {
            limits,
            response_id: String::new(),
            blocks: BTreeMap::new(),
            usage: None,
            has_begun: false,
            end: None,
        }
    }

    pub(crate) fn event(&mut self, name: &str, data: &[u8]) {
        let is_dull = match name {
            "content_block_delta" => {
                !may_have(data, b"\"thinking\"") && !may_have(data, b"\"partial_json\"")
            }
            "ping" | "content_block_stop" => true,
            _ => false,
        };
        if is_dull {
            return;
        }
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let Some(event) = object(text) else { return };
        match event
            .text("type")
            .unwrap_or_else(|| name.to_owned())
            .as_str()
        {
            "message_start" => self.message(&event.object("message").unwrap_or_default()),
            "content_block_start" => self.block_start(&event),
            "content_block_delta" => self.delta(&event),
            "message_delta" => {
                self.has_begun = true;
                if let Some(usage) = event.object("usage") {
                    self.replace_usage(&usage);
                    if let Some(usage) = &mut self.usage {
                        usage.is_final = true;
                    }
                }
            }
            "message_stop" => {
                self.end.get_or_insert(AnswerEnd::Complete);
            }
            "error" => self.failed(text),
            _ => {}
        }
    }

    pub(crate) fn whole(&mut self, text: &str) {
        let Some(message) = object(text) else { return };
        if message.text("type").as_deref() == Some("error") {
            self.failed(text);
            return;
        }
        // A count of tokens, for one, is an answer, too, and no message.
        let is_message = message.raw("content").is_some() || message.raw("usage").is_some();
        if !is_message {
            return;
        }
        self.message(&message);
        for (index, block) in (0..).zip(message.items("content")) {
            if let Some(block) = object(block.get()) {
                self.keep_block(index, &block);
            }
        }
        if let Some(usage) = &mut self.usage {
            usage.is_final = true;
        }
        self.end = Some(AnswerEnd::Complete);
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn finish(self) -> Observed {
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
                Block::Tool { mut call, input } => {
                    if !input.is_empty() {
                        call.input = input.into_string();
                    }
                    tool_calls.push(call);
                }
            }
        }
        Observed {
            response_id: self.response_id,
            thoughts,
            tool_calls,
            usage: self.usage,
            end: self.end.unwrap_or(unfinished),
        }
    }

    fn message(&mut self, message: &Object<'_>) {
        self.has_begun = true;
        self.response_id = message.text("id").unwrap_or_default();
        if let Some(usage) = message.object("usage") {
            self.replace_usage(&usage);
        }
    }

    fn block_start(&mut self, event: &Object<'_>) {
        self.has_begun = true;
        let index = event.count("index").unwrap_or_default();
        if let Some(block) = event.object("content_block") {
            self.keep_block(index, &block);
        }
    }

    fn keep_block(&mut self, index: u64, block: &Object<'_>) {
        if self.blocks.len() >= self.limits.items {
            return;
        }
        let kind = match block.text("type").as_deref() {
            Some("thinking") => {
                let mut text = Text::default();
                text.push(
                    &block.text("thinking").unwrap_or_default(),
                    self.limits.text_bytes,
                );
                self.blocks.insert(index, Block::Thinking(text));
                return;
            }
            Some("tool_use") => ToolKind::FUNCTION,
            Some("server_tool_use") => ToolKind::SERVER,
            Some("mcp_tool_use") => ToolKind::MCP,
            Some(_) | None => return,
        };
        let call = ToolCall {
            kind,
            name: block.text("name").unwrap_or_default(),
            namespace: block.filled("server_name"),
            call_id: block.text("id").unwrap_or_default(),
            item_id: None,
            input: Text::of(block.raw("input").unwrap_or("{}"), self.limits.text_bytes),
        };
        self.blocks.insert(
            index,
            Block::Tool {
                call,
                input: Text::default(),
            },
        );
    }

    fn delta(&mut self, event: &Object<'_>) {
        let index = event.count("index").unwrap_or_default();
        let Some(delta) = event.object("delta") else {
            return;
        };
        let limit = self.limits.text_bytes;
        match self.blocks.get_mut(&index) {
            Some(Block::Thinking(text)) => {
                text.push(&delta.text("thinking").unwrap_or_default(), limit);
            }
            Some(Block::Tool { input, .. }) => {
                input.push(&delta.text("partial_json").unwrap_or_default(), limit);
            }
            None => {}
        }
    }

    /// Figures that are not said again stay as they were.
    fn replace_usage(&mut self, said: &Object<'_>) {
        let usage = self.usage.get_or_insert_default();
        let figures = [
            ("input_tokens", &mut usage.input),
            ("output_tokens", &mut usage.output),
            ("cache_read_input_tokens", &mut usage.cache_read),
            ("cache_creation_input_tokens", &mut usage.cache_write),
        ];
        for (name, figure) in figures {
            *figure = said.count(name).unwrap_or(*figure);
        }
        let details: [(&str, &[&'static str]); 3] = [
            (
                "cache_creation",
                &["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"],
            ),
            (
                "server_tool_use",
                &["web_search_requests", "web_fetch_requests"],
            ),
            ("output_tokens_details", &["thinking_tokens"]),
        ];
        for (group, names) in details {
            let Some(group) = said.object(group) else {
                continue;
            };
            for name in names {
                if let Some(count) = group.count(name) {
                    usage.extra.retain(|(other, _)| other != name);
                    usage.extra.push((name, count));
                }
            }
        }
        usage.extra.retain(|(_, count)| *count > 0);
    }

    fn failed(&mut self, text: &str) {
        self.has_begun = true;
        let value = serde_json::from_str(text).unwrap_or_default();
        let failure = failure_in(&value);
        let (error_type, message) = failure
            .map(|it| (it.error_type, it.message))
            .unwrap_or_default();
        self.end = Some(AnswerEnd::Failed {
            error_type,
            message,
        });
    }
}

#[cfg(test)]
mod tests;
