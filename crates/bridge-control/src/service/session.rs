//! The version check at connect.

use bridge_proto::CONTRACT_VERSION;
use bridge_proto::v1::session_service_server::SessionService;
use bridge_proto::v1::{ConnectRequest, ConnectResponse};
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
        if !is_served(&request.contract_version, CONTRACT_VERSION) {
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

/// Majors are equal and the gateway's minor is not above ours.
fn is_served(gateway: &str, ours: &str) -> bool {
    match (read(gateway), read(ours)) {
        (Some((major, minor)), Some((our_major, our_minor))) => {
            major == our_major && minor <= our_minor
        }
        _ => false,
    }
}

fn read(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((number(major)?, number(minor)?))
}

/// Digits only: a sign or a space is no version.
fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_control_planes_serve_older_gateways() {
        let check = |gateway, ours, served| {
            assert_eq!(is_served(gateway, ours), served, "{gateway} at {ours}");
        };
        check("1.0", "1.0", true);
        check("1.3", "1.4", true);
        check("1.4", "1.3", false);
        check("2.0", "1.9", false);
        check("1.0", "2.0", false);
        for garbage in [
            "",
            "1",
            "1.",
            ".1",
            "1.0.0",
            "a.b",
            "+1.0",
            "1.-0",
            "1. 0",
            "1.99999999999",
        ] {
            check(garbage, "1.99", false);
        }
    }
}
