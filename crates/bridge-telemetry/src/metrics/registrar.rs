//! Puts a new family into the registry and hands it out.

use std::fmt;
use std::time::UNIX_EPOCH;

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::catalogue::{Described, PREFIX, Shape, described};
use super::labels::Labelled;
use super::listed::{Listed, ListedFamily};
use crate::wall_clock;

/// Where each subject registers its families.
pub(super) struct Registrar {
    pub(super) registry: Registry,
    /// What was registered, in its order.
    pub(super) catalogue: Vec<Described>,
}

impl Default for Registrar {
    fn default() -> Self {
        Self {
            registry: Registry::with_prefix(PREFIX),
            catalogue: Vec::new(),
        }
    }
}

impl Registrar {
    pub(super) fn add<M>(&mut self, name: &str, help: &'static str) -> M
    where
        M: Metric + Shape + Clone + Default,
    {
        self.add_made(name, help, M::default())
    }

    /// A family that is made in another way than by default.
    pub(super) fn add_made<M>(&mut self, name: &str, help: &'static str, metric: M) -> M
    where
        M: Metric + Shape + Clone,
    {
        self.note(name, M::KIND, M::labels(), help);
        self.registry.register(name, help, metric.clone());
        metric
    }

    pub(super) fn add_with_unit<M>(
        &mut self,
        name: &str,
        help: &'static str,
        unit: Unit,
        metric: M,
    ) -> M
    where
        M: Metric + Shape + Clone,
    {
        let whole = format!("{name}_{}", unit.as_str());
        self.note(&whole, M::KIND, M::labels(), help);
        self.registry
            .register_with_unit(name, help, unit, metric.clone());
        metric
    }

    /// A list of gauges that is replaced as a whole.
    pub(super) fn list<L>(&mut self, name: &'static str, help: &'static str) -> Listed<L>
    where
        L: Labelled + fmt::Debug + Send + Sync + 'static,
    {
        self.note(name, MetricType::Gauge, L::names(), help);
        let list = Listed::default();
        let family = ListedFamily {
            name,
            help,
            list: list.clone(),
        };
        self.registry.register_collector(Box::new(family));
        list
    }

    fn note(
        &mut self,
        name: &str,
        kind: MetricType,
        labels: Vec<&'static str>,
        help: &'static str,
    ) {
        self.catalogue.push(described(name, kind, labels, help));
    }
}

/// A figure as a gauge holds it. One that is larger than any gauge holds is shown as the largest.
pub(super) fn whole(figure: impl TryInto<i64>) -> i64 {
    figure.try_into().unwrap_or(i64::MAX)
}

/// The time of day in whole seconds since 1970.
pub(super) fn now() -> i64 {
    let since = wall_clock().duration_since(UNIX_EPOCH).unwrap_or_default();
    whole(since.as_secs())
}
