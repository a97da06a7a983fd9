//! The request that follows a round: what the model said, and what came of it.

use bytes::Bytes;

use super::round::Round;
use crate::json::{Patch, Value, quoted};
use crate::openai_responses::members::{call_id_of, kind_of};
use crate::{Envelope, EnvelopeError};

/// What a request says of where its history is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// The provider appends to a conversation by itself.
    pub(super) conversation: Option<String>,
    /// The answer it goes on from, as the client knows it.
    previous: Option<String>,
    /// Whether the provider keeps answers, so that others can go on from them.
    pub(super) is_stored: bool,
}

impl History {
    pub(super) fn of(envelope: &Envelope) -> Self {
        let conversation = envelope.value("conversation").unwrap_or_default();
        let conversation = conversation
            .filled()
            .or_else(|| conversation.get("id")?.filled());
        let previous = envelope.value("previous_response_id");
        let previous = previous.and_then(Value::filled);
        let store = envelope.value("store").unwrap_or_default();
        Self {
            conversation: conversation.map(Into::into),
            previous: previous.map(Into::into),
            is_stored: !store.is_false(),
        }
    }

    pub(super) fn previous(&self) -> Option<&str> {
        self.previous.as_deref()
    }
}

/// Makes the request of a round that of the next one.
pub(super) fn go_on(
    request: &mut Envelope,
    history: &History,
    round: &Round,
) -> Result<(), EnvelopeError> {
    let is_stored = history.is_stored && !round.is_not_stored;
    let is_chained = history.previous.is_some() && is_stored && !round.id.is_empty();
    let results = round.said.results.join(",");
    if history.conversation.is_some() {
        // The provider has put the answer into it.
        request.replace("input", Bytes::from(format!("[{results}]")));
        return Ok(());
    }
    if is_chained {
        request.replace("previous_response_id", Bytes::from(quoted(&round.id)));
        request.replace("input", Bytes::from(format!("[{results}]")));
        return Ok(());
    }
    let items = round.said.items.iter().map(|item| item.raw.as_slice());
    let mut items: Vec<Vec<u8>> = items.filter_map(|item| as_input(item, is_stored)).collect();
    items.push(results.into_bytes());
    append(request, items.join(&b","[..]))
}

/// Tells everything once more: the provider keeps nothing that it could be reminded of, or may not
/// keep it.
fn append(request: &mut Envelope, items: Vec<u8>) -> Result<(), EnvelopeError> {
    let input = request.value("input").unwrap_or_default();
    if input.is_text() {
        let text = input.raw().unwrap_or_default();
        let message = [&br#"[{"role":"user","content":"#[..], text, b"}]"].concat();
        request.replace("input", Bytes::from(message));
    }
    request.append_items("input", Bytes::from(items))
}

/// An item of an answer as an item of a request, if the provider would understand it there. Where
/// answers are not kept, ids lead nowhere, and reasoning is only what was encrypted of it.
fn as_input(item: &[u8], is_stored: bool) -> Option<Vec<u8>> {
    let value = Value::new(item);
    let mut patch = Patch::new(item);
    // Who made an item is only told, never heard.
    patch.remove(value, "created_by");
    let item = patch.into_vec();
    if is_stored {
        return Some(item);
    }
    let encrypted = value.get("encrypted_content").and_then(Value::filled);
    let is_readable = kind_of(value) != "reasoning" || encrypted.is_some();
    is_readable.then(|| without_id(&item))
}

/// An item without its id, unless that is all by which its result or its content is found.
pub(crate) fn without_id(item: &[u8]) -> Vec<u8> {
    let value = Value::new(item);
    let has_more = matches!(
        &*kind_of(value),
        "message" | "reasoning" | "web_search_call"
    );
    let mut patch = Patch::new(item);
    if has_more || call_id_of(value).is_some() {
        patch.remove(value, "id");
    }
    patch.into_vec()
}
