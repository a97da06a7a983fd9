//! A transport for a host program in the same process: requests as a known user, without a socket
//! and without the secret of a key.

use std::error::Error;

use bridge_auth::{Delegation, RequestSource, Seal};
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body::Body;

use crate::{Gateway, GatewayBody, Origin};

/// Under which path requests of host programs are served.
const PREFIX: &str = "/api/v2/ai-gateway";

/// Vouches for users. Whoever holds it is trusted by the gateway, so a process makes one and keeps
/// it from everybody who need not vouch.
#[derive(Debug, Clone)]
pub struct InProcess {
    gateway: Gateway,
    seal: Seal,
}

/// Sends requests to one provider in the name of users.
#[derive(Debug, Clone)]
pub struct Transport {
    gateway: Gateway,
    seal: Seal,
    provider: String,
    source: RequestSource,
}

/// Why a request of a host program was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InProcessError {
    /// No provider was named.
    #[error("provider name is required")]
    NoProvider,
    /// The name would not be a single segment of a path.
    #[error("provider name must be a single path segment")]
    ProviderName,
    /// No user is vouched for: the key id is empty.
    #[error("an API key id is required: vouch for one with a delegated request")]
    NoKeyId,
    /// The path and query do not make a URL together with the provider's name.
    #[error("request target is not a path")]
    Target,
}

impl InProcess {
    /// A transport factory for this gateway. `seal` is the one the gateway was made with;
    /// delegations minted with another are refused with 403.
    #[must_use]
    pub fn new(gateway: Gateway, seal: Seal) -> Self {
        Self { gateway, seal }
    }

    /// A transport to one provider. `source` names the host program in logs and records.
    ///
    /// # Errors
    /// When the name is empty or no single segment of a path.
    pub fn transport_for(
        &self,
        provider: &str,
        source: RequestSource,
    ) -> Result<Transport, InProcessError> {
        if provider.is_empty() {
            return Err(InProcessError::NoProvider);
        }
        let is_odd = |byte: u8| b"/\\%?#".contains(&byte) || !byte.is_ascii_graphic();
        if matches!(provider, "." | "..") || provider.bytes().any(is_odd) {
            return Err(InProcessError::ProviderName);
        }
        let (gateway, seal) = (self.gateway.clone(), self.seal.clone());
        Ok(Transport {
            gateway,
            seal,
            provider: provider.to_owned(),
            source,
        })
    }
}

impl Transport {
    /// Sends a request in the name of the owner of a key. Scheme and host of its target do not
    /// matter; the path is the provider's, like `/v1/messages`, and the query is kept.
    ///
    /// The answer's head is there when this returns, and its body arrives piece by piece. Dropping
    /// the future or the body ends the exchange with the provider and nothing else. A panic before
    /// the head is an answer with status 500; one after it breaks the body.
    ///
    /// # Errors
    /// When the request was not taken. The gateway has not seen it then.
    pub async fn send<B>(
        &self,
        key_id: &str,
        request: Request<B>,
    ) -> Result<Response<GatewayBody>, InProcessError>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let delegation = self.seal.vouch(key_id).ok_or(InProcessError::NoKeyId)?;
        self.send_as(delegation.with_source(self.source.clone()), request)
            .await
    }

    /// The same with a delegation that says more, for example a workspace. One that was minted
    /// with another seal is answered with 403.
    ///
    /// # Errors
    /// When the request was not taken. The gateway has not seen it then.
    pub async fn send_as<B>(
        &self,
        delegation: Delegation,
        mut request: Request<B>,
    ) -> Result<Response<GatewayBody>, InProcessError>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        *request.uri_mut() = self.target(request.uri())?;
        Ok(self
            .gateway
            .handle(request, Origin::InProcess(delegation))
            .await)
    }

    /// The seal with which a host program mints delegations that this transport accepts.
    #[must_use]
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    fn target(&self, uri: &Uri) -> Result<Uri, InProcessError> {
        let original = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let slash = if original.starts_with('/') { "" } else { "/" };
        format!("{PREFIX}/{}{slash}{original}", self.provider)
            .parse()
            .map_err(|_| InProcessError::Target)
    }
}
