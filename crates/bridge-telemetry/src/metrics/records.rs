//! Records on their way to the control plane.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Unit;

use super::Metrics;
use super::registrar::{Registrar, whole};

pub(super) struct Records {
    waiting: Gauge,
    waiting_bytes: Gauge,
    delivered: Counter,
    refused: Counter,
    delivery_failures: Counter,
    not_kept: Counter,
}

impl Records {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            waiting: to.add("records_waiting", "Records not yet delivered"),
            waiting_bytes: to.add_with_unit(
                "records_waiting",
                "Records not yet delivered, in memory",
                Unit::Bytes,
                Gauge::default(),
            ),
            delivered: to.add("records_delivered", "Records the control plane keeps"),
            refused: to.add("records_refused", "Records the control plane will not take"),
            delivery_failures: to.add("delivery_failures", "Batches that must be delivered again"),
            not_kept: to.add("records_not_kept", "Records there was no room for"),
        }
    }
}

impl Metrics {
    fn records(&self) -> &Records {
        &self.families().records
    }

    /// How much waits to be delivered to the control plane.
    pub fn records_waiting(&self, records: usize, bytes: usize) {
        let families = self.records();
        families.waiting.set(whole(records));
        families.waiting_bytes.set(whole(bytes));
    }

    /// The control plane keeps these records now, except the refused ones.
    pub fn records_delivered(&self, delivered: u64, refused: u64) {
        self.records().delivered.inc_by(delivered);
        self.records().refused.inc_by(refused);
    }

    /// A batch was not kept and will be delivered again.
    pub fn delivery_failed(&self) {
        self.records().delivery_failures.inc();
    }

    /// There was no room for this many records, which are gone.
    pub fn records_not_kept(&self, records: u64) {
        self.records().not_kept.inc_by(records);
    }
}
