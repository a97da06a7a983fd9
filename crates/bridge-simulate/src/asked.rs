//! What a request asks for, read once and in neutral words.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::Dialect;
use crate::route::Named;

/// A request body. What is large in it is not copied.
#[derive(Debug)]
pub(crate) struct Asked<'b> {
    fields: HashMap<String, &'b RawValue>,
    pub(crate) model: String,
    pub(crate) wants_stream: bool,
    pub(crate) last: Last,
    /// How many messages or items the conversation has.
    pub(crate) messages: usize,
    pub(crate) body_bytes: usize,
    pub(crate) marks_cache: bool,
    /// Whether there may be calls of tools, or thoughts, in the conversation.
    pub(crate) has_calls: bool,
}

/// What stands in a conversation in which tools were called, or in which the model has thought.
const CALLS: [&[u8]; 6] = [
    b"\"tool_use\"",
    b"tool_result\"",
    b"\"thinking\"",
    b"\"tool_call",
    b"_call",
    b"\"reasoning\"",
];

/// What was said last.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Last {
    /// The texts of the person's message, in order.
    pub(crate) texts: Vec<String>,
    /// What a tool has answered, when that is what was said last.
    pub(crate) tool_result: Option<String>,
    /// How often tools have answered since a person said something.
    pub(crate) rounds: usize,
    /// What the person said before the tools answered, when they have.
    pub(crate) person: Vec<String>,
}

