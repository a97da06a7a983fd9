//! Proxies between the gateway and providers.

mod rules;
pub(crate) mod tunnel;

use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::sync::Arc;

use bridge_auth::Secret;
use http::uri::Scheme;
use http::{HeaderValue, StatusCode, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

pub(crate) use self::rules::Proxies;
pub use self::rules::ProxyRules;
use crate::endpoint::{bare_host, host_and_port};

/// Where an HTTP proxy listens, and what it is told about who asks. Cheap to clone; the password
/// is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyAddress(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    tls: bool,
    host: String,
    port: u16,
    /// The whole value of `Proxy-Authorization` (RFC 9110, section 11.7.2).
    authorization: Option<Secret>,
}

/// Why an address cannot be a proxy's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It is not a URL with a host.
    #[error("not the address of a proxy: give one like http://proxy.example:3128")]
    NotAnAddress,
    /// Only HTTP proxies are spoken to.
    #[error("a proxy of scheme {0:?} is not spoken to: give one like http://proxy.example:3128")]
    Scheme(String),
}

/// Why there is no way through a proxy. Nothing of the request was sent.
#[derive(Debug, thiserror::Error)]
pub enum ProxyProblem {
    /// Its host name has no address.
    #[error("cannot resolve the proxy's name")]
    Resolve(#[source] io::Error),
    /// It does not accept connections.
    #[error("cannot connect to the proxy")]
    Connect(#[source] io::Error),
    /// Its certificate or the handshake with it is not good.
    #[error("no TLS session with the proxy")]
    Tls(#[source] io::Error),
    /// It wants another credential than it was given, or one at all.
    #[error(
        "the proxy wants another user and password than its URL holds (status 407): write them \
         like http://user:password@proxy.example:3128"
    )]
    Credential,
    /// It does not lead on.
    #[error("the proxy refuses to lead on (status {0}): its operator knows why")]
    Status(StatusCode),
    /// It broke off, or what it said is no HTTP.
    #[error("the proxy does not answer in HTTP")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// It said something after its answer.
    #[error("the proxy speaks before the provider can")]
    Babble,
}

impl ProxyAddress {
    /// Reads an address like `http://user:password@proxy.example:3128`. Without a scheme `http` is
    /// meant, and without a port 80, or 443 for `https`. A path is ignored.
    ///
    /// # Errors
    /// When it is no URL with a host, or of another scheme than http and https.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let uri: Uri = text.parse().map_err(|_| ProxyError::NotAnAddress)?;
        let scheme = uri.scheme().unwrap_or(&Scheme::HTTP);
        if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
            return Err(ProxyError::Scheme(scheme.to_string()));
        }
        // The library decodes user and password as it does those of the environment.
        let rules = Matcher::builder().all(text.to_owned()).build();
        let anywhere = Uri::from_static("http://provider");
        let found = rules.intercept(&anywhere).as_ref().and_then(Self::of);
        found.ok_or(ProxyError::NotAnAddress)
    }

    /// Host and port, without user and password.
    #[must_use]
    pub fn authority(&self) -> String {
        host_and_port(self.host(), self.port())
    }

    pub(crate) fn of(found: &Intercept) -> Option<Self> {
        let uri = found.uri();
        let tls = match uri.scheme()? {
            scheme if *scheme == Scheme::HTTPS => true,
            scheme if *scheme == Scheme::HTTP => false,
            _ => return None,
        };
        let host = bare_host(uri.host()?);
        if host.is_empty() {
            return None;
        }
        let authorization = found.basic_auth().and_then(|value| value.to_str().ok());
        Some(Self(Arc::new(Inner {
            tls,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authorization: authorization.map(|value| Secret::new(value.to_owned())),
        })))
    }

    pub(crate) fn tls(&self) -> bool {
        self.0.tls
    }

    pub(crate) fn host(&self) -> &str {
        &self.0.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let text = self.0.authorization.as_ref()?.expose();
        let mut value = HeaderValue::from_str(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Two proxies that differ in the password alone are rare: they may share a hash, so that the
/// password need not be read.
impl Hash for ProxyAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.tls, &self.0.host, self.0.port).hash(state);
    }
}

impl fmt::Debug for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.0.tls { "https" } else { "http" };
        write!(f, "ProxyAddress({scheme}://{})", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, authority: &str, tls: bool, authorization: Option<&str>) {
        let proxy = ProxyAddress::parse(text).unwrap();
        let told = proxy.authorization();
        let told = told.as_ref().map(|value| value.to_str().unwrap());
        assert_eq!(proxy.authority(), authority, "{text}");
        assert_eq!((proxy.tls(), told), (tls, authorization), "{text}");
    }

    #[test]
    fn addresses_are_read_with_their_defaults() {
        check("http://proxy:3128", "proxy:3128", false, None);
        check("proxy:3128", "proxy:3128", false, None);
        check("https://proxy/path", "proxy:443", true, None);
        check("http://[::1]", "[::1]:80", false, None);
        let told = Some("Basic bWU6aGlkZGVuIHdvcmQ=");
        check("http://me:hidden%20word@proxy", "proxy:80", false, told);
        check("http://me@proxy", "proxy:80", false, Some("Basic bWU6"));
    }

    #[test]
    fn other_addresses_are_refused() {
        let error = |text| ProxyAddress::parse(text).unwrap_err();
        assert_eq!(
            error("socks5://p:1"),
            ProxyError::Scheme("socks5".to_owned())
        );
        for text in ["", "/path", "http://", "http://me:hidden@", "a b"] {
            assert_eq!(error(text), ProxyError::NotAnAddress, "{text}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let proxy = ProxyAddress::parse("http://me:hidden@proxy").unwrap();
        assert_eq!(format!("{proxy:?}"), "ProxyAddress(http://proxy:80)");
    }
}
