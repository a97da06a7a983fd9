//! Hidden turns, for the requests that come after them.
//!
//! A client never saw the injected calls of its turns, so its next request lacks them. While they
//! are remembered they are put back where they were, and the provider's prompt cache and the
//! signatures of its thinking stay good.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bridge_api::HiddenTurn;
use bridge_auth::ActorId;
use bridge_telemetry::{HiddenTurnFate, Metrics};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::MemoryLimits;

/// What all callers' turns may take together, in bytes. Beyond it the oldest go.
const TOTAL_BYTES: usize = 256 << 20;
/// How often those are looked for who do not come back.
const SWEEP_AFTER: Duration = Duration::from_secs(60);

/// Remembers hidden turns for a while. Cloning shares it; it belongs to the process, so that a
/// reload forgets nothing. What it holds is lost with the process, and what that means stands in
/// the operators' pages.
#[derive(Clone)]
pub struct HiddenTurns(Arc<Inner>);

struct Inner {
    kept: Mutex<Kept>,
    metrics: Metrics,
}

#[derive(Default)]
struct Kept {
    /// Whose turns, those that were last asked for last.
    owners: HashMap<Owner, VecDeque<Turn>>,
    bytes: usize,
    turns: usize,
    /// How many were forgotten since that was last told.
    dropped: usize,
    swept: Option<Instant>,
}

/// Whose turns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) actor: ActorId,
    pub(crate) api_key_id: String,
}

/// One turn, and when it was last asked for.
struct Turn {
    conversation: Option<String>,
    at: Instant,
    turn: Arc<HiddenTurn>,
}

impl HiddenTurns {
    /// Nothing is remembered yet.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self(Arc::new(Inner {
            kept: Mutex::default(),
            metrics,
        }))
    }

    /// Remembers a turn. One that cannot be remembered within the limits is not.
    pub(crate) fn keep(
        &self,
        owner: &Owner,
        conversation: Option<&str>,
        turn: HiddenTurn,
        limits: &MemoryLimits,
    ) {
        let now = Instant::now();
        self.swept(now, limits, |kept| {
            if turn.bytes() > limits.bytes || limits.turns == 0 {
                kept.dropped += 1;
                return;
            }
            let turn = Turn {
                conversation: conversation.map(str::to_owned),
                at: now,
                turn: Arc::new(turn),
            };
            kept.add(owner, turn, limits);
            self.0.metrics.hidden_turn(HiddenTurnFate::Kept);
        });
    }

    /// What is remembered of a conversation, the newest last. Mostly nothing.
    ///
    /// It is young again then: a conversation that goes on keeps all of its turns. With one after the
    /// other gone, each of its requests would begin otherwise than the one before.
    pub(crate) fn recall(
        &self,
        owner: &Owner,
        conversation: Option<&str>,
        limits: &MemoryLimits,
    ) -> Vec<Arc<HiddenTurn>> {
        let now = Instant::now();
        self.swept(now, limits, |kept| {
            let Some(turns) = kept.owners.get_mut(owner) else {
                return Vec::new();
            };
            let is_it = |turn: &Turn| {
                turn.conversation.as_deref() == conversation && !turn.is_over(now, limits.age)
            };
            if !turns.iter().any(is_it) {
                return Vec::new();
            }
            // Those who came last stand last, and are the last to make room.
            let (used, others): (Vec<Turn>, Vec<Turn>) =
                std::mem::take(turns).into_iter().partition(is_it);
            let found = used.iter().map(|turn| Arc::clone(&turn.turn)).collect();
            let used = used.into_iter().map(|turn| Turn { at: now, ..turn });
            *turns = others.into_iter().chain(used).collect();
            found
        })
    }

    /// Works on what is kept, without what is too old, and counts what that changes.
    fn swept<T>(
        &self,
        now: Instant,
        limits: &MemoryLimits,
        work: impl FnOnce(&mut Kept) -> T,
    ) -> T {
        let mut kept = self.0.kept.lock();
        let before = (kept.turns, kept.bytes);
        kept.sweep(now, limits.age);
        let done = work(&mut kept);
        let dropped = std::mem::take(&mut kept.dropped);
        let after = (kept.turns, kept.bytes);
        drop(kept);
        for _ in 0..dropped {
            self.0.metrics.hidden_turn(HiddenTurnFate::Dropped);
        }
        if before != after {
            let grown = |before, after| signed(after) - signed(before);
            let turns = grown(before.0, after.0);
            let bytes = grown(before.1, after.1);
            self.0.metrics.hidden_turns_held(turns, bytes);
        }
        done
    }

    /// How many turns are remembered, and their bytes.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let kept = self.0.kept.lock();
        (kept.turns, kept.bytes)
    }
}

impl Kept {
    fn add(&mut self, owner: &Owner, turn: Turn, limits: &MemoryLimits) {
        let mut turns = self.owners.remove(owner).unwrap_or_default();
        // The same turn, done again.
        let is_same = |it: &Turn| {
            it.conversation == turn.conversation && it.turn.anchors() == turn.turn.anchors()
        };
        if let Some(at) = turns.iter().position(is_same) {
            self.forget(turns.remove(at));
        }
        self.bytes += turn.bytes();
        self.turns += 1;
        turns.push_back(turn);
        let bytes = |turns: &VecDeque<Turn>| turns.iter().map(Turn::bytes).sum::<usize>();
        while turns.len() > limits.turns || bytes(&turns) > limits.bytes {
            self.forget(turns.pop_front());
        }
        self.owners.insert(owner.clone(), turns);
        while self.bytes > TOTAL_BYTES {
            self.forget_oldest();
        }
    }

    fn forget(&mut self, turn: Option<Turn>) {
        if let Some(turn) = turn {
            self.bytes = self.bytes.saturating_sub(turn.bytes());
            self.turns = self.turns.saturating_sub(1);
            self.dropped += 1;
        }
    }

    /// Forgets what is too old, now and then: of those who come back and of those who do not.
    fn sweep(&mut self, now: Instant, age: Duration) {
        let is_due = |swept: Instant| now.duration_since(swept) >= SWEEP_AFTER;
        if !self.swept.is_none_or(is_due) {
            return;
        }
        self.swept = Some(now);
        let (mut bytes, mut count) = (0, 0);
        self.owners.retain(|_, turns| {
            turns.retain(|turn| !turn.is_over(now, age));
            bytes += turns.iter().map(Turn::bytes).sum::<usize>();
            count += turns.len();
            !turns.is_empty()
        });
        self.dropped += self.turns.saturating_sub(count);
        (self.bytes, self.turns) = (bytes, count);
    }

    fn forget_oldest(&mut self) {
        let first = |turns: &VecDeque<Turn>| turns.front().map(|turn| turn.at);
        let oldest = self.owners.iter().min_by_key(|(_, turns)| first(turns));
        let Some(owner) = oldest.map(|(owner, _)| owner.clone()) else {
            (self.bytes, self.turns) = (0, 0);
            return;
        };
        let mut turns = self.owners.remove(&owner).unwrap_or_default();
        self.forget(turns.pop_front());
        if !turns.is_empty() {
            self.owners.insert(owner, turns);
        }
    }
}

impl Turn {
    fn bytes(&self) -> usize {
        self.turn.bytes()
    }

    fn is_over(&self, now: Instant, age: Duration) -> bool {
        now.duration_since(self.at) >= age
    }
}

fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

impl fmt::Debug for HiddenTurns {
    /// Shows sizes only: what was said is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (turns, bytes) = self.size();
        f.debug_struct("HiddenTurns")
            .field("turns", &turns)
            .field("bytes", &bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests;
