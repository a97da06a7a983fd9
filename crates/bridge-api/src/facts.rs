//! What is worth knowing of a request, whatever its dialect.

use crate::Envelope;
use crate::json::{Object, string};

/// What is worth knowing of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestFacts {
    /// As the caller wrote it; empty when there is none.
    pub model: String,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Whether the answer is to be made later, and fetched from the provider.
    pub background: bool,
    /// The text of the last user turn, if the request ends with one.
    pub prompt: Option<String>,
    /// The call id of the last tool result, if the request ends with some.
    pub tool_call_id: Option<String>,
    /// What the body says about the conversation.
    pub session: SessionHints,
}

/// What a body says about the conversation it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionHints {
    /// The client's own id of the conversation.
    pub session_id: Option<String>,
    /// The key under which the provider keeps the conversation's cache.
    pub cache_key: Option<String>,
}

impl SessionHints {
    /// The one that says most.
    #[must_use]
    pub fn best(&self) -> Option<&str> {
        self.session_id.as_deref().or(self.cache_key.as_deref())
    }
}

/// The model's name. A number is taken for its digits, as providers do.
pub(crate) fn model(envelope: &Envelope) -> String {
    let Some(raw) = envelope.get("model") else {
        return String::new();
    };
    string(raw).unwrap_or_else(|| {
        let is_number = raw.starts_with(|c: char| c.is_ascii_digit());
        if is_number {
            raw.to_owned()
        } else {
            String::new()
        }
    })
}

pub(crate) fn is_true(envelope: &Envelope, name: &str) -> bool {
    envelope.get(name) == Some("true")
}

pub(crate) fn filled(envelope: &Envelope, name: &str) -> Option<String> {
    envelope
        .get(name)
        .and_then(string)
        .filter(|text| !text.is_empty())
}

pub(crate) fn member<'e>(envelope: &'e Envelope, name: &str) -> Option<Object<'e>> {
    envelope.get(name).and_then(crate::json::object)
}

/// Text that a program put beside what a person wrote.
pub(crate) fn is_reminder(text: &str) -> bool {
    let text = text.trim_start();
    [
        "<system-reminder>",
        "<environment_context>",
        "<user_instructions>",
    ]
    .iter()
    .any(|mark| text.starts_with(mark))
}
