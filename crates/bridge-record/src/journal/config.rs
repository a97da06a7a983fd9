//! Settings of the journal.

use std::time::Duration;

use crate::BatcherConfig;

/// What happens to new work while records cannot be made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It is refused.
    #[default]
    Strict,
    /// It is served. Its records wait in memory, and those that find no place there are counted
    /// and not kept.
    Relaxed,
}

impl Durability {
    /// The word for it in settings and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Relaxed => "relaxed",
        }
    }
}

/// Settings of a [`Journal`](super::Journal).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalConfig {
    /// What happens to new work while records cannot be made safe. Default strict.
    pub durability: Durability,
    /// How many bytes all segments may hold together; an eighth of them is reserved for what was
    /// started before. Default 1 GiB.
    pub max_bytes: u64,
    /// How large a segment grows, between 4 KiB and a sixteenth of `max_bytes`; what is outside is
    /// brought in. Default 16 MiB.
    pub segment_bytes: u64,
    /// How much may wait in memory, and how records are put into batches for the sink.
    pub delivery: BatcherConfig,
    /// How long after the beginning of a sync that several waited for the next may begin: what
    /// comes meanwhile shares it. Default 1 ms.
    pub group_interval: Duration,
    /// How long a record that nobody waits for may stay unwritten. Default 20 ms.
    pub group_patience: Duration,
    /// How long somebody waits for a disk that does not answer before it counts as failing.
    /// Default 10 s.
    pub disk_patience: Duration,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            max_bytes: 1 << 30,
            segment_bytes: 16 << 20,
            delivery: BatcherConfig::default(),
            group_interval: Duration::from_millis(1),
            group_patience: Duration::from_millis(20),
            disk_patience: Duration::from_secs(10),
        }
    }
}

/// A segment holds at least a few records.
const SMALLEST_SEGMENT: u64 = 4 << 10;
/// Space is given back by whole segments, so that a full journal needs several.
const FEWEST_SEGMENTS: u64 = 16;
/// What is kept for interceptions that were started before the journal was full.
const RESERVE: u64 = 8;

impl JournalConfig {
    /// How large a segment grows.
    pub(super) fn segment_limit(&self) -> u64 {
        let most = (self.max_bytes / FEWEST_SEGMENTS).max(SMALLEST_SEGMENT);
        self.segment_bytes.clamp(SMALLEST_SEGMENT, most)
    }

    /// From how many bytes on nothing new is started.
    pub(super) const fn start_limit(&self) -> u64 {
        self.max_bytes - self.max_bytes / RESERVE
    }
}
