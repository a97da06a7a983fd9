//! Delivers what the files of a journal hold once more.

use super::reader::{JournalFile, JournalReader};
use super::recover::OpenError;
use crate::delivery::weight;
use crate::{BatcherConfig, DeliverError, Record, Rejected, Sink};

/// Why a replay ended early. What was delivered before stays delivered, and may be again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] OpenError),
    /// The sink did not take a batch.
    #[error(transparent)]
    Deliver(#[from] DeliverError),
}

/// What a replay did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Records that the sink has now, or had before.
    pub delivered: u64,
    /// Those that it will never take.
    pub rejected: Vec<Rejected>,
    /// Damaged places that were passed over.
    pub faults: u64,
}

impl JournalReader {
    /// Delivers every whole record of these files to `sink`, in order. The sink knows by their
    /// ids which it has, so that nothing is counted twice. The files stay as they are.
    ///
    /// # Errors
    /// When a file cannot be read or a batch is not taken.
    pub async fn replay(
        &self,
        files: &[JournalFile],
        sink: &dyn Sink,
    ) -> Result<Replayed, ReplayError> {
        let mut replayed = Replayed::default();
        for file in files {
            let Some(segment) = self.read(file)? else {
                continue;
            };
            replayed.faults += segment.faults.len() as u64;
            let records: Vec<Record> = segment
                .records
                .into_iter()
                .map(|(_, record)| record)
                .collect();
            replayed.deliver(&records, sink).await?;
        }
        Ok(replayed)
    }
}

impl Replayed {
    async fn deliver(
        &mut self,
        mut records: &[Record],
        sink: &dyn Sink,
    ) -> Result<(), DeliverError> {
        let limits = BatcherConfig::default();
        while !records.is_empty() {
            let (count, _) = limits.fitting(records.iter().map(weight));
            let (batch, rest) = records.split_at(count.max(1));
            let rejected = sink.deliver(batch).await?;
            self.delivered += batch.len().saturating_sub(rejected.len()) as u64;
            self.rejected.extend(rejected);
            records = rest;
        }
        Ok(())
    }
}
