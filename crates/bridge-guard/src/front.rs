//! The limits at the front door: how many are inside, of one caller and in all, and how fast one
//! caller comes.

mod callers;
mod rate;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use self::callers::Callers;

/// Stands for a caller. Two callers with one key share their limits, so it should be a keyed hash
/// of what they presented, which also keeps credentials out of here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallerKey(pub u64);

/// How many may come in. They are given with each request, so a change holds from the next one on,
/// and whoever is inside stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontLimits {
    /// How many requests may be inside. Default: any number.
    pub concurrency: Option<usize>,
    /// How many of them may be one caller's. Default: any number. Requests that came in while all
    /// limits for callers were off are not counted.
    pub caller_concurrency: Option<usize>,
    /// How many requests one caller may make in a second, on average. Default: any number.
    ///
    /// It is a sliding window: of the second before the current one, that part counts which is less
    /// than a second ago. A caller who keeps quiet and then comes with a burst gets all of them at
    /// once. Requests that are refused do not count.
    pub caller_rate: Option<u32>,
    /// How many callers are kept apart, at least 1. Default 100,000, which is about 8 MB. When there
    /// are more, the longest known of those who have nothing inside is forgotten.
    pub callers: usize,
}

impl Default for FrontLimits {
    fn default() -> Self {
        Self {
            concurrency: None,
            caller_concurrency: None,
            caller_rate: None,
            callers: 100_000,
        }
    }
}

impl FrontLimits {
    fn tells_callers_apart(&self) -> bool {
        self.caller_concurrency.is_some() || self.caller_rate.is_some()
    }
}

/// Why a request may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrontRefusal {
    /// As many requests are inside as may be.
    #[error("{limit} requests are running, which is as many as may be")]
    Full {
        /// The limit.
        limit: usize,
    },
    /// As many callers have requests inside as can be kept apart.
    #[error("{limit} callers have requests running, which is as many as are kept apart")]
    TooManyCallers {
        /// The limit.
        limit: usize,
    },
    /// As many requests of this caller are inside as may be.
    #[error("{limit} requests of the caller are running, which is as many as may be")]
    CallerBusy {
        /// The limit.
        limit: usize,
    },
    /// The caller came as often within a second as they may.
    #[error("the caller came {limit} times within a second, which is as often as they may")]
    TooFast {
        /// The limit.
        limit: u32,
    },
}

impl FrontRefusal {
    /// A closed name of the limit that was reached, for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full { .. } => "concurrency",
            Self::TooManyCallers { .. } => "callers",
            Self::CallerBusy { .. } => "caller_concurrency",
            Self::TooFast { .. } => "caller_rate",
        }
    }
}

/// Counts who is inside. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Front(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    inside: AtomicUsize,
    callers: Mutex<Callers>,
}

/// The place of a request that is inside. Dropping it lets another one in, whoever drops it and
/// whenever.
#[derive(Debug)]
#[must_use = "who does not keep the place is not inside"]
pub struct FrontPlace {
    front: Front,
    /// Whose it is, if callers were told apart when it was taken.
    caller: Option<CallerKey>,
}

impl Front {
    /// Takes a place. The caller's key is asked for only when there is a limit that needs it.
    ///
    /// Costs one atomic step when nothing is limited for callers, and one short lock when something
    /// is; the same again when the place is dropped.
    ///
    /// # Errors
    /// When a limit is reached: that of all requests is looked at first, then how many of the
    /// caller's are inside, then how fast they come. Nothing is counted then.
    pub fn enter(
        &self,
        caller: impl FnOnce() -> CallerKey,
        limits: &FrontLimits,
        now: Instant,
    ) -> Result<FrontPlace, FrontRefusal> {
        self.count_in(limits.concurrency)?;
        // From here on the place counts, and is given back if the caller has no right to it.
        let mut place = FrontPlace {
            front: self.clone(),
            caller: None,
        };
        if limits.tells_callers_apart() {
            let caller = caller();
            self.0.callers.lock().enter(caller, limits, now)?;
            place.caller = Some(caller);
        }
        Ok(place)
    }

    /// How many are inside.
    #[must_use]
    pub fn inside(&self) -> usize {
        self.0.inside.load(Ordering::Relaxed)
    }

    /// How many callers are kept apart now.
    #[must_use]
    pub fn callers(&self) -> usize {
        self.0.callers.lock().count()
    }

    /// Never more than the limit, not even for a moment: nobody else is refused for one who is
    /// refused themselves.
    fn count_in(&self, limit: Option<usize>) -> Result<(), FrontRefusal> {
        let one_more = |inside: usize| match limit {
            Some(limit) if inside >= limit => None,
            Some(_) | None => Some(inside + 1),
        };
        let counted = self
            .0
            .inside
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        match (counted, limit) {
            (Err(_), Some(limit)) => Err(FrontRefusal::Full { limit }),
            (Ok(_), _) | (Err(_), None) => Ok(()),
        }
    }
}

impl Drop for FrontPlace {
    fn drop(&mut self) {
        let inner = &self.front.0;
        inner.inside.fetch_sub(1, Ordering::Relaxed);
        if let Some(caller) = self.caller {
            inner.callers.lock().leave(caller);
        }
    }
}

#[cfg(test)]
mod tests;
