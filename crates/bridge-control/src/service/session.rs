//! The version check at connect.

use bridge_proto::v1::session_service_server::SessionService;
use bridge_proto::v1::{ConnectRequest, ConnectResponse};
use bridge_proto::{CONTRACT_VERSION, may_go_on};
use slog::info;
use tonic::{Request, Response, Status};

use super::Service;
use crate::record::cut;

/// Names in log lines are cut: a gateway writes them.
const SHOWN: usize = 64;

#[tonic::async_trait]
impl SessionService for Service {
    async fn connect(
        &self,
        request: Request<ConnectRequest>,
    ) -> Result<Response<ConnectResponse>, Status> {
        let request = request.into_inner();
        if !may_go_on(&request.contract_version, CONTRACT_VERSION) {
            return Err(Status::failed_precondition(
                "Incompatible or unparsable version",
            ));
        }
        info!(self.control.0.logger, "gateway connected";
            "gateway" => cut(request.gateway_name, SHOWN),
            "build_version" => cut(request.build_version, SHOWN));
        Ok(Response::new(ConnectResponse {
            contract_version: CONTRACT_VERSION.to_owned(),
            build_version: self.control.0.config.build_version.clone(),
        }))
    }
}
