//! Listening to an answer that passes by: events or a whole body in, observations out.

mod bounded;
mod estimate;

use std::borrow::Cow;
use std::fmt;

pub(crate) use self::bounded::{Room, Text};
pub(crate) use self::estimate::Told;
use crate::envelope::scan::Fault;
use crate::failure::failure_in;
use crate::json::{Value, check};
use crate::{DialectId, anthropic, openai_chat, openai_responses};

/// How much is kept of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObserverLimits {
    /// The longest text of a thought or of a tool's input, in bytes. Longer ones are cut and end
    /// with a mark that says so. Default 1 MiB.
    pub text_bytes: usize,
    /// All texts together, in bytes. When it is reached, texts are cut as well. Default 4 MiB.
    pub total_bytes: usize,
    /// How many parts of an answer are looked at: tool calls, thoughts, and the items or choices
    /// that hold them. Further ones are not kept. Default 1,024.
    pub items: usize,
}

impl Default for ObserverLimits {
    fn default() -> Self {
        Self {
            text_bytes: 1 << 20,
            total_bytes: 4 << 20,
            items: 1_024,
        }
    }
}

/// Tokens of one answer. The four counts exclude each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// Input without cache reads and writes.
    pub input: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// Input read from the provider's cache.
    pub cache_read: u64,
    /// Input written to the provider's cache.
    pub cache_write: u64,
    /// What the provider said beyond the four; parts of them, or counts of other things.
    pub extra: Vec<(&'static str, u64)>,
    /// Whether these are the provider's last figures.
    pub is_final: bool,
    /// Whether the output was measured here, because the answer ended before the provider told its
    /// last figures: one token for four bytes of text, rounded up, and no less than the provider
    /// had said by then. Reasoning that the provider does not show is not in it. The other figures
    /// are the provider's, or zero.
    pub is_estimated: bool,
}

/// Reasoning that the model showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thought {
    /// The text.
    pub content: String,
    /// What kind of reasoning it is.
    pub source: ThoughtSource,
}

/// What kind of reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThoughtSource {
    /// Anthropic's thinking.
    Thinking,
    /// A summary of reasoning that stays hidden.
    ReasoningSummary,
    /// Reasoning itself.
    Reasoning,
    /// What the model says about its work on the way.
    Commentary,
}

impl ThoughtSource {
    /// The word for it in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Thinking => "thinking",
            Self::ReasoningSummary => "reasoning_summary",
            Self::Reasoning => "reasoning",
            Self::Commentary => "commentary",
        }
    }
}

/// What sort of tool call: `function`, `custom`, `server`, `mcp`, `web_search` and so on, in the
/// provider's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ToolKind(Cow<'static, str>);

impl ToolKind {
    pub(crate) const FUNCTION: Self = Self(Cow::Borrowed("function"));
    pub(crate) const CUSTOM: Self = Self(Cow::Borrowed("custom"));
    pub(crate) const SERVER: Self = Self(Cow::Borrowed("server"));
    pub(crate) const MCP: Self = Self(Cow::Borrowed("mcp"));

    /// A provider's word, which is no longer than such words are.
    pub(crate) fn of(word: &str) -> Self {
        Self(Cow::Owned(word.chars().take(64).collect()))
    }
}

impl fmt::Display for ToolKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tool that the model called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// What sort of call it is.
    pub kind: ToolKind,
    /// The tool's name.
    pub name: String,
    /// The name space or server it was offered by.
    pub namespace: Option<String>,
    /// The id that a tool result will name.
    pub call_id: String,
    /// The provider's id of the output item, where it has one besides the call id.
    pub item_id: Option<String>,
    /// The arguments as the model wrote them: JSON, or plain text.
    pub input: String,
}

/// A tool call whose input may still grow.
#[derive(Debug)]
pub(crate) struct OpenCall {
    pub(crate) kind: ToolKind,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) call_id: String,
    pub(crate) item_id: Option<String>,
    pub(crate) input: Text,
}

impl OpenCall {
    pub(crate) fn close(self) -> ToolCall {
        ToolCall {
            kind: self.kind,
            name: self.name,
            namespace: self.namespace,
            call_id: self.call_id,
            item_id: self.item_id,
            input: self.input.into_string(),
        }
    }
}

/// What a provider says of a failure, as the end of an answer.
pub(crate) fn failed(said: Value<'_>) -> AnswerEnd {
    let failure = failure_in(said);
    let words = failure.map(|failure| (failure.error_type, failure.message));
    let (error_type, message) = words.unwrap_or_default();
    AnswerEnd::Failed {
        error_type,
        message,
    }
}

