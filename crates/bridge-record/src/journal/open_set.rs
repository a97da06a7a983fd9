//! Which interceptions were started and have not ended.

use std::collections::BTreeSet;

use super::format::Kind;
use crate::InterceptionId;

/// Open interceptions. Bounded by what runs at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OpenSet(BTreeSet<InterceptionId>);

impl OpenSet {
    /// Exactly these are open.
    pub(super) fn of(open: &[InterceptionId]) -> Self {
        Self(open.iter().copied().collect())
    }

    /// A record was written.
    pub(super) fn note(&mut self, kind: Kind, interception: InterceptionId) {
        match kind {
            Kind::Starts => {
                self.0.insert(interception);
            }
            Kind::Ends => {
                self.0.remove(&interception);
            }
            Kind::Other => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn list(&self) -> Vec<InterceptionId> {
        self.0.iter().copied().collect()
    }
}
