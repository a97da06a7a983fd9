//! Blocks of a message as they are compared: what they say, and not how it is written.

use std::borrow::Cow;

use crate::anthropic::tools::is_blank;
use crate::json::{Fingerprint, Value};

/// A block of content, or content that is one text.
#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    whole: Value<'a>,
    kind: Cow<'a, str>,
    /// What it says if it is text and nothing else.
    pub(super) text: Option<Cow<'a, str>>,
    /// What it is known by: an id, thinking or data; a name or a signature.
    known_by: (Value<'a>, Value<'a>),
    is_alone: bool,
}

/// The blocks of a message.
pub(super) fn blocks(message: Value<'_>) -> impl Iterator<Item = Block<'_>> {
    let content = message.get("content").unwrap_or_default();
    let alone = content.text().map(|text| Block::alone(content, text));
    alone.into_iter().chain(content.items().map(Block::of))
}

impl<'a> Block<'a> {
    pub(super) fn of(whole: Value<'a>) -> Self {
        let mut block = Self {
            whole,
            kind: Cow::Borrowed(""),
            text: None,
            known_by: Default::default(),
            is_alone: false,
        };
        let mut text = Value::default();
        // One walk for all: histories are long, and every block of them is looked at.
        for (name, value) in whole.members() {
            match &*name {
                "type" => block.kind = value.text().unwrap_or_default(),
                "text" => text = value,
                "id" | "thinking" | "data" | "tool_use_id" => block.known_by.0 = value,
                "name" | "signature" => block.known_by.1 = value,
                _ => {}
            }
        }
        if block.kind == "text" {
            block.text = Some(text.text().unwrap_or_default());
        }
        block
    }

    fn alone(whole: Value<'a>, text: Cow<'a, str>) -> Self {
        Self {
            whole,
            kind: Cow::Borrowed("text"),
            text: Some(text),
            known_by: Default::default(),
            is_alone: true,
        }
    }

    /// The block as it is written, or as it would be.
    pub(super) fn raw(&self) -> Cow<'a, [u8]> {
        let raw = self.whole.raw().unwrap_or_default();
        if self.is_alone {
            Cow::Owned([br#"{"type":"text","text":"#, raw, b"}"].concat())
        } else {
            Cow::Borrowed(raw)
        }
    }

    /// Whether it is one that every client sends back. Blank text is left out by some.
    pub(super) fn counts(&self) -> bool {
        !self.text.as_ref().is_some_and(|text| is_blank(text))
    }

    /// Says what it says, without what clients change: white space around text, marks for the prompt
    /// cache, members that they do not know.
    pub(super) fn say(&self, said: &mut Fingerprint) {
        if let Some(text) = &self.text {
            if self.counts() {
                said.text("text");
                said.text(text.trim());
            }
            return;
        }
        match &*self.kind {
            // The same call has the same result, even where it is shortened later on, and the same
            // input, even where the client puts it right before it runs the tool.
            "thinking" | "redacted_thinking" | "tool_use" | "tool_result" => {
                said.text(&self.kind);
                let (one, other) = self.known_by;
                said.value(one);
                said.value(other);
            }
            _ => said.value_without(self.whole, &["cache_control"]),
        }
    }
}
