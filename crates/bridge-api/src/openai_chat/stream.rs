//! Listening to an answer of the Chat Completions API.
//!
//! Events have no names, so a chunk that cannot hold anything to record is told by its text.

use std::collections::BTreeMap;

use crate::failure::failure_in;
use crate::json::{Members, Object, may_have, object};
use crate::observe::Text;
use crate::{
    AnswerEnd, Observed, ObserverLimits, Thought, ThoughtSource, ToolCall, ToolKind, Usage,
};

/// What chunks are parsed for.
const WORTH_READING: [&[u8]; 7] = [
    b"\"tool_calls\"",
    b"\"function_call\"",
    b"\"usage\"",
    b"\"finish_reason\"",
    b"\"reasoning_content\"",
    b"\"reasoning\"",
    b"\"error\"",
];

#[derive(Debug)]
pub(crate) struct State {
    limits: ObserverLimits,
    response_id: String,
    /// By choice and position.
    calls: BTreeMap<(u64, u64), Call>,
    /// By choice.
    thoughts: BTreeMap<u64, Text>,
    usage: Option<Usage>,
    has_begun: bool,
    finish_reason: Option<String>,
    is_done: bool,
    failure: Option<AnswerEnd>,
}

#[derive(Debug, Default)]
struct Call {
    is_custom: bool,
    id: String,
    name: String,
    input: Text,
}

impl State {
    pub(crate) fn new(limits: ObserverLimits) -> Self {
        Self {
            limits,
            response_id: String::new(),
            calls: BTreeMap::new(),
            thoughts: BTreeMap::new(),
            usage: None,
            has_begun: false,
            finish_reason: None,
            is_done: false,
            failure: None,
        }
    }

    pub(crate) fn event(&mut self, data: &[u8]) {
        if data.trim_ascii() == b"[DONE]" {
            self.is_done = true;
            return;
        }
        let is_dull = self.has_begun && !WORTH_READING.iter().any(|name| may_have(data, name));
        if is_dull {
            return;
        }
        let Ok(text) = std::str::from_utf8(data) else {
            return;
        };
        self.chunk(text, "delta");
    }

    pub(crate) fn whole(&mut self, text: &str) {
        self.chunk(text, "message");
        self.is_done = self.has_begun && self.failure.is_none();
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.is_done || self.finish_reason.is_some() || self.failure.is_some()
    }

    pub(crate) fn finish(self) -> Observed {
        let end = match (self.failure, self.is_done || self.finish_reason.is_some()) {
            (Some(failure), _) => failure,
            (None, _) if !self.has_begun => AnswerEnd::Garbage,
            (None, true) => AnswerEnd::Complete,
            (None, false) => AnswerEnd::Truncated,
        };
        let thoughts = self.thoughts.into_values().map(|text| Thought {
            content: text.into_string(),
            source: ThoughtSource::Reasoning,
        });
        Observed {
            response_id: self.response_id,
            thoughts: thoughts.collect(),
            tool_calls: self.calls.into_values().map(tool_call).collect(),
            usage: self.usage,
            end,
        }
    }

    /// Chunks and whole answers differ in the name of one member.
    fn chunk(&mut self, text: &str, message: &str) {
        let Some(chunk) = object(text) else { return };
        if chunk.raw("error").is_some() {
            self.failed(text);
            return;
        }
        let is_answer = chunk.raw("choices").is_some() || chunk.raw("usage").is_some();
        if !is_answer {
            return;
        }
        self.has_begun = true;
        if self.response_id.is_empty() {
            self.response_id = chunk.text("id").unwrap_or_default();
        }
        if let Some(said) = chunk.object("usage") {
            self.usage = Some(usage(&said));
        }
        for (place, choice) in (0..).zip(chunk.items("choices")) {
            let Some(choice) = object(choice.get()) else {
                continue;
            };
            let index = choice.count("index").unwrap_or(place);
            if let Some(reason) = choice.filled("finish_reason") {
                self.finish_reason = Some(reason);
            }
            if let Some(message) = choice.object(message) {
                self.message(index, &message);
            }
        }
    }

