//! What an item says, whichever way it is written down.
//!
//! Clients send back what they were told in a form of their own: without ids, states, annotations,
//! or with nothing but an id. What is compared here is what none of them changes.

use crate::Envelope;
use crate::json::{Fingerprint, Value};
use crate::openai_responses::members::{call_id_of, id_of, is_result, kind_of};

/// Whose word an item of a history is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The client's: what the user says, and results of its tools.
    Client,
    /// The model's.
    Model,
    /// Nobody's: instructions, which clients move about.
    Neither,
}

impl Side {
    pub(super) fn of(item: Value<'_>) -> Self {
        let kind = kind_of(item);
        let role = item.get("role").and_then(Value::text).unwrap_or_default();
        match (&*kind, &*role) {
            ("" | "message", "assistant") => Self::Model,
            ("" | "message", "user") => Self::Client,
            ("" | "message", _) => Self::Neither,
            (kind, _) if is_result(kind) => Self::Client,
            (_, _) => Self::Model,
        }
    }
}

pub(super) fn is_reasoning(item: Value<'_>) -> bool {
    kind_of(item) == "reasoning"
}

/// The number of what an item says.
pub(super) fn said(item: Value<'_>) -> u64 {
    let kind = kind_of(item);
    let mut print = Fingerprint::default();
    if let Some(call_id) = call_id_of(item) {
        // Nothing else has this id, however its arguments are spelled.
        print.text(&kind);
        print.text(&call_id);
        return print.finish();
    }
    match &*kind {
        "" | "message" => {
            let role = item.get("role").and_then(Value::text).unwrap_or_default();
            return message(&role, item.get("content").unwrap_or_default());
        }
        "reasoning" => {
            let encrypted = item.get("encrypted_content").and_then(Value::filled);
            match encrypted {
                Some(encrypted) => print.text(&encrypted),
                None => print.value(item.get("summary").unwrap_or_default()),
            }
        }
        kind => print.text(kind),
    }
    print.finish()
}

/// The number of what a message says. One text and an array of one text are the same.
fn message(role: &str, content: Value<'_>) -> u64 {
    let mut print = Fingerprint::default();
    print.text(role);
    if let Some(text) = content.text() {
        print.text(&text);
    }
    for part in content.items() {
        let text = part.get("text").or_else(|| part.get("refusal"));
        match text.and_then(Value::text) {
            Some(text) => print.text(&text),
            None => print.value(part),
        }
    }
    print.finish()
}

/// The number of an item's id, if it has one.
pub(super) fn named(item: Value<'_>) -> Option<u64> {
    let id = id_of(item);
    let mut print = Fingerprint::default();
    print.text(&id);
    (!id.is_empty()).then(|| print.finish())
}

/// What the client said last in a request that nobody has edited.
pub(crate) fn said_last(request: &Envelope) -> u64 {
    let input = request.value("input").unwrap_or_default();
    if input.is_text() {
        return message("user", input);
    }
    let mut items = request.last_items("input");
    let last = items.find(|item| Side::of(*item) == Side::Client);
    last.map_or(0, said)
}

/// How a turn is found again by what the client sends back of it: what it had said before, and what
/// it was told, with a mark at reasoning. Reasoning is left out, because many clients drop it, unless
/// there is nothing else.
pub(super) fn by_words(before: u64, told: &[(bool, u64)]) -> Option<u128> {
    let is_all_reasoning = told.iter().all(|(is_reasoning, _)| *is_reasoning);
    let words = told.iter().filter(|it| is_all_reasoning || !it.0);
    let words = words.map(|(_, said)| *said);
    (!told.is_empty()).then(|| anchor("words", before, words))
}

fn anchor(way: &str, before: u64, told: impl Iterator<Item = u64>) -> u128 {
    let mut print = Fingerprint::default();
    print.text(way);
    print.number(before);
    told.for_each(|told| print.number(told));
    u128::from(print.finish())
}

/// How a turn is found again by a client that refers to items of it by their ids, and writes others
/// down.
pub(super) fn by_reference(before: u64, named: u64) -> u128 {
    anchor("reference", before, std::iter::once(named))
}

/// How a turn is found again when the provider keeps the history and the client goes on from its
/// answer.
pub(super) fn by_response(id: &str) -> u128 {
    by_name("response", id, "")
}

/// The same in a conversation, by the call that the client answers.
pub(super) fn by_conversation(id: &str, call_id: &str) -> u128 {
    by_name("conversation", id, call_id)
}

fn by_name(way: &str, id: &str, call_id: &str) -> u128 {
    let mut print = Fingerprint::default();
    for text in [way, id, call_id] {
        print.text(text);
    }
    u128::from(print.finish())
}