/// Whether an event has no name of its own. `message` is what the standard calls those.
pub(crate) fn is_unnamed(name: &str) -> bool {
    matches!(name, "" | "message")
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerEnd {
    /// With its proper end.
    Complete,
    /// Properly, and shorter than the model wanted.
    Incomplete {
        /// The provider's word for why.
        reason: String,
    },
    /// With the provider's word that it failed.
    Failed {
        /// The provider's word for the kind of failure.
        error_type: String,
        /// The provider's explanation.
        message: String,
    },
    /// In the middle.
    Truncated,
    /// It was no answer of this dialect.
    Garbage,
}

/// What was seen of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The provider's id of the answer; empty when there was none.
    pub response_id: String,
    /// The model that answered, as the provider names it; empty when it did not.
    pub response_model: String,
    /// Reasoning, in the order of the answer.
    pub thoughts: Vec<Thought>,
    /// Tool calls, in the order of the answer.
    pub tool_calls: Vec<ToolCall>,
    /// Tokens, if the provider said any, or if the answer ended early and some of it was heard.
    pub usage: Option<Usage>,
    /// How it ended.
    pub end: AnswerEnd,
}

/// Listens to one answer. What cannot be understood is passed over; nothing makes it fail.
#[derive(Debug)]
pub struct Observer {
    kind: Kind,
    /// Whether a whole answer stopped before its end.
    is_cut: bool,
}

#[derive(Debug)]
enum Kind {
    Anthropic(anthropic::stream::State),
    Chat(openai_chat::stream::State),
    Responses(openai_responses::stream::State),
}

impl Observer {
    /// An observer that has heard nothing.
    #[must_use]
    pub fn new(dialect: DialectId, limits: ObserverLimits) -> Self {
        let kind = match dialect {
            DialectId::AnthropicMessages => Kind::Anthropic(anthropic::stream::State::new(limits)),
            DialectId::OpenAiChat => Kind::Chat(openai_chat::stream::State::new(limits)),
            DialectId::OpenAiResponses => {
                Kind::Responses(openai_responses::stream::State::new(limits))
            }
        };
        Self {
            kind,
            is_cut: false,
        }
    }

    /// Hears one event of a stream: its name and its data. A name that is empty or `message` is
    /// none; what the event is then stands in its data.
    pub fn event(&mut self, name: &str, data: &[u8]) {
        match &mut self.kind {
            Kind::Anthropic(state) => state.event(name, data),
            Kind::Chat(state) => state.event(data),
            Kind::Responses(state) => state.event(name, data),
        }
    }

    /// Hears the last event of a stream that ended without a blank line behind it. It may be cut
    /// then, and counts only when its data is whole.
    pub fn last_event(&mut self, name: &str, data: &[u8]) {
        if check(data).is_ok() || data.trim_ascii() == b"[DONE]" {
            self.event(name, data);
        }
    }

    /// Hears a whole answer that is no stream. Of one that was cut off counts what is there.
    pub fn whole(&mut self, body: &[u8]) {
        let (is_whole, body) = match check(body) {
            Ok(()) => (true, body),
            // A number at the very end may be only the beginning of one.
            Err(Fault::Ended(_)) => (false, without_last_digits(body)),
            Err(Fault::Unexpected(_) | Fault::TooDeep(_)) => return,
        };
        self.is_cut = !is_whole && !body.trim_ascii().is_empty();
        let answer = Value::new(body);
        match &mut self.kind {
            Kind::Anthropic(state) => state.whole(answer, is_whole),
            Kind::Chat(state) => state.whole(answer, is_whole),
            Kind::Responses(state) => state.whole(answer, is_whole),
        }
    }

    /// Whether the answer has said its last word.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match &self.kind {
            Kind::Anthropic(state) => state.is_complete(),
            Kind::Chat(state) => state.is_complete(),
            Kind::Responses(state) => state.is_complete(),
        }
    }

    /// Whether nothing of weight can follow in this stream. A stream of Chat Completions is complete
    /// when every choice is, and its figures follow before it ends.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match &self.kind {
            Kind::Anthropic(state) => state.is_complete(),
            Kind::Chat(state) => state.has_ended(),
            Kind::Responses(state) => state.is_complete(),
        }
    }

    /// Everything that was heard.
    #[must_use]
    pub fn finish(self) -> Observed {
        let mut observed = match self.kind {
            Kind::Anthropic(state) => state.finish(),
            Kind::Chat(state) => state.finish(),
            Kind::Responses(state) => state.finish(),
        };
        if self.is_cut && observed.end == AnswerEnd::Garbage {
            observed.end = AnswerEnd::Truncated;
        }
        observed
    }
}

fn without_last_digits(mut body: &[u8]) -> &[u8] {
    while let [rest @ .., b'0'..=b'9'] = body {
        body = rest;
    }
    body
}
