//! Answers and how long they hold: a machine that takes instants and asks nobody.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bridge_auth::{ActorId, Grant, RefusalReason};
use tokio::time::Instant;

/// How long a refusal is kept, so that a tool with a bad key does not become a load.
const REFUSAL_LEASE: Duration = Duration::from_secs(1);

/// What a question is found by.
pub(super) type Digest = [u8; 32];

/// What the control plane said.
pub(super) type Answer = Result<Arc<Grant>, RefusalReason>;

/// What a kept answer is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// As good as an answer of this moment.
    Fresh(Answer),
    /// Its lease has ended, or revocations may have been missed: good only while the control plane
    /// is away.
    Known(Arc<Grant>),
}

/// What a question was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Whose key it is. Such a grant can be checked by the id of its key.
    Key,
    /// Whether a model may be used. Only the question itself can be asked again.
    Permit,
}

/// How long answers are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// How long a grant needs no asking, from the question on.
    pub(super) lease: Duration,
    /// How long a grant counts as known, from the question on; not at all when it is not longer
    /// than the lease.
    pub(super) known_for: Duration,
    /// How many answers are kept.
    pub(super) capacity: usize,
}

/// A grant with what the control plane's word about it was worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Confirmed {
    pub(super) digest: Digest,
    pub(super) subject: Subject,
    pub(super) grant: Arc<Grant>,
    /// When the question was asked whose answer it is.
    pub(super) asked_at: Instant,
    /// When the key itself ends.
    pub(super) expires: Option<Instant>,
}

/// Kept answers, never more than a number of them. When there is no room, the one that ends first
/// goes: what has ended, then refusals, then the grants that were confirmed least recently. So a
/// flood of bad keys cannot push good ones out.
pub(super) struct Cache {
    entries: HashMap<Digest, Entry>,
    /// The same entries in the order of their end; the number tells equal ends apart.
    ends: BTreeMap<(Instant, u64), Digest>,
    terms: Terms,
    number: u64,
    epoch: u64,
    doubts: u64,
    changes: Changes,
}

/// How often the kept grants have changed in a way that a copy of them must follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Changes {
    /// Grants that are new.
    pub(super) added: u64,
    /// Times that grants were taken away or doubted.
    pub(super) taken: u64,
}

struct Entry {
    answer: Answer,
    subject: Subject,
    asked_at: Instant,
    /// Until then it needs no asking.
    fresh_until: Instant,
    /// Set when revocations may have been missed since the control plane was asked: until then it
    /// is good on grace, and never without asking.
    doubted_until: Option<Instant>,
    expires: Option<Instant>,
    /// When it is forgotten.
    end: (Instant, u64),
}

