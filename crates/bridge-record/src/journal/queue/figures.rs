//! How much is where, and what state that is.

use std::sync::Arc;

use super::{Queue, Trouble};
use crate::journal::segment::millis;
use crate::journal::state::JournalState;

impl Queue {
    /// Bytes of records that are not safe.
    pub(super) fn unsafe_bytes(&self) -> usize {
        self.waiting_bytes + self.writing_bytes
    }

    /// Records that are neither safe nor acknowledged.
    pub(in crate::journal) fn unsafe_records(&self) -> usize {
        self.waiting.len() + self.writing.len()
    }

    /// Records that are not acknowledged, safe or not. Damage may have made some of them vanish.
    pub(in crate::journal) const fn unacknowledged(&self) -> u64 {
        self.last_taken().saturating_sub(self.acknowledged)
    }

    /// Bytes of all segments.
    pub(in crate::journal) const fn used_bytes(&self) -> u64 {
        self.stretches.bytes()
    }

    /// Bytes of all segments, as long as one of them holds what is not acknowledged. Otherwise a new
    /// segment sets all of them free.
    pub(in crate::journal) fn held_bytes(&self) -> u64 {
        let held = self.stretches.behind(self.acknowledged);
        held.map_or(0, |_| self.used_bytes())
    }

    /// Bytes of records in memory.
    pub(in crate::journal) fn memory_bytes(&self) -> usize {
        self.unsafe_bytes() + self.kept_bytes
    }

    /// When the oldest record was made that is not acknowledged, in milliseconds since 1970.
    pub(in crate::journal) fn oldest(&self) -> Option<u64> {
        let on_disk = self.stretches.behind(self.acknowledged);
        let on_disk = on_disk.map(|stretch| stretch.made_at);
        let in_memory = self.writing.first().or(self.waiting.front());
        on_disk.or_else(|| in_memory.map(|entry| millis(entry.record.at)))
    }

    pub(in crate::journal) fn state(&self) -> JournalState {
        match &self.trouble {
            Some(Trouble::Failing { since, reason }) => JournalState::Failing {
                since: *since,
                reason: Arc::clone(reason),
            },
            Some(Trouble::NoSpace) => self.full(),
            None if self.held_bytes() >= self.config.start_limit() => self.full(),
            None => JournalState::Healthy,
        }
    }

    fn full(&self) -> JournalState {
        JournalState::Full {
            used_bytes: self.used_bytes(),
            max_bytes: self.config.max_bytes,
        }
    }
}
