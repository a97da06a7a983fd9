//! What is known of callers: how many of their requests are inside, and how fast they come.
//! Bounded: whoever has nothing inside can be forgotten.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::rate::RateWindow;
use super::{CallerKey, FrontLimits, FrontRefusal};

/// How many of the longest known are looked at for each newcomer, so that those with nothing to
/// remember leave by themselves. Two for one: the list shrinks when it has grown in vain.
const TIDIED: usize = 2;

/// How many are looked at to make room for a newcomer. What this costs is bounded, and the next
/// newcomer looks at others.
const LOOKED_AT: usize = 64;

/// Who has come lately.
#[derive(Debug, Default)]
pub(super) struct Callers {
    known: HashMap<CallerKey, Caller>,
    /// Each of them once, those first who have been known or looked at the longest ago.
    order: VecDeque<CallerKey>,
}

#[derive(Debug, Default)]
struct Caller {
    inside: usize,
    window: RateWindow,
}

impl Callers {
    /// Counts a request in.
    pub(super) fn enter(
        &mut self,
        key: CallerKey,
        limits: &FrontLimits,
        now: Instant,
    ) -> Result<(), FrontRefusal> {
        if !self.known.contains_key(&key) {
            self.make_room(limits.callers.max(1), now)?;
            self.order.push_back(key);
        }
        let caller = self.known.entry(key).or_default();
        if let Some(limit) = limits.caller_concurrency
            && caller.inside >= limit
        {
            return Err(FrontRefusal::CallerBusy { limit });
        }
        if let Some(limit) = limits.caller_rate {
            if !caller.window.admits(limit, now) {
                return Err(FrontRefusal::TooFast { limit });
            }
            caller.window.count();
        }
        caller.inside += 1;
        Ok(())
    }

    /// Counts a request out.
    pub(super) fn leave(&mut self, key: CallerKey) {
        // Nobody is forgotten while they have something inside.
        if let Some(caller) = self.known.get_mut(&key) {
            caller.inside = caller.inside.saturating_sub(1);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    /// Room for one more.
    fn make_room(&mut self, capacity: usize, now: Instant) -> Result<(), FrontRefusal> {
        for _ in 0..TIDIED {
            self.look_at_oldest(|caller| caller.is_idle(now));
        }
        for _ in 0..LOOKED_AT {
            if self.known.len() < capacity {
                return Ok(());
            }
            self.look_at_oldest(|caller| caller.inside == 0);
        }
        match self.known.len() < capacity {
            true => Ok(()),
            false => Err(FrontRefusal::TooManyCallers { limit: capacity }),
        }
    }

    /// Forgets the longest known caller if they may go, or puts them behind all others.
    fn look_at_oldest(&mut self, may_go: impl FnOnce(&Caller) -> bool) {
        let Some(key) = self.order.pop_front() else {
            return;
        };
        if self.known.get(&key).is_none_or(may_go) {
            self.known.remove(&key);
        } else {
            self.order.push_back(key);
        }
    }
}

impl Caller {
    /// Nothing of theirs counts any more.
    fn is_idle(&self, now: Instant) -> bool {
        self.inside == 0 && self.window.is_over(now)
    }
}
