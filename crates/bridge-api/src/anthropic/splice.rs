//! What a client did not see of a turn goes back into its history.
//!
//! The client has one assistant message of the turn. The model had several, with the results of its
//! calls between them; this is how the provider knows the conversation, and what its prompt cache
//! and the signatures of its thinking are good for.

mod block;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use self::block::{Block, blocks};
use crate::facts::is_reminder;
use crate::json::{Fingerprint, Patch, Value};
use crate::{Envelope, HiddenTurn};

/// A turn as it goes on: what the client sees of it, and what it does not see.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The last message of the request.
    before: Option<Bytes>,
    seen: Fingerprint,
    /// How many blocks the client has seen.
    count: usize,
    hidden: Hidden,
}

/// What a client did not see of a turn.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    /// In the order of the turn, each with the number of blocks that the client saw before it.
    pieces: Vec<(usize, Piece)>,
    /// Results that belong into the client's next message, beside those of its own tools.
    results: Option<String>,
}

#[derive(Debug)]
enum Piece {
    /// A block of the assistant's message.
    Block(Vec<u8>),
    /// The content of a user message, which ends the assistant's.
    Results(String),
}

impl Turn {
    pub(crate) fn new(before: Option<Bytes>) -> Self {
        Self {
            before,
            seen: Fingerprint::default(),
            count: 0,
            hidden: Hidden::default(),
        }
    }

    /// The client sees this block.
    pub(crate) fn see(&mut self, block: Value<'_>) {
        let block = Block::of(block);
        self.count += usize::from(block.counts());
        block.say(&mut self.seen);
    }

    /// The client does not see this block.
    pub(crate) fn hide(&mut self, block: Vec<u8>) {
        let piece = Piece::Block(block);
        self.hidden.pieces.push((self.count, piece));
    }

    /// The model gets these results, and goes on.
    pub(crate) fn answer(&mut self, results: String) {
        let piece = Piece::Results(results);
        self.hidden.pieces.push((self.count, piece));
    }

    /// The model gets these results beside those that the client has.
    pub(crate) fn answer_with_client(&mut self, results: String) {
        self.hidden.results = Some(results);
    }

    /// The hidden turn, if anything was hidden.
    pub(crate) fn hidden(&mut self) -> Option<HiddenTurn> {
        let hidden = std::mem::take(&mut self.hidden);
        let before = self.before.take()?;
        if hidden.pieces.is_empty() {
            return None;
        }
        let anchor = anchor(Value::new(&before), self.seen.finish());
        Some(HiddenTurn::messages(anchor, hidden))
    }
}

/// Puts hidden turns back into the messages of a request. Each is put back once, at the last place
/// where it fits: a turn that was had twice word for word is remembered as it was the last time.
pub(crate) fn splice(
    request: &mut Envelope,
    find: &mut dyn FnMut(u128) -> Option<Arc<HiddenTurn>>,
) -> usize {
    let messages = request.get("messages").unwrap_or_default().as_bytes();
    let list: Vec<Value<'_>> = Value::new(messages).items().collect();
    let mut patch = Patch::new(messages);
    let mut done: Vec<Arc<HiddenTurn>> = Vec::new();
    for (place, pair) in list.windows(2).enumerate().rev() {
        let [before, message] = pair else {
            continue;
        };
        if !has_word(*message, "role", "assistant") {
            continue;
        }
        let mut seen = Fingerprint::default();
        for block in blocks(*message) {
            block.say(&mut seen);
        }
        let Some(turn) = find(anchor(*before, seen.finish())) else {
            continue;
        };
        let next = list.get(place + 2).copied();
        let hidden = turn.as_messages();
        let hidden = hidden.filter(|_| !done.iter().any(|other| Arc::ptr_eq(other, &turn)));
        if hidden.is_some_and(|hidden| hidden.put_back(*message, next, &mut patch)) {
            done.push(turn);
        }
    }
    if !done.is_empty() {
        let messages = Bytes::from(patch.into_vec());
        request.replace("messages", messages);
    }
    done.len()
}

