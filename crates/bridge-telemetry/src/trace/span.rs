//! One thing that happened, from its beginning to its end.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::TraceContext;
use super::attributes::{CONTENT_EVENT, ERROR_TYPE, GEN_AI_INPUT_MESSAGES};
use super::queue::FinishedSpan;
use super::tracer::{Inner, Within};
use crate::wall_clock;

/// Longest text of an attribute, in bytes. Longer ones are cut.
const LONGEST_TEXT: usize = 1_024;
/// Longest text of content, in bytes.
const LONGEST_CONTENT: usize = 64 << 10;
/// How many attributes a span or event has at most.
const MOST_ATTRIBUTES: usize = 64;
/// How many events a span has at most.
const MOST_EVENTS: usize = 32;

/// On which side of a wire a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// It answers somebody.
    Server,
    /// It asks somebody.
    Client,
    /// It is work of this process.
    Internal,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A whole number.
    Whole(i64),
    /// Yes or no.
    Answer(bool),
    /// Texts in their order.
    Texts(Vec<String>),
}

/// A name and a value.
pub(super) type Attribute = (&'static str, Value);

/// Something that happens. Dropping it ends it. One that nobody writes down is empty.
#[must_use = "a span ends when it is dropped"]
pub struct Span(Option<Box<Recording>>);

struct Recording {
    tracer: Arc<Inner>,
    begun: Instant,
    finished: FinishedSpan,
}

/// Something within a span, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SpanEvent {
    pub(super) name: &'static str,
    pub(super) at: SystemTime,
    pub(super) attributes: Vec<Attribute>,
}

impl Span {
    /// One that nobody writes down.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Begins now.
    pub(super) fn begin(
        tracer: &Arc<Inner>,
        context: TraceContext,
        parent: Option<[u8; 8]>,
        name: Cow<'static, str>,
        kind: SpanKind,
    ) -> Self {
        Self(Some(Box::new(Recording {
            tracer: Arc::clone(tracer),
            begun: Instant::now(),
            finished: FinishedSpan {
                context,
                parent,
                name,
                kind,
                begun: wall_clock(),
                took: Duration::ZERO,
                attributes: Vec::new(),
                events: Vec::new(),
                failure: None,
            },
        })))
    }

    /// Whether somebody writes it down. What costs something to find out is not found out for a
    /// span that nobody does.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What happens in this span from here on. Empty when nobody writes it down.
    #[must_use]
    pub fn within(&self) -> Within {
        match &self.0 {
            Some(recording) => Within::of(&recording.tracer, &recording.finished.context),
            None => Within::default(),
        }
    }

    /// Gives it another name, when more is known than at its beginning.
    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        if let Some(recording) = &mut self.0 {
            recording.finished.name = name.into();
        }
    }

    /// Gives an attribute its value. The last word counts. Long texts are cut.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(recording) = &mut self.0 {
            let attributes = &mut recording.finished.attributes;
            put(attributes, name, value.into().cut(LONGEST_TEXT));
        }
    }

    /// It failed in this way: a word from a closed list, or a status.
    pub fn fail(&mut self, kind: impl Into<Cow<'static, str>>) {
        if self.0.is_some() {
            let kind = kind.into();
            self.set(ERROR_TYPE, Value::Text(kind.clone()));
            if let Some(recording) = &mut self.0 {
                recording.finished.failure = Some(kind);
            }
        }
    }

    /// Whether it has been said how it failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let recording = self.0.as_ref();
        recording.is_some_and(|recording| recording.finished.failure.is_some())
    }

    /// What a person asked, as an event of its own in the form that the conventions have for it.
    /// A long text is cut.
    pub fn asked(&mut self, prompt: &str) {
        let Some(recording) = &mut self.0 else {
            return;
        };
        let events = &mut recording.finished.events;
        if events.len() < MOST_EVENTS {
            let end = prompt.floor_char_boundary(LONGEST_CONTENT);
            let message = user_message(prompt.get(..end).unwrap_or_default());
            events.push(SpanEvent {
                name: CONTENT_EVENT,
                at: wall_clock(),
                attributes: vec![(GEN_AI_INPUT_MESSAGES, Value::Text(message.into()))],
            });
        }
    }

    /// Ends it.
    pub fn end(self) {}
}

fn put(attributes: &mut Vec<Attribute>, name: &'static str, value: Value) {
    let has_room = attributes.len() < MOST_ATTRIBUTES;
    match attributes.iter_mut().find(|(known, _)| *known == name) {
        Some((_, before)) => *before = value,
        None if has_room => attributes.push((name, value)),
        None => {}
    }
}

/// One message of a person, as JSON.
fn user_message(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    out.push_str("[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _infallible = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push_str("\"}]}]");
    out
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(recording) = self.0.take() {
            let Recording {
                tracer,
                begun,
                mut finished,
            } = *recording;
            finished.took = begun.elapsed();
            tracer.finished(finished);
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_ref().map(|recording| &recording.finished.name);
        f.debug_tuple("Span").field(&name).finish()
    }
}

impl Value {
    fn cut(self, longest: usize) -> Self {
        match self {
            Self::Text(text) if text.len() > longest => {
                let end = text.floor_char_boundary(longest);
                Self::Text(text.get(..end).unwrap_or_default().to_owned().into())
            }
            other @ (Self::Text(_) | Self::Whole(_) | Self::Answer(_) | Self::Texts(_)) => other,
        }
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<bool> for Value {
    fn from(answer: bool) -> Self {
        Self::Answer(answer)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Whole(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Whole(number.into())
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}
