//! What is remembered of a turn for the client's next request.

use super::said;
use crate::HiddenTurn;
use crate::json::Value;
use crate::openai_responses::members::call_id_of;

/// What a client did not see of a turn, and what it did see.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    pub(super) shown: Vec<Shown>,
    pub(super) pieces: Vec<Piece>,
    /// Results that the provider waits for beside those that the client has, as items with commas
    /// between them.
    pub(crate) results: String,
}

/// An item that the client saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) said: u64,
    pub(super) named: Option<u64>,
    pub(super) is_reasoning: bool,
}

/// An item that it did not see.
#[derive(Debug)]
pub(super) struct Piece {
    /// How many items the client saw before it.
    pub(super) after: usize,
    pub(super) item: Vec<u8>,
}

impl Hidden {
    /// The client sees this item.
    pub(crate) fn show(&mut self, item: Value<'_>) {
        self.shown.push(Shown {
            said: said::said(item),
            named: said::named(item),
            is_reasoning: said::is_reasoning(item),
        });
    }

    /// The client does not see this item.
    pub(crate) fn hide(&mut self, item: &[u8]) {
        let after = self.shown.len();
        let item = item.to_vec();
        self.pieces.push(Piece { after, item });
    }

    pub(crate) fn bytes(&self) -> usize {
        let pieces: usize = self.pieces.iter().map(|piece| piece.item.len()).sum();
        let shown = self.shown.len() * size_of::<Shown>();
        pieces + shown + self.pieces.len() * size_of::<Piece>() + self.results.len()
    }

    /// The turn as it is remembered, if anything was hidden. `before` is what the client had said,
    /// and `waits` says where the provider keeps a turn that waits for the client's tools.
    pub(crate) fn turn(self, before: u64, waits: Option<&Waits<'_>>) -> Option<HiddenTurn> {
        if self.pieces.is_empty() {
            return None;
        }
        let mut anchors = Vec::new();
        let words = self.shown.iter().filter(|it| !it.is_reasoning);
        let words: Vec<u64> = words.map(|it| it.said).collect();
        if !words.is_empty() {
            anchors.push(said::by_words(before, words.into_iter()));
        }
        let names: Option<Vec<u64>> = self.shown.iter().map(|it| it.named).collect();
        if let Some(names) = names.filter(|names| !names.is_empty()) {
            anchors.push(said::by_ids(before, names.into_iter()));
        }
        anchors.extend(waits.into_iter().flat_map(Waits::anchors));
        (!anchors.is_empty()).then(|| HiddenTurn::responses(anchors, self))
    }
}

/// A turn that waits for the client's tools, as the provider keeps it.
#[derive(Debug)]
pub(crate) struct Waits<'a> {
    /// The id of its last answer; empty when it has none.
    pub(crate) response: &'a str,
    pub(crate) conversation: Option<&'a str>,
    /// The first call that the client has to answer.
    pub(crate) call: Value<'a>,
}

impl Waits<'_> {
    fn anchors(&self) -> impl Iterator<Item = u128> {
        let response = Some(self.response).filter(|id| !id.is_empty());
        let response = response.map(said::by_response);
        let call_id = call_id_of(self.call);
        let conversation = self.conversation.zip(call_id);
        let conversation = conversation.map(|(id, call_id)| said::by_conversation(id, &call_id));
        response.into_iter().chain(conversation)
    }
}
