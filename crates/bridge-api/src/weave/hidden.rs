//! What a client did not see of a turn, and its return into the client's history.

use std::sync::Arc;

use crate::{DialectId, Envelope, anthropic, openai_chat, openai_responses};

/// What a client did not see of one turn, and where in its history it belongs.
#[derive(Debug)]
pub struct HiddenTurn {
    /// Of what the client saw, and of what it had said before.
    anchors: Vec<u128>,
    bytes: usize,
    parts: Parts,
}

/// What it was, as its dialect says it.
#[derive(Debug)]
enum Parts {
    Messages(anthropic::splice::Hidden),
    Chat(openai_chat::splice::Hidden),
    Responses(openai_responses::splice::Hidden),
}

impl HiddenTurn {
    /// By what it is found again: a fingerprint of the last message of the request and of the
    /// answer that the client saw. The same conversation says the same again.
    ///
    /// There are several where a client may say it in several ways, by ids of what the provider
    /// keeps for instance: one to four. Any of them finds the turn; of turns with the same anchor the
    /// latest counts.
    #[must_use]
    pub fn anchors(&self) -> &[u128] {
        &self.anchors
    }

    pub(crate) fn messages(anchor: u128, hidden: anthropic::splice::Hidden) -> Self {
        Self {
            anchors: vec![anchor],
            bytes: hidden.bytes(),
            parts: Parts::Messages(hidden),
        }
    }

    pub(crate) fn as_messages(&self) -> Option<&anthropic::splice::Hidden> {
        match &self.parts {
            Parts::Messages(hidden) => Some(hidden),
            Parts::Chat(_) | Parts::Responses(_) => None,
        }
    }

    pub(crate) fn chat(anchors: Vec<u128>, hidden: openai_chat::splice::Hidden) -> Self {
        Self {
            anchors,
            bytes: hidden.bytes(),
            parts: Parts::Chat(hidden),
        }
    }

    pub(crate) fn as_chat(&self) -> Option<&openai_chat::splice::Hidden> {
        match &self.parts {
            Parts::Chat(hidden) => Some(hidden),
            Parts::Messages(_) | Parts::Responses(_) => None,
        }
    }

    pub(crate) fn responses(anchors: Vec<u128>, hidden: openai_responses::splice::Hidden) -> Self {
        Self {
            anchors,
            bytes: hidden.bytes(),
            parts: Parts::Responses(hidden),
        }
    }

    pub(crate) fn as_responses(&self) -> Option<&openai_responses::splice::Hidden> {
        match &self.parts {
            Parts::Responses(hidden) => Some(hidden),
            Parts::Messages(_) | Parts::Chat(_) => None,
        }
    }

    /// How much memory it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Puts hidden turns back into the history of a request: wherever a turn has the anchor of one that
/// `find` knows, what the client did not see is put in between its own bytes. Says how many turns
/// were. Without one nothing changes.
pub fn splice(
    dialect: DialectId,
    request: &mut Envelope,
    find: &mut dyn FnMut(u128) -> Option<Arc<HiddenTurn>>,
) -> usize {
    match dialect {
        DialectId::AnthropicMessages => anthropic::splice::splice(request, find),
        DialectId::OpenAiChat => openai_chat::splice::splice(request, find),
        DialectId::OpenAiResponses => openai_responses::splice::splice(request, find),
    }
}
