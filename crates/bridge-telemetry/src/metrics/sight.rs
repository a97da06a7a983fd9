//! What those who watch lost: lines, spans and dumps.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::Metrics;
use super::labels::KindLabels;
use super::registrar::Registrar;
use crate::LogLosses;

pub(super) struct Sight {
    log_lines_dropped: Counter,
    log_lines_suppressed: Counter,
    spans_exported: Counter,
    spans_dropped: Family<KindLabels, Counter>,
    dumps: Family<KindLabels, Counter>,
}

impl Sight {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            log_lines_dropped: to.add(
                "log_lines_dropped",
                "Lines of the log that were lost because whoever writes them was too slow",
            ),
            log_lines_suppressed: to.add(
                "log_lines_suppressed",
                "Lines of the log at warning and above that one place of the code said too often",
            ),
            spans_exported: to.add("trace_spans_exported", "Spans that the collector took"),
            spans_dropped: to.add("trace_spans_dropped", "Spans that were lost, by reason"),
            dumps: to.add(
                "dumps",
                "Dumps of exchanges with providers, by what became of them",
            ),
        }
    }
}

impl Metrics {
    fn sight(&self) -> &Sight {
        &self.families().sight
    }

    /// Brings what the log lost up to date. The log is there before the metrics are, and counts
    /// for itself. Of two scrapes at once the later figure stays: a counter never goes back.
    pub fn log_losses(&self, losses: &LogLosses) {
        let (sight, order) = (self.sight(), Ordering::Relaxed);
        sight
            .log_lines_dropped
            .inner()
            .fetch_max(losses.dropped(), order);
        sight
            .log_lines_suppressed
            .inner()
            .fetch_max(losses.suppressed(), order);
    }

    /// The collector took this many spans.
    pub fn spans_exported(&self, spans: u64) {
        self.sight().spans_exported.inc_by(spans);
    }

    /// This many spans were lost for this reason.
    pub fn spans_dropped(&self, reason: &'static str, spans: u64) {
        self.sight()
            .spans_dropped
            .get_or_create(&KindLabels { kind: reason })
            .inc_by(spans);
    }

    /// This became of a dump: it was written, or it was not, and why.
    pub fn dumped(&self, how: &'static str) {
        self.sight()
            .dumps
            .get_or_create(&KindLabels { kind: how })
            .inc();
    }
}