impl Cache {
    pub(super) fn new(terms: Terms) -> Self {
        Self {
            entries: HashMap::new(),
            ends: BTreeMap::new(),
            terms,
            number: 0,
            epoch: 0,
            doubts: 0,
            changes: Changes::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Grows with every revocation. An answer to a question of an older epoch must not be kept.
    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Grows with every doubt. A check that was begun before one must not confirm anything.
    pub(super) const fn doubts(&self) -> u64 {
        self.doubts
    }

    /// What a copy must follow.
    pub(super) const fn changes(&self) -> Changes {
        self.changes
    }

    /// The kept answer, if it is good for anything.
    pub(super) fn look(&self, digest: &Digest, now: Instant) -> Option<Found> {
        let entry = self.entries.get(digest)?;
        let is_over = entry.doubted_until.is_some_and(|until| until <= now);
        if is_over || entry.end.0 <= now {
            return None;
        }
        if entry.doubted_until.is_none() && entry.fresh_until > now {
            return Some(Found::Fresh(entry.answer.clone()));
        }
        entry.answer.clone().ok().map(Found::Known)
    }

    /// Keeps a refusal for a moment, and says how many others that still held had to go for it.
    /// What was granted before is forgotten.
    pub(super) fn refuse(
        &mut self,
        digest: Digest,
        subject: Subject,
        reason: RefusalReason,
        now: Instant,
    ) -> u64 {
        let fresh_until = now + REFUSAL_LEASE.min(self.terms.lease);
        let entry = Entry {
            answer: Err(reason),
            subject,
            asked_at: now,
            fresh_until,
            doubted_until: None,
            expires: None,
            end: (fresh_until, 0),
        };
        self.keep(digest, entry, now)
    }

    /// Keeps a grant, and says how many others that still held had to go for it.
    pub(super) fn grant(&mut self, confirmed: Confirmed, now: Instant) -> u64 {
        let (fresh_until, end) = self.span(confirmed.asked_at, confirmed.expires);
        let entry = Entry {
            answer: Ok(confirmed.grant),
            subject: confirmed.subject,
            asked_at: confirmed.asked_at,
            fresh_until,
            doubted_until: None,
            expires: confirmed.expires,
            end: (end, 0),
        };
        self.keep(confirmed.digest, entry, now)
    }

    /// Keeps a grant that an earlier process was given: known, and never fresh, because its
    /// revocation may have been missed.
    pub(super) fn restore(&mut self, confirmed: Confirmed, now: Instant) {
        let digest = confirmed.digest;
        self.grant(confirmed, now);
        if let Some(entry) = self.entries.get_mut(&digest) {
            entry.fresh_until = entry.asked_at;
        }
    }

    /// The end of a lease, and of being known, neither after the end of the key.
    fn span(&self, asked_at: Instant, expires: Option<Instant>) -> (Instant, Instant) {
        let capped = |end: Instant| expires.map_or(end, |expires| end.min(expires));
        let known_for = self.terms.known_for.max(self.terms.lease);
        (
            capped(asked_at + self.terms.lease),
            capped(asked_at + known_for),
        )
    }

    fn keep(&mut self, digest: Digest, mut entry: Entry, now: Instant) -> u64 {
        let before = self.forget(&digest);
        self.drop_ended(now);
        let is_kept = entry.end.0 > now && self.terms.capacity > 0;
        match (
            before.is_some_and(|before| before.answer.is_ok()),
            entry.answer.is_ok() && is_kept,
        ) {
            (true, false) => self.changes.taken += 1,
            (false, true) => self.changes.added += 1,
            (true, true) | (false, false) => {}
        }
        if !is_kept {
            return 0;
        }
        let mut evicted = 0;
        while self.entries.len() >= self.terms.capacity && self.drop_first() {
            evicted += 1;
        }
        entry.end.1 = self.next_number();
        self.ends.insert(entry.end, digest);
        self.entries.insert(digest, entry);
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
        let revoked = (before - self.entries.len()) as u64;
        self.changes.taken += u64::from(revoked > 0);
        revoked
    }

    /// Something may have been revoked unseen: no answer is good unasked until the control plane was
    /// asked again. Grants stay to be checked, and should it not answer, they are good on grace
    /// until then: a control plane that comes and goes without an answer must not make strangers of
    /// its callers. An earlier doubt keeps its earlier end. Says how many were doubted.
    pub(super) fn doubt(&mut self, until: Instant) -> u64 {
        self.epoch += 1;
        self.doubts += 1;
        let ends = &mut self.ends;
        let mut doubted = 0;
        let is_worth_a_check = self.terms.known_for > self.terms.lease;
        self.entries.retain(|_, entry| {
            let stays = entry.answer.is_ok() && is_worth_a_check;
            doubted += u64::from(entry.answer.is_ok() && entry.doubted_until.is_none());
            entry.doubted_until.get_or_insert(until);
            if !stays {
                ends.remove(&entry.end);
            }
            stays
        });
        self.changes.taken += u64::from(doubted > 0);
        doubted
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.epoch += 1;
        self.changes.taken += u64::from(!self.entries.is_empty());
        self.entries.clear();
        self.ends.clear();
    }

    /// The grants whose keys can be checked, the most recently confirmed first.
    pub(super) fn checkable(&mut self, now: Instant) -> Vec<(Digest, Arc<Grant>)> {
        self.drop_ended(now);
        let digests = self.ends.values().rev();
        digests
            .filter_map(|digest| {
                let entry = self.entries.get(digest)?;
                let grant = entry.answer.as_ref().ok()?;
                (entry.subject == Subject::Key).then(|| (*digest, Arc::clone(grant)))
            })
            .collect()
    }

    /// The key behind this grant was found good by a question that was asked then: a fresh lease.
    /// A grant that was taken away meanwhile stays away.
    pub(super) fn confirm(&mut self, digest: &Digest, grant: &Arc<Grant>, asked_at: Instant) {
        let Some(entry) = self.entries.get(digest) else {
            return;
        };
        let is_same = entry
            .answer
            .as_ref()
            .is_ok_and(|kept| Arc::ptr_eq(kept, grant));
        if !is_same || (entry.doubted_until.is_none() && entry.asked_at >= asked_at) {
            return;
        }
        let (fresh_until, end) = self.span(asked_at, entry.expires);
        let end = (end, self.next_number());
        if let Some(entry) = self.entries.get_mut(digest) {
            self.changes.added += u64::from(entry.doubted_until.is_some());
            self.ends.remove(&entry.end);
            self.ends.insert(end, *digest);
            *entry = Entry {
                asked_at,
                fresh_until,
                doubted_until: None,
                end,
                answer: entry.answer.clone(),
                ..*entry
            };
        }
    }

    /// What nothing speaks against, for a copy.
    pub(super) fn confirmed(&self) -> Vec<Confirmed> {
        let entries = self.entries.iter();
        entries
            .filter(|(_, entry)| entry.doubted_until.is_none())
            .filter_map(|(digest, entry)| {
                Some(Confirmed {
                    digest: *digest,
                    subject: entry.subject,
                    grant: Arc::clone(entry.answer.as_ref().ok()?),
                    asked_at: entry.asked_at,
                    expires: entry.expires,
                })
            })
            .collect()
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    fn forget(&mut self, digest: &Digest) -> Option<Entry> {
        let entry = self.entries.remove(digest)?;
        self.ends.remove(&entry.end);
        Some(entry)
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
