//! Connections of callers, and what becomes of their requests before a provider is asked.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::Metrics;
use super::labels::{KindLabels, label_set};
use super::registrar::{Registrar, whole};
use crate::{Part, Parts};

/// Upper bounds of the parts of a request, in seconds. What the gateway adds is told in
/// microseconds, what providers take in minutes.
const PART_BUCKETS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 2.0, 15.0,
    60.0,
];

/// Whether traffic can flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Readiness {
    /// It cannot.
    NotReady,
    /// It does, and somebody should look.
    Degraded,
    /// It does.
    Ready,
}

pub(super) struct Requests {
    connections: Counter,
    connections_open: Gauge,
    connections_full: Counter,
    failures: Family<KindLabels, Counter>,
    running: Gauge,
    readiness: Gauge,
    parts: PartClocks,
}

label_set! {
    struct PartLabels {
        part: &'static str,
    }
}

/// A histogram for each part, so that nobody looks for one.
struct PartClocks([(Part, Histogram); Part::ALL.len()]);

fn part_histogram() -> Histogram {
    Histogram::new(PART_BUCKETS)
}

impl PartClocks {
    fn register(to: &mut Registrar) -> Self {
        let family: Family<PartLabels, Histogram, fn() -> Histogram> = to.add_with_unit(
            "request_part",
            "Where the time of answered requests goes; the parts of one are all of its time",
            Unit::Seconds,
            Family::new_with_constructor(part_histogram as fn() -> Histogram),
        );
        Self(Part::ALL.map(|part| {
            let part_name = part.as_str();
            (
                part,
                family.get_or_create_owned(&PartLabels { part: part_name }),
            )
        }))
    }
}

impl Requests {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            connections: to.add("connections", "Downstream connections accepted"),
            connections_open: to.add("connections_open", "Downstream connections open now"),
            connections_full: to.add(
                "connections_full",
                "Times that accepting waited because as many connections were open as may be",
            ),
            failures: to.add(
                "request_failures",
                "Requests the gateway itself answered with a failure",
            ),
            running: to.add("requests_running", "Requests that run"),
            readiness: to.add(
                "readiness",
                "Whether traffic can flow: 2 ready, 1 degraded, 0 not ready",
            ),
            parts: PartClocks::register(to),
        }
    }
}

impl Metrics {
    fn requests(&self) -> &Requests {
        &self.families().requests
    }

    /// A downstream connection was opened.
    pub fn connection_opened(&self) {
        self.requests().connections_open.inc();
        self.requests().connections.inc();
    }

    /// A downstream connection ended.
    pub fn connection_closed(&self) {
        self.requests().connections_open.dec();
    }

    /// Connections wait because as many are open as may be.
    pub fn connections_full(&self) {
        self.requests().connections_full.inc();
    }

    /// The gateway answered a request with an error of its own, of this kind.
    pub fn request_failed(&self, kind: &'static str) {
        self.requests()
            .failures
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    /// An answered request is over, and this is where its time went.
    pub fn request_timed(&self, parts: &Parts) {
        for (part, clock) in &self.requests().parts.0 {
            if let Some(time) = parts.of(*part) {
                clock.observe(time.as_secs_f64());
            }
        }
    }

    /// How many requests run.
    pub fn requests_running(&self, requests: usize) {
        let requests = whole(requests);
        self.requests().running.set(requests);
    }

    /// Whether traffic can flow.
    pub fn readiness(&self, readiness: Readiness) {
        self.requests().readiness.set(match readiness {
            Readiness::NotReady => 0,
            Readiness::Degraded => 1,
            Readiness::Ready => 2,
        });
    }
}
