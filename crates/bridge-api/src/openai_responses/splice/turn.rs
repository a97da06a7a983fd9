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
    /// The answer that has all of the turn, if the client knows another one.
    pub(super) last: String,
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
        pieces
            + shown
            + self.pieces.len() * size_of::<Piece>()
            + self.results.len()
            + self.last.len()
    }

    /// The turn as it is remembered, if anything was hidden. `before` is what the client had said.
    pub(crate) fn turn(mut self, before: u64, kept: &Kept<'_>) -> Option<HiddenTurn> {
        if self.pieces.is_empty() {
            return None;
        }
        let mut anchors = Vec::new();
        let told = self.shown.iter().map(|it| (it.is_reasoning, it.said));
        anchors.extend(said::by_words(before, &told.collect::<Vec<_>>()));
        // Clients refer to messages and reasoning, of which one or the other stands at either end.
        let ends = [self.shown.first(), self.shown.last()];
        let names = ends.into_iter().filter_map(|end| end?.named);
        anchors.extend(names.map(|named| said::by_reference(before, named)));
        anchors.dedup();
        anchors.extend(kept.by_response());
        anchors.extend(kept.by_conversation());
        if kept.told != kept.last {
            self.last = kept.last.to_owned();
        }
        (!anchors.is_empty()).then(|| HiddenTurn::responses(anchors, self))
    }
}

/// A turn as the provider keeps it.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    /// The id under which the client knows its answer; empty when nothing is kept under it.
    pub(crate) told: &'a str,
    /// The id of the last round's answer, which has all that was said.
    pub(crate) last: &'a str,
    pub(crate) conversation: Option<&'a str>,
    /// The first call that the client has to answer, in a turn in which results of ours are waited
    /// for as well.
    pub(crate) call: Option<Value<'a>>,
}

impl Kept<'_> {
    /// A client that goes on from an answer has it all, unless it knows another answer, or results
    /// are still missing.
    fn by_response(&self) -> Option<u128> {
        let is_needed = self.told != self.last || self.call.is_some();
        let is_way = !self.told.is_empty() && self.conversation.is_none();
        (is_needed && is_way).then(|| said::by_response(self.told))
    }

    fn by_conversation(&self) -> Option<u128> {
        let call_id = call_id_of(self.call?)?;
        Some(said::by_conversation(self.conversation?, &call_id))
    }
}
