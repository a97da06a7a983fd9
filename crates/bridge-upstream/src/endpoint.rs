//! Where a provider lives.

use std::fmt;
use std::sync::Arc;

use bridge_auth::Secret;
use bridge_aws::Signer;
use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Uri};

use crate::Manners;
use crate::credential::{BoundCredential, CredentialStyle};
use crate::place::Place;

/// A provider's base address, and how the provider is spoken to. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    /// Whose it is; empty where nobody said.
    provider: Arc<str>,
    manners: Manners,
    place: Arc<Place>,
    /// As the address spells it, without the brackets of an IPv6 address.
    host: String,
    /// `host:port` as it stands in the URL, for the `Host` header.
    authority: String,
    host_header: HeaderValue,
    /// Without a trailing slash.
    base_path: String,
    /// Without the question mark.
    base_query: Option<String>,
}

/// Why an address cannot be a provider's base address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is not an absolute URL.
    #[error("not an absolute URL: give one like https://host/path")]
    NotAbsolute,
    /// Only http and https are spoken.
    #[error("scheme {0:?} is not spoken: use https or http")]
    Scheme(String),
    /// A user or password in the address would be logged and sent in the open.
    #[error("a user name or password in the address is not accepted")]
    UserInfo,
}

impl Endpoint {
    /// Reads a base address. A path and a query in it are put in front of those of each request.
    ///
    /// # Errors
    /// When it is no absolute `http` or `https` URL, or holds a password.
    pub fn try_new(base_url: &str) -> Result<Self, EndpointError> {
        let uri: Uri = base_url.parse().map_err(|_| EndpointError::NotAbsolute)?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(EndpointError::NotAbsolute);
        };
        let tls = if scheme == Scheme::HTTPS {
            true
        } else if scheme == Scheme::HTTP {
            false
        } else {
            return Err(EndpointError::Scheme(scheme.to_string()));
        };
        if authority.as_str().contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let (path, query) = match &parts.path_and_query {
            Some(both) => (both.path(), both.query()),
            None => ("", None),
        };
        let host = bare_host(authority.host()).to_owned();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let manners = Manners::default();
        Ok(Self(Arc::new(Inner {
            provider: Arc::from(""),
            place: Arc::new(Place::new(tls, &host, port, &manners)),
            manners,
            host,
            host_header: HeaderValue::from_str(authority.as_str())
                .map_err(|_| EndpointError::NotAbsolute)?,
            authority: authority.to_string(),
            base_path: path.trim_end_matches('/').to_owned(),
            base_query: query.map(str::to_owned),
        })))
    }

    /// The same address as that of a provider, which is spoken to in this way. The name is for
    /// those who read errors.
    #[must_use]
    pub fn of_provider(self, name: &str, manners: Manners) -> Self {
        let inner = Arc::unwrap_or_clone(self.0);
        let place = Place::new(inner.place.tls, &inner.host, inner.place.port, &manners);
        Self(Arc::new(Inner {
            provider: Arc::from(name),
            manners,
            place: Arc::new(place),
            ..inner
        }))
    }

    /// The name of the provider; empty where nobody said.
    #[must_use]
    pub fn provider(&self) -> &Arc<str> {
        &self.0.provider
    }

    /// How the provider is spoken to.
    #[must_use]
    pub fn manners(&self) -> &Manners {
        &self.0.manners
    }

    /// Ties a credential to this endpoint: it will be sent nowhere else.
    #[must_use]
    pub fn bind(&self, secret: Secret, style: CredentialStyle) -> BoundCredential {
        BoundCredential::new(secret, style, self)
    }

    /// Ties headers to this endpoint, an operator's own word: they go with requests to nowhere else,
    /// in place of any others of their names, and are never shown.
    #[must_use]
    pub fn bind_headers(
        &self,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> BoundCredential {
        BoundCredential::headers(headers, self)
    }

    /// Ties a signer to this endpoint: it signs requests to nowhere else.
    #[must_use]
    pub fn bind_signer(&self, signer: Signer) -> BoundCredential {
        BoundCredential::signer(signer, self)
    }

    /// Host and port as the address names them.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.0.authority
    }

    /// The whole target of a request: base path and query joined with the request's own.
    #[must_use]
    pub fn target(&self, path: &str, query: Option<&str>) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        let base = &self.0.base_path;
        match (self.0.base_query.as_deref(), query) {
            (None, None) => format!("{base}{slash}{path}"),
            (Some(one), None) | (None, Some(one)) => format!("{base}{slash}{path}?{one}"),
            (Some(base_query), Some(query)) => {
                format!("{base}{slash}{path}?{base_query}&{query}")
            }
        }
    }

    pub(crate) fn tls(&self) -> bool {
        self.0.place.tls
    }

    /// The host as it is resolved: an address of version 6 without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The port, also where the address leaves it out.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.place.port
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.0.place
    }

    /// Host and port, also where the address leaves the port out.
    pub(crate) fn host_and_port(&self) -> String {
        host_and_port(self.host(), self.port())
    }

    pub(crate) fn host_header(&self) -> HeaderValue {
        self.0.host_header.clone()
    }

    /// Whether both lead to the same place: scheme, host and port.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        let (one, another) = (self.place(), other.place());
        Arc::ptr_eq(one, another)
            || (one.tls == another.tls && one.port == another.port && one.host == another.host)
    }
}

/// The host without the brackets of an IPv6 address, as resolvers want it.
pub(crate) fn bare_host(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Both as a URL names them: an IPv6 address in brackets.
pub(crate) fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls() { "https" } else { "http" };
        write!(
            f,
            "Endpoint({scheme}://{}{})",
            self.0.authority, self.0.base_path
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, path: &str, query: Option<&str>, target: &str) {
        assert_eq!(
            Endpoint::try_new(base).unwrap().target(path, query),
            target,
            "{base}"
        );
    }

    #[test]
    fn targets_join_paths_with_one_slash_and_keep_queries() {
        check("http://h", "/v1/messages", None, "/v1/messages");
        check(
            "http://h/",
            "/v1/messages",
            Some("beta=true"),
            "/v1/messages?beta=true",
        );
        check("https://h/v1/", "/responses", None, "/v1/responses");
        check("https://h/v1", "responses", None, "/v1/responses");
        check(
            "http://h/v1?api-version=2",
            "/models",
            None,
            "/v1/models?api-version=2",
        );
        check(
            "http://h/v1?a=1",
            "/models",
            Some("b=2"),
            "/v1/models?a=1&b=2",
        );
    }

    #[test]
    fn addresses_that_are_no_base_are_refused() {
        let error = |text| Endpoint::try_new(text).unwrap_err();
        assert_eq!(error("api.example.com/v1"), EndpointError::NotAbsolute);
        assert_eq!(error("/v1"), EndpointError::NotAbsolute);
        assert_eq!(error(""), EndpointError::NotAbsolute);
        assert_eq!(
            error("ftp://example.com"),
            EndpointError::Scheme("ftp".to_owned())
        );
        assert_eq!(
            error("https://user:word@example.com"),
            EndpointError::UserInfo
        );
    }

    #[test]
    fn places_are_told_apart_by_scheme_host_and_port() {
        let place = |text| Endpoint::try_new(text).unwrap();
        assert!(place("https://h/v1").is_same_place(&place("https://H:443/v2")));
        assert!(!place("https://h").is_same_place(&place("http://h")));
        assert!(!place("https://h").is_same_place(&place("https://h:8443")));
        assert!(!place("https://h").is_same_place(&place("https://g")));
    }
}
