//! A request that is ready to be written, in whichever version of HTTP.

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::request::Parts;
use http::uri::InvalidUri;
use http::{Request, Uri};

use crate::credential::Signed;
use crate::{Endpoint, Outbound, OwnRequest, ProxyAddress, UpstreamError};

/// All of a request, credential included.
pub(crate) struct Ready {
    /// The target is the one for HTTP/1.1.
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
}

impl Ready {
    /// Puts a request together. `asked` is the proxy that is asked for the resource itself.
    pub(crate) async fn assemble(
        to: &Endpoint,
        asked: Option<&ProxyAddress>,
        outbound: Outbound,
    ) -> Result<(Self, Option<Signed>), UpstreamError> {
        let body = outbound.body;
        let mut request = Request::builder()
            .method(outbound.method)
            .uri(outbound.path_and_query)
            .body(())
            .map_err(UpstreamError::InvalidRequest)?;
        *request.headers_mut() = outbound.headers.into_headers();
        request.headers_mut().insert(HOST, to.host_header());
        let mut signed = None;
        if let Some(credential) = &outbound.credential {
            signed = credential.attach(to, &mut request, &body).await?;
        }
        let ready = Self::through(to, asked, request, body)?;
        Ok((ready, signed))
    }

    /// The same for a request of the gateway itself, which has its credentials in its headers.
    pub(crate) fn own(
        to: &Endpoint,
        asked: Option<&ProxyAddress>,
        own: OwnRequest,
    ) -> Result<Self, UpstreamError> {
        let (request, body) = own.into_request(to)?;
        Self::through(to, asked, request, body)
    }

    /// What the proxy is told beside is none of the provider's business, and so not signed.
    fn through(
        to: &Endpoint,
        asked: Option<&ProxyAddress>,
        request: Request<()>,
        body: Bytes,
    ) -> Result<Self, UpstreamError> {
        let (parts, ()) = request.into_parts();
        let mut ready = Self { parts, body };
        if let Some(proxy) = asked {
            ready.parts.uri = ready.whole_address(to)?;
            let authorization = proxy.authorization();
            let headers = &mut ready.parts.headers;
            authorization.map(|value| headers.insert(PROXY_AUTHORIZATION, value));
        }
        Ok(ready)
    }

    /// The target with scheme and authority: what a proxy is asked for (RFC 9112, section 3.2.2),
    /// and what HTTP/2 makes its own fields of.
    pub(crate) fn whole_address(&self, to: &Endpoint) -> Result<Uri, UpstreamError> {
        let scheme = if to.tls() { "https" } else { "http" };
        let whole = format!("{scheme}://{}{}", to.authority(), self.parts.uri);
        let invalid = |cause: InvalidUri| UpstreamError::InvalidRequest(cause.into());
        whole.parse().map_err(invalid)
    }
}
