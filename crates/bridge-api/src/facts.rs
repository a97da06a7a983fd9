//! What is worth knowing of a request, whatever its dialect.

use std::borrow::Cow;

use crate::json::Value;
use crate::observe::Room;
use crate::{Envelope, ObserverLimits};

/// Longest model name that is kept, in characters.
const LONGEST_MODEL: usize = 256;

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
    let model = envelope.value("model").unwrap_or_default();
    let digits = || model.count().map(|number| Cow::Owned(number.to_string()));
    let name = model.text().or_else(digits).unwrap_or_default();
    name.chars().take(LONGEST_MODEL).collect()
}

/// Whether a member is the boolean.
pub(crate) fn is_true(envelope: &Envelope, name: &str) -> bool {
    envelope.value(name).is_some_and(Value::is_true)
}

/// Whether a member could be taken for the boolean by a tolerant reader.
pub(crate) fn is_loosely_true(envelope: &Envelope, name: &str) -> bool {
    let Some(value) = envelope.value(name) else {
        return false;
    };
    match value.text() {
        Some(text) => matches!(&*text.to_ascii_lowercase(), "true" | "t" | "1"),
        None => value.is_true() || value.count().is_some_and(|number| number > 0),
    }
}

/// A member that is a string with something in it.
pub(crate) fn filled(envelope: &Envelope, name: &str) -> Option<String> {
    let text = envelope.value(name)?.filled()?;
    Some(text.into_owned())
}

/// A prompt, cut like the texts of an answer when it is too long.
pub(crate) fn prompt(text: &str) -> String {
    Room::new(ObserverLimits::default()).word(text)
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

/// The last text that a person wrote. A program's reminders beside tool results are no prompt;
/// where nothing else is said they are.
pub(crate) fn last_written<'t>(texts: &[Cow<'t, str>], has_results: bool) -> Option<Cow<'t, str>> {
    let written = texts.iter().rfind(|text| !is_reminder(text));
    let fallback = texts.last().filter(|_| !has_results);
    written.or(fallback).cloned()
}
