//! How many servers are listened to at once, of all identities: each takes a connection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The places for those who are listened to. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Places(Arc<Inner>);

struct Inner {
    most: usize,
    taken: AtomicUsize,
}

/// One of them. Dropping it makes room.
pub(super) struct Place(Places);

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            taken: AtomicUsize::new(0),
        }))
    }

    /// One of them, if there is one.
    pub(super) fn take(&self) -> Option<Place> {
        let add = |taken: usize| (taken < self.0.most).then_some(taken + 1);
        let order = Ordering::SeqCst;
        self.0.taken.fetch_update(order, order, add).ok()?;
        Some(Place(self.clone()))
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.taken.load(Ordering::SeqCst)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.taken.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Places({} of {})", self.taken(), self.0.most)
    }
}
