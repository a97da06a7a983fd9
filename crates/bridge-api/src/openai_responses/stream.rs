//! Listening to an answer of the Responses API.
//!
//! Every terminal event carries the whole answer; items that were done before it are kept for
//! streams that break off.

use crate::failure::failure_in;
use crate::json::{Members, Object, object};
use crate::observe::Text;
use crate::{
    AnswerEnd, Observed, ObserverLimits, Thought, ThoughtSource, ToolCall, ToolKind, Usage,
};

#[derive(Debug)]
pub(crate) struct State {
    limits: ObserverLimits,
    response_id: String,
    thoughts: Vec<Thought>,
    tool_calls: Vec<ToolCall>,
    usage: Option<Usage>,
    has_begun: bool,
    end: Option<AnswerEnd>,
}

impl State {
    pub(crate) fn new(limits: ObserverLimits) -> Self {
        Self {
            limits,
            response_id: String::new(),
            thoughts: Vec::new(),
            tool_calls: Vec::new(),
            usage: None,
            has_begun: false,
            end: None,
        }
    }

    pub(crate) fn event(&mut self, name: &str, data: &[u8]) {
        // Everything that a delta says is said again when its item is done.
        if name.ends_with(".delta") {
            return;
        }
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        let Some(event) = object(text) else { return };
        let kind = event.text("type").unwrap_or_else(|| name.to_owned());
        match kind.as_str() {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.begun(&event.object("response").unwrap_or_default());
            }
            "response.output_item.done" => {
                self.has_begun = true;
                if let Some(item) = event.object("item") {
                    self.item(&item);
                }
            }
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => {
                if let Some(response) = event.object("response") {
                    self.ended(&response, kind.trim_start_matches("response."));
                }
            }
            "error" => self.failed(text),
            _ => {}
        }
    }

    pub(crate) fn whole(&mut self, text: &str) {
        let Some(response) = object(text) else { return };
        let is_answer = response.raw("output").is_some() || response.raw("usage").is_some();
        match response.text("status") {
            None if response.raw("error").is_some() => self.failed(text),
            None if !is_answer => {}
            None => self.ended(&response, "completed"),
            Some(status) => self.ended(&response, &status),
        }
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
        Observed {
            response_id: self.response_id,
            thoughts: self.thoughts,
            tool_calls: self.tool_calls,
            usage: self.usage,
            end: self.end.unwrap_or(unfinished),
        }
    }

    fn begun(&mut self, response: &Object<'_>) {
        self.has_begun = true;
        if self.response_id.is_empty() {
            self.response_id = response.text("id").unwrap_or_default();
        }
    }

    fn ended(&mut self, response: &Object<'_>, status: &str) {
        self.begun(response);
        if let Some(said) = response.object("usage") {
            self.usage = Some(usage(&said));
        }
        let items = response.items("output");
        if !items.is_empty() {
            self.thoughts.clear();
            self.tool_calls.clear();
            for item in items {
                if let Some(item) = object(item.get()) {
                    self.item(&item);
                }
            }
        }
        self.end = Some(match status {
            "failed" | "cancelled" => {
                let error = response.object("error").unwrap_or_default();
                AnswerEnd::Failed {
                    error_type: error.text("code").unwrap_or_else(|| status.to_owned()),
                    message: error.text("message").unwrap_or_default(),
                }
            }
            "incomplete" => {
                let details = response.object("incomplete_details").unwrap_or_default();
                AnswerEnd::Incomplete {
                    reason: details.text("reason").unwrap_or_default(),
                }
            }
            _ => AnswerEnd::Complete,
        });
    }

    fn item(&mut self, item: &Object<'_>) {
        let kind = item.text("type").unwrap_or_default();
        match kind.as_str() {
            "reasoning" => {
                self.texts(item, "summary", ThoughtSource::ReasoningSummary);
                self.texts(item, "content", ThoughtSource::Reasoning);
            }
            "message" if item.text("phase").as_deref() == Some("commentary") => {
                self.texts(item, "content", ThoughtSource::Commentary);
            }
            _ => {
                if let Some(word) = kind.strip_suffix("_call")
                    && self.tool_calls.len() < self.limits.items
                {
                    self.tool_calls.push(self.tool_call(word, item));
                }
            }
        }
    }

    fn texts(&mut self, item: &Object<'_>, name: &str, source: ThoughtSource) {
        let parts = item
            .items(name)
            .into_iter()
            .filter_map(|part| object(part.get()));
        for text in parts.filter_map(|part| part.filled("text")) {
            if self.thoughts.len() < self.limits.items {
                let content = Text::of(&text, self.limits.text_bytes);
                self.thoughts.push(Thought { content, source });
            }
        }
    }

    /// `word` is the item's type without its ending: `function`, `custom_tool`, `web_search`, ...
    fn tool_call(&self, word: &str, item: &Object<'_>) -> ToolCall {
        let kind = match word {
            "function" => ToolKind::FUNCTION,
            "custom_tool" => ToolKind::CUSTOM,
            "mcp" => ToolKind::MCP,
            other => ToolKind::of(other),
        };
        let item_id = item.filled("id");
        let call_id = item
            .filled("call_id")
            .or_else(|| item_id.clone())
            .unwrap_or_default();
        let inputs = [
            "arguments",
            "input",
            "action",
            "queries",
            "code",
            "operation",
            "query",
        ];
        let input = inputs
            .iter()
            .find_map(|name| item.text_or_source(name))
            .unwrap_or_default();
        ToolCall {
            name: item.filled("name").unwrap_or_else(|| kind.to_string()),
            kind,
            namespace: item
                .filled("namespace")
                .or_else(|| item.filled("server_label")),
            item_id: item_id.filter(|id| *id != call_id),
            call_id,
            input: Text::of(&input, self.limits.text_bytes),
        }
    }

    fn failed(&mut self, text: &str) {
        self.has_begun = true;
        let value = serde_json::from_str(text).unwrap_or_default();
        let (error_type, message) = failure_in(&value)
            .map(|it| (it.error_type, it.message))
            .unwrap_or_default();
        self.end = Some(AnswerEnd::Failed {
            error_type,
            message,
        });
    }
}

fn usage(said: &Object<'_>) -> Usage {
    let input = said.object("input_tokens_details").unwrap_or_default();
    let output = said.object("output_tokens_details").unwrap_or_default();
    let cache_read = input.count("cached_tokens").unwrap_or_default();
    let cache_write = input.count("cache_write_tokens").unwrap_or_default();
    let whole = said.count("input_tokens").unwrap_or_default();
    let reasoning = output.count("reasoning_tokens").filter(|count| *count > 0);
    Usage {
        input: whole.saturating_sub(cache_read).saturating_sub(cache_write),
        output: said.count("output_tokens").unwrap_or_default(),
        cache_read,
        cache_write,
        extra: reasoning
            .map(|count| ("reasoning_tokens", count))
            .into_iter()
            .collect(),
        is_final: true,
    }
}

#[cfg(test)]
mod tests;