/// Why a body is no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskedError {
    #[error("The request body is not valid JSON.")]
    NotJson(#[source] serde_json::Error),
    #[error("{0}: Field required")]
    Missing(&'static str),
    #[error("{0}: Input has the wrong type")]
    Mistyped(&'static str),
    #[error("{0}: Extra inputs are not permitted")]
    Extra(&'static str),
}

impl<'b> Asked<'b> {
    /// Reads a body. What the path names need not stand in it.
    pub(crate) fn read(
        dialect: Dialect,
        body: &'b [u8],
        named: &Named<'_>,
    ) -> Result<Self, AskedError> {
        let fields: HashMap<String, &RawValue> =
            serde_json::from_slice(body).map_err(AskedError::NotJson)?;
        let mut asked = Self {
            fields,
            model: String::new(),
            wants_stream: false,
            last: Last::default(),
            messages: 0,
            body_bytes: body.len(),
            marks_cache: memchr::memmem::find(body, b"\"cache_control\"").is_some(),
            has_calls: CALLS
                .iter()
                .any(|it| memchr::memmem::find(body, it).is_some()),
        };
        asked.model = match &named.model {
            Some(model) => model.clone().into_owned(),
            None => asked.required("model")?,
        };
        asked.wants_stream = match named.wants_stream {
            Some(wants_stream) => wants_stream,
            None => asked.field("stream")?.unwrap_or(false),
        };
        if dialect == Dialect::Responses {
            asked.read_input()?;
        } else {
            asked.read_messages()?;
        }
        Ok(asked)
    }

    /// A field that may be absent or null.
    pub(crate) fn field<T: Deserialize<'b>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, AskedError> {
        let Some(raw) = self.fields.get(name) else {
            return Ok(None);
        };
        serde_json::from_str(raw.get()).map_err(|_| AskedError::Mistyped(name))
    }

    pub(crate) fn required<T: Deserialize<'b>>(&self, name: &'static str) -> Result<T, AskedError> {
        self.field(name)?.ok_or(AskedError::Missing(name))
    }

    /// Whether there is such a field, null or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A field whatever it holds. Absent is null.
    pub(crate) fn value(&self, name: &'static str) -> Value {
        self.field(name).ok().flatten().unwrap_or(Value::Null)
    }

    fn read_messages(&mut self) -> Result<(), AskedError> {
        let messages: Vec<&RawValue> = self.required("messages")?;
        self.messages = messages.len();
        self.read_last("messages", &messages)
    }

    fn read_input(&mut self) -> Result<(), AskedError> {
        let Some(input) = self.field::<&RawValue>("input")? else {
            // A conversation that the provider keeps needs none.
            return Ok(());
        };
        if let Ok(text) = serde_json::from_str::<String>(input.get()) {
            self.messages = 1;
            self.last.texts.push(text);
            return Ok(());
        }
        let items: Vec<&RawValue> =
            serde_json::from_str(input.get()).map_err(|_| AskedError::Mistyped("input"))?;
        self.messages = items.len();
        self.read_last("input", &items)
    }

    /// Instructions may stand behind what was said last: the last that is no instruction counts.
    /// When that is a tool's answer, what the person had said before is looked for as well.
    fn read_last(&mut self, name: &'static str, messages: &[&RawValue]) -> Result<(), AskedError> {
        let last = &mut self.last;
        let mut is_in_results = false;
        for message in messages.iter().rev() {
            let message: Message =
                serde_json::from_str(message.get()).map_err(|_| AskedError::Mistyped(name))?;
            match message.entry() {
                Entry::Aside => {}
                Entry::Said(said) if last.rounds == 0 => {
                    *last = said;
                    return Ok(());
                }
                Entry::Said(said) => {
                    last.person = said.texts;
                    return Ok(());
                }
                Entry::Result(said) => {
                    last.rounds += usize::from(!is_in_results);
                    is_in_results = true;
                    if last.tool_result.is_none() {
                        last.texts = said.texts;
                        last.tool_result = said.tool_result;
                    }
                }
                Entry::Model(said) if last.rounds == 0 => {
                    *last = said;
                    return Ok(());
                }
                Entry::Model(_) | Entry::Call => is_in_results = false,
            }
        }
        Ok(())
    }
}

/// What a message or an item is.
enum Entry {
    /// An instruction, or a thought.
    Aside,
    /// What a person said.
    Said(Last),
    /// What a tool has answered.
    Result(Last),
    /// What the model said.
    Model(Last),
    /// A call of a tool, or something unknown.
    Call,
}

impl Message {
    fn entry(self) -> Entry {
        let result = |text: String| {
            Entry::Result(Last {
                tool_result: Some(text),
                ..Last::default()
            })
        };
        let kind = self.kind.as_deref().unwrap_or("message");
        match (kind, self.role.as_deref()) {
            ("message", Some("system" | "developer")) | ("reasoning", _) => Entry::Aside,
            ("message", Some("tool" | "function")) => result(self.content.text()),
            ("message", Some("assistant")) => Entry::Model(self.content.said()),
            ("message", _) => match self.content.said() {
                last if last.tool_result.is_some() => Entry::Result(last),
                last => Entry::Said(last),
            },
            (kind, _) if kind.ends_with("_output") => {
                result(self.output.or(self.tools).unwrap_or_default().text())
            }
            _ => Entry::Call,
        }
    }
}

/// A message of any dialect, or an item of a Responses input.
#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    #[serde(default)]
    content: Said,
    output: Option<Said>,
    tools: Option<Said>,
}

/// Text, or blocks of which some are text.
#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Said(Value);

impl Said {
    /// All text in one, or the JSON where there is no text.
    fn text(&self) -> String {
        match &self.0 {
            Value::String(text) => text.clone(),
            Value::Array(blocks) => {
                let texts: Vec<&str> = blocks.iter().filter_map(block_text).collect();
                match texts.is_empty() {
                    true => self.0.to_string(),
                    false => texts.join("\n"),
                }
            }
            Value::Null => String::new(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => other.to_string(),
        }
    }

    /// A message's texts, and the last tool result in it.
    fn said(self) -> Last {
        match self.0 {
            Value::String(text) => Last {
                texts: vec![text],
                ..Last::default()
            },
            Value::Array(blocks) => {
                let mut last = Last::default();
                for block in blocks {
                    if let Some(text) = block_text(&block) {
                        last.texts.push(text.to_owned());
                    } else if block.get("type").and_then(Value::as_str) == Some("tool_result") {
                        let result = block.get("content").cloned().unwrap_or_default();
                        last.tool_result = Some(Self(result).text());
                    }
                }
                last
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Last::default(),
        }
    }
}

fn block_text(block: &Value) -> Option<&str> {
    block.get("text").and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