impl Hidden {
    pub(crate) fn bytes(&self) -> usize {
        let piece = |(_, piece): &(usize, Piece)| match piece {
            Piece::Block(block) => block.len(),
            Piece::Results(results) => results.len(),
        };
        let pieces: usize = self.pieces.iter().map(piece).sum();
        pieces
            + self.pieces.len() * size_of::<(usize, Piece)>()
            + self.results.as_ref().map_or(0, String::len)
            + size_of::<Self>()
    }

    /// Puts everything into the assistant's message and into the one behind it. Says whether there
    /// was a place for it; a call without a place for its result is left out.
    fn put_back<'a>(
        &self,
        message: Value<'a>,
        next: Option<Value<'a>>,
        patch: &mut Patch<'a>,
    ) -> bool {
        let whole = message.raw().unwrap_or_default();
        let Some(content) = Value::new(whole).get("content") else {
            return false;
        };
        if let Some(results) = &self.results {
            let Some(answers) = next.and_then(answers) else {
                return false;
            };
            patch.prepend(answers, results.as_str());
        }
        let mut messages: Vec<Vec<u8>> = Vec::new();
        for part in self.parts(Value::new(whole)) {
            match part {
                // What the model said last may have been nothing.
                Part::Assistant(blocks) if blocks.is_empty() => {}
                Part::Assistant(blocks) => {
                    let mut own = Patch::new(whole);
                    own.replace(content, [b"[", &*blocks.join(&b','), b"]"].concat());
                    messages.push(own.into_vec());
                }
                Part::User(results) => {
                    messages.push(format!(r#"{{"role":"user","content":[{results}]}}"#).into());
                }
            }
        }
        patch.replace(message, messages.join(&b','));
        true
    }

    /// The messages that the client's one is made of.
    fn parts<'h>(&'h self, message: Value<'h>) -> Vec<Part<'h>> {
        let (mut parts, mut open, mut count) = (Vec::new(), Vec::new(), 0);
        let mut pieces = self.pieces.iter().peekable();
        let mut flush = |count: usize, open: &mut Vec<Cow<'h, [u8]>>| {
            while let Some((_, piece)) = pieces.next_if(|(before, _)| *before <= count) {
                match piece {
                    Piece::Block(block) => open.push(Cow::Borrowed(block.as_slice())),
                    Piece::Results(results) => {
                        parts.push(Part::Assistant(std::mem::take(open)));
                        parts.push(Part::User(results));
                    }
                }
            }
        };
        for block in blocks(message) {
            flush(count, &mut open);
            count += usize::from(block.counts());
            open.push(block.raw());
        }
        flush(usize::MAX, &mut open);
        parts.push(Part::Assistant(open));
        parts
    }
}

enum Part<'h> {
    /// The blocks of an assistant's message.
    Assistant(Vec<Cow<'h, [u8]>>),
    /// The content of a user's.
    User(&'h str),
}

/// The content of a user message that answers calls.
fn answers(message: Value<'_>) -> Option<Value<'_>> {
    let content = message
        .get("content")
        .filter(|content| content.is_array())?;
    let is_result = |block: Value<'_>| has_word(block, "type", "tool_result");
    let is_it = has_word(message, "role", "user") && content.items().any(is_result);
    is_it.then_some(content)
}

/// By what a turn is found: what was said before it, without what programs add and take away again,
/// and what was seen of it.
fn anchor(before: Value<'_>, seen: u64) -> u128 {
    let mut fingerprint = Fingerprint::default();
    fingerprint.value(before.get("role").unwrap_or_default());
    let is_reminder = |block: &Block<'_>| block.text.as_ref().is_some_and(|text| is_reminder(text));
    for block in blocks(before).filter(|block| !is_reminder(block)) {
        block.say(&mut fingerprint);
    }
    u128::from(fingerprint.finish()) << 64 | u128::from(seen)
}

fn has_word(value: Value<'_>, name: &str, word: &str) -> bool {
    value.get(name).and_then(Value::text).as_deref() == Some(word)
}

#[cfg(test)]
mod tests;
