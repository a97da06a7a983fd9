//! Puts a new family into the registry and hands it out.

use std::fmt;
use std::time::UNIX_EPOCH;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::listed::{Listed, ListedFamily};
use crate::wall_clock;

/// Where each subject registers its families.
pub(super) struct Registrar<'a>(pub(super) &'a mut Registry);

impl Registrar<'_> {
    pub(super) fn add<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }

    /// A family that is made in another way than by default.
    pub(super) fn add_made<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }

    /// A list of gauges that is replaced as a whole.
    pub(super) fn list<L>(&mut self, name: &'static str, help: &'static str) -> Listed<L>
    where
        L: EncodeLabelSet + fmt::Debug + Send + Sync + 'static,
    {
        let list = Listed::default();
        let family = ListedFamily {
            name,
            help,
            list: list.clone(),
        };
        self.0.register_collector(Box::new(family));
        list
    }

    pub(super) fn add_with_unit<M: Metric + Clone>(
        &mut self,
        name: &str,
        help: &str,
        unit: Unit,
        metric: M,
    ) -> M {
        self.0.register_with_unit(name, help, unit, metric.clone());
        metric
    }
}

/// The time of day in whole seconds since 1970.
pub(super) fn now() -> i64 {
    let since = wall_clock().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
