//! What an operator may learn of a pool.

use crate::Generation;

/// Is told what happens, after it happened and outside of the pool's lock.
///
/// It is called by the one whom the event concerns, so it should be quick. Calls of several
/// threads may come in another order than the events.
pub trait PoolObserver: Send + Sync {
    /// A handler was ready.
    fn hit(&self) {}
    /// A caller waits for somebody else's build.
    fn joined(&self) {}
    /// A handler was built.
    fn built(&self) {}
    /// A handler is no longer handed out. Leases go on.
    fn evicted(&self, _reason: Eviction) {}
    /// A caller got no handler.
    fn refused(&self, _reason: Refusal) {}
}

/// Why a handler is no longer handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Eviction {
    /// It made room for a newer one.
    CrowdedOut,
    /// It reached its time to live.
    Aged,
    /// Nobody asked for it for long enough.
    Idle,
    /// A new generation began.
    Superseded,
    /// The pool was closed.
    Closed,
}

/// Why a caller got no handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The build failed.
    Failed,
    /// The pool is closed.
    Closed,
}

/// Numbers for the operator. All but the first three only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStats {
    /// The current generation.
    pub generation: Generation,
    /// Handlers that are kept.
    pub handlers: usize,
    /// Builds that new callers would join.
    pub building: usize,
    /// Acquisitions that found a handler.
    pub hits: u64,
    /// Acquisitions that waited for somebody else's build.
    pub joined: u64,
    /// Handlers built.
    pub built: u64,
    /// Builds that failed.
    pub failed: u64,
    /// Handlers that were built and served but not kept: a new generation had begun, the pool was
    /// closed, or it keeps none.
    pub unkept: u64,
    /// Builds whose caller went away or panicked.
    pub abandoned: u64,
    /// Handlers that made room for newer ones.
    pub crowded_out: u64,
    /// Handlers that reached their time to live.
    pub aged: u64,
    /// Handlers that nobody asked for.
    pub idle: u64,
    /// Handlers of older generations.
    pub superseded: u64,
}

impl PoolStats {
    pub(crate) fn new() -> Self {
        Self {
            generation: Generation::FIRST,
            handlers: 0,
            building: 0,
            hits: 0,
            joined: 0,
            built: 0,
            failed: 0,
            unkept: 0,
            abandoned: 0,
            crowded_out: 0,
            aged: 0,
            idle: 0,
            superseded: 0,
        }
    }

    pub(crate) fn evicted(&mut self, reason: Eviction) {
        match reason {
            Eviction::CrowdedOut => self.crowded_out += 1,
            Eviction::Aged => self.aged += 1,
            Eviction::Idle => self.idle += 1,
            Eviction::Superseded => self.superseded += 1,
            Eviction::Closed => {}
        }
    }
}
