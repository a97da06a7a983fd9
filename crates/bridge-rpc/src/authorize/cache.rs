//! Answers and how long they hold: a machine that takes instants and asks nobody.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bridge_auth::{ActorId, Grant, RefusalReason};
use tokio::time::Instant;

/// What a question is found by.
pub(super) type Digest = [u8; 32];

/// What the control plane said.
pub(super) type Answer = Result<Arc<Grant>, RefusalReason>;

/// Kept answers, never more than a number of them. When there is no room, the one that ends first
/// goes: what has ended, then refusals, then the oldest grants. So a flood of bad keys cannot push
/// good ones out.
pub(super) struct Cache {
    entries: HashMap<Digest, Entry>,
    /// The same entries in the order of their end; the number tells equal ends apart.
    ends: BTreeMap<(Instant, u64), Digest>,
    capacity: usize,
    number: u64,
    epoch: u64,
}

struct Entry {
    answer: Answer,
    end: (Instant, u64),
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            ends: BTreeMap::new(),
            capacity,
            number: 0,
            epoch: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Grows with every revocation. An answer to a question of an older epoch must not be kept.
    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The kept answer, if it still holds.
    pub(super) fn look(&self, digest: &Digest, now: Instant) -> Option<Answer> {
        let entry = self.entries.get(digest)?;
        (entry.end.0 > now).then(|| entry.answer.clone())
    }

    /// Keeps an answer and says how many others that still held had to go for it.
    pub(super) fn keep(
        &mut self,
        digest: Digest,
        answer: Answer,
        now: Instant,
        until: Instant,
    ) -> u64 {
        self.forget(&digest);
        self.drop_ended(now);
        if until <= now || self.capacity == 0 {
            return 0;
        }
        let mut evicted = 0;
        while self.entries.len() >= self.capacity && self.drop_first() {
            evicted += 1;
        }
        self.number += 1;
        let end = (until, self.number);
        self.ends.insert(end, digest);
        self.entries.insert(digest, Entry { answer, end });
        evicted
    }

    /// Forgets the grants of these keys and users, and says how many there were. It looks at every
    /// entry: revocations are rare, and an index would cost each grant.
    pub(super) fn revoke(&mut self, keys: &HashSet<&str>, users: &HashSet<ActorId>) -> u64 {
        self.epoch += 1;
        let before = self.entries.len();
        let ends = &mut self.ends;
        self.entries.retain(|_, entry| {
            let is_revoked = entry.answer.as_ref().is_ok_and(|grant| {
                keys.contains(grant.api_key_id.as_str()) || users.contains(&grant.actor.id)
            });
            if is_revoked {
                ends.remove(&entry.end);
            }
            !is_revoked
        });
        (before - self.entries.len()) as u64
    }

    /// Forgets everything.
    pub(super) fn reset(&mut self) {
        self.epoch += 1;
        self.entries.clear();
        self.ends.clear();
    }

    fn forget(&mut self, digest: &Digest) {
        if let Some(entry) = self.entries.remove(digest) {
            self.ends.remove(&entry.end);
        }
    }

    fn drop_ended(&mut self, now: Instant) {
        while self
            .ends
            .first_key_value()
            .is_some_and(|(end, _)| end.0 <= now)
        {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) -> bool {
        let Some((_, digest)) = self.ends.pop_first() else {
            return false;
        };
        self.entries.remove(&digest);
        true
    }
}

#[cfg(test)]
mod tests;
