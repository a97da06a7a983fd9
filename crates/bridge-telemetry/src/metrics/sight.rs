//! What those who watch lost: lines, spans and dumps.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::Metrics;
use super::labels::KindLabels;
use super::registrar::Registrar;

pub(super) struct Sight {
    log_lines_dropped: Counter,
    spans_exported: Counter,
    spans_dropped: Family<KindLabels, Counter>,
    dumps: Family<KindLabels, Counter>,
}

impl Sight {
    pub(super) fn register(to: &mut Registrar<'_>) -> Self {
        Self {
            log_lines_dropped: to.add(
                "log_lines_dropped",
                "Lines of the log that were lost because whoever writes them was too slow",
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

    /// This many lines of the log were lost.
    pub fn log_lines_dropped(&self, lines: u64) {
        self.sight().log_lines_dropped.inc_by(lines);
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
