//! Whether the journal can do what it is for.

use std::sync::Arc;
use std::time::SystemTime;

/// Whether records can be made safe now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalState {
    /// They can.
    Healthy,
    /// The journal holds as much as it may, because the sink does not take it.
    Full {
        /// Bytes of all segments.
        used_bytes: u64,
        /// How many there may be.
        max_bytes: u64,
    },
    /// The disk refuses.
    Failing {
        /// Since when.
        since: SystemTime,
        /// What it says.
        reason: Arc<str>,
    },
}

impl JournalState {
    /// The word for it in reports and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Full { .. } => "full",
            Self::Failing { .. } => "failing",
        }
    }
}

/// Everything an operator may want to know of a running journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalStatus {
    /// Whether records can be made safe now.
    pub state: JournalState,
    /// Segments with records that are not acknowledged, or not given back yet.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Records that are not acknowledged.
    pub unacknowledged: u64,
    /// When the oldest of them may have been made, in milliseconds since 1970.
    pub oldest: Option<u64>,
    /// Segments that turned out to be damaged or missing since the start.
    pub damaged: usize,
}
