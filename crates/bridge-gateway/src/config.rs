//! What a gateway is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bridge_auth::{Authorizer, Seal};
use bridge_guard::FrontLimits;
use bridge_pool::PoolConfig;
use bridge_telemetry::Metrics;
use bridge_telemetry::trace::Tracer;
use slog::Logger;

/// Limits of the HTTP face.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// How large a request body may be as it travels. Default 32 MiB.
    pub body_bytes: usize,
    /// How long a request body may stop arriving. Default 60 s.
    pub body_silence: Duration,
    /// How long the head of a request may take. Default 60 s.
    pub head_timeout: Duration,
    /// How many connections may be open. Further ones wait. Default 10,000.
    pub connections: usize,
    /// Whether callers may bring their own provider credentials. Default yes.
    pub allow_own_keys: bool,
    /// Whether callers who ask are told where the time until the head of the answer went, in
    /// `Server-Timing`. Default no: it tells callers of the inside.
    pub server_timing: bool,
    /// How many requests may run at once and how fast one caller may come. Default: any number.
    pub front: FrontLimits,
    /// The handlers kept ready. The observer stays the one that the gateway was made with.
    pub pool: PoolConfig,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            body_silence: Duration::from_secs(60),
            head_timeout: Duration::from_secs(60),
            connections: 10_000,
            allow_own_keys: true,
            server_timing: false,
            front: FrontLimits::default(),
            pool: PoolConfig::default(),
        }
    }
}

/// What a gateway works with.
pub struct GatewayParts {
    /// Limits until the first [`Gateway::replace`](crate::Gateway::replace) brings others.
    pub config: GatewayConfig,
    /// Who says whose credential it is.
    pub authorizer: Arc<dyn Authorizer>,
    /// Only delegations minted with this seal are believed.
    pub seal: Seal,
    /// Counters.
    pub metrics: Metrics,
    /// Writes down what happens within requests, or is off.
    pub tracer: Tracer,
    /// Where lines go.
    pub logger: Logger,
}

impl fmt::Debug for GatewayParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayParts")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
