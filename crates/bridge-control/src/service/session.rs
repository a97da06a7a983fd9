//! The version check at connect.

use bridge_proto::v1::session_service_server::SessionService;
use bridge_proto::v1::{ConnectRequest, ConnectResponse};
use bridge_proto::{CONTRACT_VERSION, may_go_on};
use bridge_telemetry::keys;
use slog::info;
use tonic::{Request, Response, Status};

use super::Service;
use crate::gateways::{Proven, Refusal};
use crate::record::cut;

/// Names in log lines are cut: a gateway writes them.
const SHOWN: usize = 64;

#[tonic::async_trait]
impl SessionService for Service {
    async fn connect(
        &self,
        request: Request<ConnectRequest>,
    ) -> Result<Response<ConnectResponse>, Status> {
        let proven = request.extensions().get::<Proven>().cloned();
        let request = request.into_inner();
        if !may_go_on(&request.contract_version, CONTRACT_VERSION) {
            return Err(other_version(&request.contract_version));
        }
        if let Some(proven) = &proven
            && !self.control.see_gateway(&proven.id).await
        {
            return Err(Status::unauthenticated(Refusal::Invalid.to_string()));
        }
        info!(self.control.0.logger, "gateway connected";
            keys::GATEWAY => cut(request.gateway_name, SHOWN),
            "build_version" => cut(request.build_version, SHOWN),
            keys::GATEWAY_KEY_ID => proven.as_ref().map(|proven| &*proven.id),
            "key_name" => proven.as_ref().map(|proven| &*proven.name),
            "peer" => proven.as_ref().map(|proven| proven.address.to_string()));
        Ok(Response::new(ConnectResponse {
            contract_version: CONTRACT_VERSION.to_owned(),
            build_version: self.control.0.config.build_version.clone(),
        }))
    }
}

/// Both versions are named: whoever reads it has to know which side to upgrade.
fn other_version(theirs: &str) -> Status {
    let theirs = cut(theirs.to_owned(), SHOWN);
    Status::failed_precondition(format!(
        "Incompatible or unparsable version: the gateway speaks {theirs:?}, the control plane \
         {CONTRACT_VERSION:?}"
    ))
}
