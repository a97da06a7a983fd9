//! The two seams of recording: the engine speaks to a [`Recorder`], which hands batches to a
//! [`Sink`].

use std::error::Error;

use async_trait::async_trait;

use crate::{Record, RecordId};

/// Takes the records of interceptions.
#[async_trait]
pub trait Recorder: Send + Sync {
    /// Takes the first record of an interception. Once this has answered, the request may leave
    /// for the provider, and the recorder takes whatever follows of the same interception.
    ///
    /// Dropping the future may or may not leave the record taken.
    ///
    /// # Errors
    /// When nothing can be recorded now. The request must be refused.
    async fn start(&self, started: Record) -> Result<(), RecordError>;

    /// Takes a later record of an interception that was started. Never waits and never refuses,
    /// so that it can be called when a body is dropped.
    fn record(&self, record: Record);

    /// Waits until everything that was taken so far is as safe as this recorder makes it, or until
    /// it is known that it cannot be: that is reported elsewhere, because an answer which has been
    /// paid for is not withheld. Dropping the future changes nothing.
    async fn settle(&self);
}

/// Why an interception cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// More is waiting to be kept than may wait.
    #[error("{waiting_bytes} bytes of records are waiting, at most {limit_bytes} may")]
    Full {
        /// How much is waiting.
        waiting_bytes: usize,
        /// How much may.
        limit_bytes: usize,
    },
    /// The disk does not keep what is written.
    #[error("records cannot be made safe: {reason}")]
    Failing {
        /// What the disk says.
        reason: String,
    },
    /// The recorder was shut down.
    #[error("recorder is shut down")]
    Closed,
}

/// Keeps batches of records.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Keeps these records, in this order. On success every record is kept, was kept before, or is
    /// named in the answer as one that never can be.
    ///
    /// Dropping the future may or may not leave the records kept: delivering them again is safe.
    ///
    /// # Errors
    /// When nothing is promised and the whole batch is to be delivered again.
    async fn deliver(&self, records: &[Record]) -> Result<Vec<Rejected>, DeliverError>;
}

/// A record that a sink will never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Which one.
    pub id: RecordId,
    /// What is wrong with it, without its contents.
    pub reason: String,
}

/// Why a batch was not kept.
#[derive(Debug, thiserror::Error)]
#[error("records could not be delivered")]
pub struct DeliverError(#[source] pub Box<dyn Error + Send + Sync>);
