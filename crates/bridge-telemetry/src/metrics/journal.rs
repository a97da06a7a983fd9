//! The journal on the disk.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Unit;

use super::Metrics;
use super::registrar::{Registrar, whole};

/// How a journal is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JournalFigures {
    /// Bytes of all segments.
    pub bytes: u64,
    /// How many segments there are.
    pub segments: usize,
    /// When the oldest record was made that is not acknowledged, in milliseconds since 1970.
    pub oldest_millis: Option<u64>,
    /// Whether it holds as much as it may.
    pub is_full: bool,
    /// Whether the disk refuses.
    pub is_failing: bool,
}

pub(super) struct Journal {
    bytes: Gauge,
    segments: Gauge,
    oldest: Gauge,
    full: Gauge,
    failing: Gauge,
    syncs: Counter,
    failures: Counter,
    damaged: Counter,
}

impl Journal {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            bytes: to.add_with_unit(
                "journal",
                "Segments of the journal on the disk",
                Unit::Bytes,
                Gauge::default(),
            ),
            segments: to.add("journal_segments", "Segments of the journal"),
            oldest: to.add(
                "journal_oldest_timestamp_seconds",
                "When the oldest record was made that is not acknowledged; 0 when all are",
            ),
            full: to.add(
                "journal_full",
                "Whether the journal holds as much as it may",
            ),
            failing: to.add("journal_failing", "Whether the journal's disk refuses"),
            syncs: to.add("journal_syncs", "Groups of records that were synced"),
            failures: to.add("journal_failures", "Groups of records the disk refused"),
            damaged: to.add(
                "journal_damaged_segments",
                "Segments of the journal found damaged or missing",
            ),
        }
    }
}

impl Metrics {
    /// How the journal is now.
    pub fn journal(&self, figures: JournalFigures) {
        let families = &self.families().journal;
        families.bytes.set(whole(figures.bytes));
        families.segments.set(whole(figures.segments));
        let oldest = figures.oldest_millis.unwrap_or(0) / 1_000;
        families.oldest.set(whole(oldest));
        families.full.set(i64::from(figures.is_full));
        families.failing.set(i64::from(figures.is_failing));
    }

    /// A group of records is on the disk.
    pub fn journal_synced(&self) {
        self.families().journal.syncs.inc();
    }

    /// The disk refused a group of records.
    pub fn journal_failed(&self) {
        self.families().journal.failures.inc();
    }

    /// This many more segments of the journal are damaged or missing.
    pub fn journal_damaged(&self, segments: u64) {
        self.families().journal.damaged.inc_by(segments);
    }
}
