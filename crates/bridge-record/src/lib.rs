//! What is remembered of an interception, and the seams through which records travel.

mod backoff;
mod batch;
mod delivery;
mod ids;
mod journal;
mod record;
mod recorder;
#[cfg(any(test, feature = "sample"))]
pub mod sample;

pub use backoff::Backoff;
pub use batch::{Batcher, BatcherConfig};
pub use ids::{InterceptionId, ParseIdError, RecordId};
pub use journal::{
    DamagedSegment, Durability, FaultKind, Journal, JournalConfig, JournalFile, JournalReader,
    JournalState, JournalStatus, OpenError, Recovery, Remains, ReplayError, Replayed,
    SegmentContent, SegmentFault,
};
pub use record::{
    Ended, ErrorType, Event, ModelThought, Outcome, PromptUsage, Record, Started, TokenUsage,
    ToolUsage,
};
pub use recorder::{DeliverError, RecordError, Recorder, Rejected, Sink};
