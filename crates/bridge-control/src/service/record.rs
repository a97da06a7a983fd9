//! Batches of records.

use bridge_proto::v1::recorder_service_server::RecorderService;
use bridge_proto::v1::{RecordBatchRequest, RecordBatchResponse, RejectedRecord};
use slog::{debug, warn};
use tonic::{Request, Response, Status};

use super::Service;
use crate::record::{Rejection, parse};

#[tonic::async_trait]
impl RecorderService for Service {
    /// Dropping the call may or may not leave the batch kept: a gateway that did not hear the
    /// answer sends it again.
    async fn record_batch(
        &self,
        request: Request<RecordBatchRequest>,
    ) -> Result<Response<RecordBatchResponse>, Status> {
        let records = request.into_inner().records;
        let sent = records.len();
        let mut rejections = Vec::new();
        let mut good = Vec::with_capacity(sent);
        for record in records {
            match parse(record) {
                Ok(record) => good.push(record),
                Err(rejection) => rejections.push(rejection),
            }
        }
        if !good.is_empty() {
            let stored = self.control.0.store.store_records(good).await;
            rejections.extend(stored.map_err(|cause| self.unavailable(&cause))?);
        }
        let logger = &self.control.0.logger;
        debug!(logger, "records kept"; "records" => sent - rejections.len());
        if let Some(first) = rejections.first() {
            warn!(logger, "records rejected";
                "records" => rejections.len(), "first_reason" => &first.reason);
        }
        let rejected = rejections.into_iter().map(rejected).collect();
        Ok(Response::new(RecordBatchResponse { rejected }))
    }
}

fn rejected(rejection: Rejection) -> RejectedRecord {
    RejectedRecord {
        record_id: rejection.record_id,
        reason: rejection.reason,
    }
}
