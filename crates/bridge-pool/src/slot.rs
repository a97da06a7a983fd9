//! What stands under each key. Everything here happens under the pool's one lock.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use crate::flight::Flight;
use crate::recency::{Place, Recency};
use crate::{Eviction, Generation, PoolConfig, PoolStats};

/// The slots of one pool.
pub(crate) struct Slots<K, H, E> {
    config: PoolConfig,
    slots: HashMap<K, Slot<H, E>>,
    /// The keys of handlers that are ready.
    recency: Recency<K>,
    is_closed: bool,
    stats: PoolStats,
}

enum Slot<H, E> {
    Ready(Ready<H>),
    Building {
        flight: Arc<Flight<H, E>>,
        /// How many callers build or wait. The last one to go away takes the slot with it.
        callers: usize,
    },
}

struct Ready<H> {
    handler: Arc<H>,
    built: Instant,
    used: Instant,
    place: Place,
}

/// What a caller finds.
pub(crate) enum Found<H, E> {
    Closed,
    Ready(Arc<H>),
    /// A build, and whether somebody else has begun it.
    Flight(Arc<Flight<H, E>>, Manner),
}

/// How a caller comes to a build.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Began,
    Joined,
}

/// Handlers that were taken out. They are dropped after the lock was let go, because nobody knows
/// what their drop does.
pub(crate) type Retired<H> = Vec<(Arc<H>, Eviction)>;

impl<K: Eq + Hash + Clone, H, E> Slots<K, H, E> {
    pub(crate) fn new(config: PoolConfig) -> Self {
        Self {
            config,
            slots: HashMap::new(),
            recency: Recency::default(),
            is_closed: false,
            stats: PoolStats::new(),
        }
    }

    /// The handler, or a build to wait for. The caller of a build must `leave` or `land`.
    pub(crate) fn find(&mut self, key: &K, now: Instant, retired: &mut Retired<H>) -> Found<H, E> {
        if self.is_closed {
            return Found::Closed;
        }
        let worn = match self.slots.get_mut(key) {
            Some(Slot::Ready(ready)) => match self.config.worn(ready.built, ready.used, now) {
                Some(reason) => Some(reason),
                None => {
                    ready.used = ready.used.max(now);
                    self.recency.touch(&ready.place);
                    self.stats.hits += 1;
                    return Found::Ready(Arc::clone(&ready.handler));
                }
            },
            Some(Slot::Building { flight, callers }) => {
                *callers += 1;
                self.stats.joined += 1;
                return Found::Flight(Arc::clone(flight), Manner::Joined);
            }
            None => None,
        };
        if let Some(reason) = worn {
            self.retire(key, reason, retired);
        }
        let flight = Arc::new(Flight::new(self.stats.generation));
        let slot = Slot::Building {
            flight: Arc::clone(&flight),
            callers: 1,
        };
        self.slots.insert(key.clone(), slot);
        Found::Flight(flight, Manner::Began)
    }

    /// Whether a build of this generation would be kept.
    pub(crate) fn is_current(&self, generation: Generation) -> bool {
        !self.is_closed && generation == self.stats.generation
    }

    /// A caller of a build goes away without an outcome.
    pub(crate) fn leave(&mut self, key: &K, flight: &Arc<Flight<H, E>>, was_building: bool) {
        self.stats.abandoned += u64::from(was_building);
        let Some(callers) = self.callers_of(key, flight) else {
            return;
        };
        *callers -= 1;
        if *callers == 0 {
            self.slots.remove(key);
        }
    }

    /// A build has ended. Its handler is kept if nothing speaks against it.
    pub(crate) fn land(
        &mut self,
        key: &K,
        flight: &Arc<Flight<H, E>>,
        handler: Option<&Arc<H>>,
        now: Instant,
        retired: &mut Retired<H>,
    ) {
        let is_expected = self.callers_of(key, flight).is_some();
        if is_expected {
            self.slots.remove(key);
        }
        let Some(handler) = handler else {
            self.stats.failed += 1;
            return;
        };
        self.stats.built += 1;
        if !is_expected || !self.config.keeps_any() {
            self.stats.unkept += 1;
            return;
        }
        let ready = Ready {
            handler: Arc::clone(handler),
            built: now,
            used: now,
            place: self.recency.insert(key.clone()),
        };
        self.slots.insert(key.clone(), Slot::Ready(ready));
        while self.recency.len() > self.config.capacity {
            let Some(oldest) = self.recency.oldest().cloned() else {
                break;
            };
            self.retire(&oldest, Eviction::CrowdedOut, retired);
        }
    }

    /// Takes out what is worn.
    pub(crate) fn sweep(&mut self, now: Instant) -> Retired<H> {
        let mut worn = Vec::new();
        for (key, slot) in &self.slots {
            if let Slot::Ready(ready) = slot
                && let Some(reason) = self.config.worn(ready.built, ready.used, now)
            {
                worn.push((key.clone(), reason));
            }
        }
        let mut retired = Vec::with_capacity(worn.len());
        for (key, reason) in worn {
            self.retire(&key, reason, &mut retired);
        }
        retired
    }

    /// Begins a new generation, with this configuration if one is given, unless the pool is closed.
    pub(crate) fn advance(&mut self, config: Option<PoolConfig>) -> (Generation, Retired<H>) {
        if self.is_closed {
            return (self.stats.generation, Vec::new());
        }
        if let Some(config) = config {
            self.config = config;
        }
        self.stats.generation = self.stats.generation.next();
        (self.stats.generation, self.clear(Eviction::Superseded))
    }

    pub(crate) fn close(&mut self) -> Retired<H> {
        self.is_closed = true;
        self.clear(Eviction::Closed)
    }

    pub(crate) fn config(&self) -> &PoolConfig {
        &self.config
    }

    pub(crate) fn stats(&self) -> PoolStats {
        PoolStats {
            handlers: self.recency.len(),
            building: self.slots.len() - self.recency.len(),
            ..self.stats
        }
    }

    /// Takes everything out. Builds go on for those who wait, but nobody joins them any more.
    fn clear(&mut self, reason: Eviction) -> Retired<H> {
        self.recency = Recency::default();
        let slots = std::mem::take(&mut self.slots);
        let ready = slots.into_values().filter_map(|slot| match slot {
            Slot::Ready(ready) => Some((ready.handler, reason)),
            Slot::Building { .. } => None,
        });
        let retired: Retired<H> = ready.collect();
        for _ in &retired {
            self.stats.evicted(reason);
        }
        retired
    }

    fn retire(&mut self, key: &K, reason: Eviction, retired: &mut Retired<H>) {
        if let Some(Slot::Ready(ready)) = self.slots.remove(key) {
            self.recency.remove(ready.place);
            self.stats.evicted(reason);
            retired.push((ready.handler, reason));
        }
    }

    /// The callers of this build, if it is still the one that stands under the key.
    fn callers_of(&mut self, key: &K, wanted: &Arc<Flight<H, E>>) -> Option<&mut usize> {
        match self.slots.get_mut(key)? {
            Slot::Building { flight, callers } if Arc::ptr_eq(flight, wanted) => Some(callers),
            Slot::Building { .. } | Slot::Ready(_) => None,
        }
    }
}
