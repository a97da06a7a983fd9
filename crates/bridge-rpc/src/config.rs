//! Settings of a connection.

use std::path::PathBuf;
use std::time::Duration;

use bridge_auth::Secret;

/// Settings of a [`Channel`](crate::Channel). Any values are valid.
#[derive(Debug, Clone)]
pub struct ChannelConfig {
    /// What this gateway calls itself in the control plane's log.
    pub gateway_name: String,
    /// The version of the program, for the control plane's log.
    pub build_version: String,
    /// Sent as `Authorization: Bearer` with every call, when there is one. Control planes know
    /// gateways on other machines by it.
    pub gateway_key: Option<Secret>,
    /// A PEM file with certificates to trust besides those of the platform.
    pub extra_roots: Option<PathBuf>,
    /// Name, TCP, TLS, HTTP/2 and the version check together. Default 10 s.
    pub connect_timeout: Duration,
    /// How long a call waits for a connection before it fails. Default 5 s.
    pub wait: Duration,
    /// How long a call may take, the wait for a connection included. Default 10 s; a batch of
    /// records has longer by its size, up to six times as long.
    pub call_timeout: Duration,
    /// How often a quiet connection is probed with an HTTP/2 ping. Default 15 s.
    pub probe_interval: Duration,
    /// How long the answer to a probe may take before the connection is given up. Default 5 s.
    pub probe_timeout: Duration,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            gateway_name: "gateway".to_owned(),
            build_version: env!("CARGO_PKG_VERSION").to_owned(),
            gateway_key: None,
            extra_roots: None,
            connect_timeout: Duration::from_secs(10),
            wait: Duration::from_secs(5),
            call_timeout: Duration::from_secs(10),
            probe_interval: Duration::from_secs(15),
            probe_timeout: Duration::from_secs(5),
        }
    }
}
