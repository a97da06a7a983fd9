//! Names that come from outside become labels only as long as there is room.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::labels::Name;

/// What all names share that have no label of their own.
const OTHER: &str = "other";

/// The first names up to a limit have their own label, the rest share `other`.
///
/// A name stays for as long as the process runs: a label that moved from one name to another would
/// make figures that belong to nobody.
pub(super) struct Bounded {
    limit: AtomicUsize,
    names: RwLock<HashSet<Arc<str>>>,
    other: Name,
}

impl Bounded {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: AtomicUsize::new(limit),
            names: RwLock::default(),
            other: Name::new(OTHER),
        }
    }

    /// How many names may have their own label from now on. Those that have one keep it.
    pub(super) fn limit_to(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// The label of a name, if it has one of its own, or the one that the rest share.
    pub(super) fn find(&self, name: &str) -> Name {
        let names = self.names.read();
        names
            .get(name)
            .map_or_else(|| self.other.clone(), Name::from)
    }

    /// The same, and a name that has no label yet gets one while there is room. An empty name never
    /// does.
    pub(super) fn admit(&self, name: &str) -> Name {
        let found = self.find(name);
        if found != self.other || name.is_empty() || name == OTHER {
            return found;
        }
        let limit = self.limit.load(Ordering::Relaxed);
        if self.names.read().len() >= limit {
            return found;
        }
        let mut names = self.names.write();
        // Somebody else may have been faster.
        if let Some(known) = names.get(name) {
            return Name::from(known);
        }
        if names.len() >= limit {
            return found;
        }
        let name: Arc<str> = Arc::from(name);
        names.insert(Arc::clone(&name));
        Name::from(&name)
    }
}

impl fmt::Debug for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded")
            .field("limit", &self.limit)
            .field("names", &self.names.read().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_share_a_label() {
        let bounded = Bounded::new(2);
        assert_eq!(bounded.find("a"), Name::new("other"));
        assert_eq!(bounded.admit("a"), Name::new("a"));
        assert_eq!(bounded.admit(""), Name::new("other"));
        assert_eq!(bounded.admit("other"), Name::new("other"));
        assert_eq!(bounded.admit("b"), Name::new("b"));
        assert_eq!(bounded.admit("c"), Name::new("other"));
        assert_eq!(bounded.admit("a"), Name::new("a"));
        bounded.limit_to(3);
        assert_eq!(bounded.admit("c"), Name::new("c"));
        bounded.limit_to(0);
        assert_eq!(bounded.find("c"), Name::new("c"));
        assert_eq!(bounded.admit("d"), Name::new("other"));
    }
}
