//! Records on their way to the control plane.

mod convert;

use std::time::Duration;

use async_trait::async_trait;
use bridge_proto::v1::{self, RecordBatchRequest, RecordBatchResponse};
use bridge_record::{DeliverError, Record, RecordId, Rejected, Sink};
use prost::Message as _;

use crate::status::RpcError;
use crate::{Channel, MESSAGE_LIMIT};

/// What a message needs besides one record: tag and length.
const ENVELOPE_BYTES: usize = 16;
/// A full batch may take this many times as long as another call. A small one need not: an answer
/// to it that is lost holds up what follows no longer than that of another call.
const TIMES_AS_LONG: u32 = 6;
/// Bytes of a batch that counts as full.
const FULL: usize = 8 << 20;
/// A record is as much work as this many bytes, at least.
const RECORD_WORK: usize = 2 << 10;

/// Delivers records to the control plane, which keeps them.
#[derive(Debug, Clone)]
pub struct RemoteSink {
    channel: Channel,
    call_timeout: Duration,
}

impl RemoteSink {
    /// A sink that delivers over this connection.
    #[must_use]
    pub fn new(channel: &Channel) -> Self {
        Self {
            channel: channel.clone(),
            call_timeout: channel.config().call_timeout,
        }
    }

    /// How long a batch of so many records and bytes may take.
    fn patience(&self, records: usize, bytes: usize) -> Duration {
        let work = bytes.max(records.saturating_mul(RECORD_WORK)).min(FULL);
        let share = work as f64 / FULL as f64;
        let more = f64::from(TIMES_AS_LONG - 1) * share;
        self.call_timeout + self.call_timeout.mul_f64(more)
    }

    async fn send(
        &self,
        records: Vec<v1::Record>,
        bytes: usize,
    ) -> Result<Vec<Rejected>, RpcError> {
        let name = "RecordBatch";
        let patience = self.patience(records.len(), bytes);
        let request = RecordBatchRequest { records };
        let answer = self
            .channel
            .call(name, patience, |wire| {
                let request = request.clone();
                async move { wire.recorder().record_batch(request).await }
            })
            .await?;
        let answer = answer.map_err(|status| RpcError::failed(name, status))?;
        rejected(answer)
    }
}

#[async_trait]
impl Sink for RemoteSink {
    async fn deliver(&self, records: &[Record]) -> Result<Vec<Rejected>, DeliverError> {
        let mut refused = Vec::new();
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        for record in records {
            let message = convert::message(record);
            let bytes = message.encoded_len() + ENVELOPE_BYTES;
            if bytes > MESSAGE_LIMIT {
                refused.push(too_large(record, bytes));
                continue;
            }
            if batch_bytes + bytes > MESSAGE_LIMIT {
                let full = std::mem::take(&mut batch);
                refused.extend(self.send(full, batch_bytes).await.map_err(undelivered)?);
                batch_bytes = 0;
            }
            batch_bytes += bytes;
            batch.push(message);
        }
        if !batch.is_empty() {
            refused.extend(self.send(batch, batch_bytes).await.map_err(undelivered)?);
        }
        Ok(refused)
    }
}

fn undelivered(cause: RpcError) -> DeliverError {
    DeliverError(Box::new(cause))
}

/// It would be refused by the transport each time, and hold up all that follow it.
fn too_large(record: &Record, bytes: usize) -> Rejected {
    Rejected {
        id: record.id,
        reason: format!("{bytes} bytes, at most {MESSAGE_LIMIT} can be sent"),
    }
}

fn rejected(answer: RecordBatchResponse) -> Result<Vec<Rejected>, RpcError> {
    let read = |refusal: v1::RejectedRecord| {
        let id: RecordId = refusal.record_id.parse().map_err(|_| RpcError::Garbled {
            call: "RecordBatch",
            field: "record_id",
        })?;
        Ok(Rejected {
            id,
            reason: refusal.reason,
        })
    };
    answer.rejected.into_iter().map(read).collect()
}
