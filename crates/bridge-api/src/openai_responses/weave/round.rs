//! One round while it is told.

use bytes::Bytes;

use super::answer::{Answer, is_our_call};
use super::places::Places;
use super::said::{Item, Said};
use super::whole;
use crate::Toolbox;
use crate::json::Value;
use crate::openai_responses::members::id_of;

/// The longest id of an answer that is gone on from, in bytes. Relays encode routes in theirs, of a
/// few hundred.
const LONGEST_ID: usize = 1024;

/// What has been told of one round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The provider's id of the answer.
    pub(super) id: String,
    /// Whether the provider says that it keeps no answers.
    pub(super) is_not_stored: bool,
    /// Whether the client has been told its end. Whatever the provider says then, no call is made.
    pub(super) is_over: bool,
    pub(super) places: Places,
    /// What was said, when the round is over.
    pub(super) said: Said,
    /// Its end, which the client has not been given.
    pub(super) held: Option<Held>,
}

/// What becomes of the calls of ours in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    /// The round has ended well.
    Made,
    /// It has not, and nobody knows whether they were meant.
    Dropped,
}

impl Calls {
    pub(super) fn of(is_good_end: bool) -> Self {
        if is_good_end {
            Self::Made
        } else {
            Self::Dropped
        }
    }
}

/// The end of a round.
#[derive(Debug)]
pub(super) enum Held {
    /// An event, and the bytes of all later ones.
    Event {
        data: Bytes,
        raw: Bytes,
        later: Vec<u8>,
    },
    /// All of it.
    Body(Bytes),
}

impl Held {
    /// The data is almost always a part of the event as it is, and not kept twice then.
    pub(super) fn event(data: &[u8], raw: &[u8]) -> Self {
        let raw = Bytes::copy_from_slice(raw);
        let data = match memchr::memmem::find(&raw, data) {
            Some(at) => raw.slice(at..at + data.len()),
            None => Bytes::copy_from_slice(data),
        };
        let later = Vec::new();
        Self::Event { data, raw, later }
    }

    /// How many bytes were taken for it. A body is the engine's, who limits it.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Event { raw, later, .. } => raw.len() + later.len(),
            Self::Body(_) => 0,
        }
    }
}

impl Round {
    /// What an event or a body says of the whole answer.
    pub(super) fn hear(&mut self, answer: &Answer<'_>) {
        if let Some(id) = answer.id.filled().filter(|id| id.len() <= LONGEST_ID) {
            self.id = id.into_owned();
        }
        self.is_not_stored |= answer.store.is_false();
    }

    /// Whether an item of the whole answer is a call that the client was not shown.
    pub(super) fn is_hidden(&self, item: Value<'_>, toolbox: &Toolbox) -> bool {
        is_our_call(item, toolbox) && !self.places.has_given_away(&id_of(item))
    }

    /// The items as they are in the end: those of the whole answer, or those that were told before
    /// by providers that leave them out there. None are kept of an only round without calls of ours,
    /// which is the client's as it is.
    pub(super) fn close(
        &mut self,
        answer: &Answer<'_>,
        toolbox: &Toolbox,
        calls: Calls,
        is_only: bool,
    ) {
        let mut items: Vec<&[u8]> = answer.output.items().filter_map(whole).collect();
        if items.is_empty() {
            items = self.places.finished();
        }
        let items = items.into_iter().map(|raw| {
            let is_ours = self.is_hidden(Value::new(raw), toolbox);
            (raw, is_ours)
        });
        let is_made = |raw| calls == Calls::Made && is_finished(Value::new(raw));
        let items: Vec<_> = items
            .filter(|(raw, is_ours)| !is_ours || is_made(*raw))
            .collect();
        if is_only && !items.iter().any(|(_, is_ours)| *is_ours) {
            return;
        }
        let items = items.into_iter().map(|(raw, is_ours)| Item {
            raw: raw.to_vec(),
            is_ours,
        });
        self.said.items = items.collect();
    }
}

/// An item without a status is as it should be.
fn is_finished(item: Value<'_>) -> bool {
    let status = item.get("status").and_then(Value::text);
    status.is_none_or(|status| status == "completed")
}
