//! What a client is made with.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Manners, Network, ProxyRules};

/// How long each part of an exchange may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name, proxy, TCP and TLS together. Default 10 s.
    pub connect: Duration,
    /// From the request to the head of its answer. Default 10 minutes: a blocking answer comes
    /// only when the model has finished.
    pub head: Duration,
    /// Between two pieces of the answer. Default 5 minutes.
    pub silence: Duration,
    /// From the beginning of the exchange to the last byte of its answer. Default none: an answer
    /// that goes on is not cut.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            head: Duration::from_secs(600),
            silence: Duration::from_secs(300),
            total: None,
        }
    }
}

impl Timeouts {
    /// What holds for a provider that is spoken to in this way.
    pub(crate) fn of(self, manners: &Manners) -> Self {
        let total = manners.total.or(self.total);
        Self {
            connect: manners.connect.unwrap_or(self.connect),
            head: manners.first_byte.unwrap_or(self.head),
            silence: manners.idle.unwrap_or(self.silence),
            total: total.filter(|total| !total.is_zero()),
        }
    }
}

/// Settings of a [`Client`](crate::Client).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// How long each part may take.
    pub timeouts: Timeouts,
    /// How many connections of HTTP/1.1 may wait for a next request, for each endpoint. Default
    /// 256.
    pub idle_per_endpoint: usize,
    /// How long a connection may wait. Default 60 s.
    pub idle_keep: Duration,
    /// How many exchanges share a connection of HTTP/2, if the provider allows as many. Default
    /// 100, which is what most servers allow (RFC 9113, section 6.5.2, recommends no less).
    pub streams_per_connection: usize,
    /// A PEM file with certificates to trust besides those of the platform.
    pub extra_roots: Option<PathBuf>,
    /// What the environment says of proxies. Default nothing.
    pub proxies: ProxyRules,
    /// Private networks into which the host names of providers may lead. Default none.
    pub allowed_private: Vec<Network>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            idle_per_endpoint: 256,
            idle_keep: Duration::from_secs(60),
            streams_per_connection: 100,
            extra_roots: None,
            proxies: ProxyRules::default(),
            allowed_private: Vec::new(),
        }
    }
}
