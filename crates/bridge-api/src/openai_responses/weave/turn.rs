//! What the earlier rounds of a turn said.

use super::round::{Item, Round};
use crate::weave::Figures;

/// Rounds that are over, as far as they are still needed.
#[derive(Debug, Default)]
pub(super) struct Turn {
    rounds: Vec<Vec<Item>>,
    /// The figures of all of them.
    pub(super) usage: Figures,
}

impl Turn {
    pub(super) fn has_rounds(&self) -> bool {
        !self.rounds.is_empty()
    }

    pub(super) fn add(&mut self, round: Round, usage: &Figures) {
        self.usage.add(usage);
        self.rounds.push(round.items);
    }

    /// The items that the client has been shown.
    pub(super) fn shown(&self) -> impl Iterator<Item = &[u8]> {
        let items = self.rounds.iter().flatten();
        let shown = items.filter(|item| !item.is_ours);
        shown.map(|item| item.raw.as_slice())
    }
}
