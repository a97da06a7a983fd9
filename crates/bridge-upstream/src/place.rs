//! Which connections may take each other's requests.

use std::hash::{Hash, Hasher};

use crate::{ExtraRoots, HttpVersion, Manners, Network, ProxyChoice};

/// Where a connection leads, and all that was decided when it was opened. Requests share connections
/// only where all of it is the same: a provider never gets a connection that was opened under the
/// looser rules of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tls: bool,
    /// In lower case.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) proxy: ProxyChoice,
    pub(crate) extra_roots: Option<ExtraRoots>,
    pub(crate) http_version: HttpVersion,
    pub(crate) allowed_private: Vec<Network>,
}

impl Place {
    pub(crate) fn new(tls: bool, host: &str, port: u16, manners: &Manners) -> Self {
        Self {
            tls,
            host: host.to_ascii_lowercase(),
            port,
            proxy: manners.proxy.clone(),
            extra_roots: manners.extra_roots.clone(),
            http_version: manners.http_version,
            allowed_private: manners.allowed_private.clone(),
        }
    }
}

/// Places at one address are few, and reading certificates for each request would cost: what tells
/// them apart is left to the comparison.
impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.tls, &self.host, self.port).hash(state);
    }
}
