//! Names that come from outside become labels only as long as there is room.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::labels::{Name, label_set};
use super::registrar::Registrar;
use super::{LabelLimits, Metrics};

/// What all names share that have no label of their own.
const OTHER: &str = "other";

/// The first names up to a limit have their own label, the rest share `other`.
///
/// A name stays for as long as the process runs: a label that moved from one name to another would
/// make figures that belong to nobody.
pub(super) struct Bounded {
    known: Gauge,
    folded: Counter,
    limit: AtomicUsize,
    names: RwLock<HashSet<Arc<str>>>,
    other: Name,
}

impl Bounded {
    fn new(limit: usize, known: Gauge, folded: Counter) -> Self {
        Self {
            known,
            folded,
            limit: AtomicUsize::new(limit),
            names: RwLock::default(),
            other: Name::new(OTHER),
        }
    }

    /// The label that the rest share.
    pub(super) fn other(&self) -> Name {
        self.other.clone()
    }

    /// Whether no name has a label of its own, so that there is no need of the label.
    pub(super) fn is_off(&self) -> bool {
        self.limit.load(Ordering::Relaxed) == 0
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
            self.folded.inc();
            return found;
        }
        let mut names = self.names.write();
        // Somebody else may have been faster.
        if let Some(known) = names.get(name) {
            return Name::from(known);
        }
        if names.len() >= limit {
            self.folded.inc();
            return found;
        }
        let name: Arc<str> = Arc::from(name);
        names.insert(Arc::clone(&name));
        self.known.inc();
        Name::from(&name)
    }
}

label_set! {
    struct LabelLabels {
        label: &'static str,
    }
}

/// The labels whose values come from outside.
pub(super) struct Names {
    pub(super) models: Bounded,
    pub(super) users: Bounded,
    pub(super) tools: Bounded,
    pub(super) injected_tools: Bounded,
}

impl Names {
    pub(super) fn register(to: &mut Registrar) -> Self {
        let known: Family<LabelLabels, Gauge> = to.add(
            "label_names",
            "Names from outside that have a label of their own",
        );
        let folded: Family<LabelLabels, Counter> = to.add(
            "label_names_folded",
            "Times that a name was counted as other because there is no room for it",
        );
        let bounded = |label, limit| {
            let labels = LabelLabels { label };
            let known = known.get_or_create_owned(&labels);
            Bounded::new(limit, known, folded.get_or_create_owned(&labels))
        };
        let limits = LabelLimits::default();
        Self {
            models: bounded("model", limits.models),
            users: bounded("user", limits.users),
            tools: bounded("tool", limits.tools),
            injected_tools: bounded("injected_tool", limits.tools),
        }
    }
}

impl Metrics {
    pub(super) fn names(&self) -> &Names {
        &self.families().names
    }

    /// From now on this many names may have a label of their own. Those that have one keep it, but
    /// without any for users the label is left out.
    pub fn limit_labels(&self, limits: LabelLimits) {
        let LabelLimits {
            models,
            users,
            tools,
            combinations,
        } = limits;
        self.names().models.limit_to(models);
        self.names().users.limit_to(users);
        self.names().tools.limit_to(tools);
        self.names().injected_tools.limit_to(tools);
        self.limit_combinations(combinations);
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
        let (known, folded) = (Gauge::default(), Counter::default());
        let bounded = Bounded::new(2, known.clone(), folded.clone());
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
        assert!(bounded.is_off());
        assert_eq!((known.get(), folded.get()), (3, 2));
    }
}