    fn message(&mut self, choice: u64, message: &Object<'_>) {
        let limit = self.limits.text_bytes;
        let thought = message
            .filled("reasoning_content")
            .or_else(|| message.filled("reasoning"));
        if let Some(piece) = thought
            && (self.thoughts.len() < self.limits.items || self.thoughts.contains_key(&choice))
        {
            self.thoughts.entry(choice).or_default().push(&piece, limit);
        }
        for (place, call) in (0..).zip(message.items("tool_calls")) {
            let Some(call) = object(call.get()) else {
                continue;
            };
            let index = call.count("index").unwrap_or(place);
            self.call((choice, index), &call);
        }
        // The form before there were tools.
        if let Some(function) = message.object("function_call") {
            self.part((choice, 0), &function, "arguments");
        }
    }

    fn call(&mut self, at: (u64, u64), call: &Object<'_>) {
        if let Some(function) = call.object("function") {
            self.part(at, &function, "arguments");
        }
        if let Some(custom) = call.object("custom") {
            self.part(at, &custom, "input");
            if let Some(kept) = self.calls.get_mut(&at) {
                kept.is_custom = true;
            }
        }
        if let (Some(id), Some(kept)) = (call.filled("id"), self.calls.get_mut(&at)) {
            kept.id = id;
        }
    }

    fn part(&mut self, at: (u64, u64), part: &Object<'_>, input: &str) {
        if self.calls.len() >= self.limits.items && !self.calls.contains_key(&at) {
            return;
        }
        let limit = self.limits.text_bytes;
        let kept = self.calls.entry(at).or_default();
        if let Some(name) = part.filled("name") {
            kept.name = name;
        }
        kept.input
            .push(&part.text_or_source(input).unwrap_or_default(), limit);
    }

    fn failed(&mut self, text: &str) {
        self.has_begun = true;
        let value = serde_json::from_str(text).unwrap_or_default();
        let (error_type, message) = failure_in(&value)
            .map(|it| (it.error_type, it.message))
            .unwrap_or_default();
        self.failure = Some(AnswerEnd::Failed {
            error_type,
            message,
        });
    }
}

fn tool_call(call: Call) -> ToolCall {
    ToolCall {
        kind: if call.is_custom {
            ToolKind::CUSTOM
        } else {
            ToolKind::FUNCTION
        },
        name: call.name,
        namespace: None,
        call_id: call.id,
        item_id: None,
        input: call.input.into_string(),
    }
}

fn usage(said: &Object<'_>) -> Usage {
    let prompt = said.object("prompt_tokens_details").unwrap_or_default();
    let completion = said.object("completion_tokens_details").unwrap_or_default();
    let cache_read = prompt.count("cached_tokens").unwrap_or_default();
    let cache_write = prompt.count("cache_write_tokens").unwrap_or_default();
    let input = said.count("prompt_tokens").unwrap_or_default();
    let extra = [
        ("input_audio_tokens", prompt.count("audio_tokens")),
        ("output_audio_tokens", completion.count("audio_tokens")),
        ("reasoning_tokens", completion.count("reasoning_tokens")),
        (
            "accepted_prediction_tokens",
            completion.count("accepted_prediction_tokens"),
        ),
        (
            "rejected_prediction_tokens",
            completion.count("rejected_prediction_tokens"),
        ),
    ];
    Usage {
        input: input.saturating_sub(cache_read).saturating_sub(cache_write),
        output: said.count("completion_tokens").unwrap_or_default(),
        cache_read,
        cache_write,
        extra: extra
            .into_iter()
            .filter_map(|(name, count)| Some((name, count.filter(|count| *count > 0)?)))
            .collect(),
        is_final: true,
    }
}

#[cfg(test)]
mod tests;
