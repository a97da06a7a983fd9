//! Opening connections: name, proxy, TCP, TLS.

use std::io;
use std::net::SocketAddr;

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::egress::Egress;
use crate::proxy::{Proxies, ProxyProblem, tunnel};
use crate::tls::Tls;
use crate::wire::Wire;
use crate::{Endpoint, HttpVersion, ProxyAddress, UpstreamError, race};

/// Opens connections.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(crate) tls: Tls,
    pub(crate) proxies: Proxies,
    pub(crate) egress: Egress,
}

/// A connection that is ready for requests.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) wire: Wire,
    pub(crate) protocol: Protocol,
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// The word for metrics and logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
        }
    }
}

impl Dialer {
    /// Opens a connection. The caller limits the time.
    pub(crate) async fn dial(&self, to: &Endpoint) -> Result<Line, UpstreamError> {
        let wire = match self.proxies.before(to) {
            None => Wire::Plain(self.direct(to).await?),
            Some(proxy) => self.through(proxy, to).await?,
        };
        let version = to.place().http_version;
        if !to.tls() {
            let protocol = match version {
                HttpVersion::Auto | HttpVersion::Http1 => Protocol::Http1,
                HttpVersion::Http2 => Protocol::Http2,
            };
            return Ok(Line { wire, protocol });
        }
        let failed = |source| UpstreamError::Tls {
            authority: to.authority().to_owned(),
            source,
        };
        let wire = self
            .secure(wire, to.host(), to, version)
            .await
            .map_err(failed)?;
        match (wire.agreed_on_http2(), version) {
            (true, _) => Ok(Line {
                wire,
                protocol: Protocol::Http2,
            }),
            (false, HttpVersion::Auto | HttpVersion::Http1) => Ok(Line {
                wire,
                protocol: Protocol::Http1,
            }),
            (false, HttpVersion::Http2) => Err(UpstreamError::NoHttp2 {
                authority: to.authority().to_owned(),
            }),
        }
    }

    /// The proxy that is asked for the resource itself and not for a tunnel: where nothing is
    /// encrypted, it may as well see what it passes on.
    pub(crate) fn asked<'a>(&'a self, to: &'a Endpoint) -> Option<&'a ProxyAddress> {
        if is_tunnelled(to) {
            return None;
        }
        self.proxies.before(to)
    }

    async fn direct(&self, to: &Endpoint) -> Result<TcpStream, UpstreamError> {
        let found = lookup_host((to.host(), to.port())).await;
        let found = found.map_err(|source| UpstreamError::Resolve {
            host: to.host().to_owned(),
            source,
        })?;
        let addresses = self.egress.permitted(to, found)?;
        connect(&addresses)
            .await
            .map_err(|source| UpstreamError::Connect {
                authority: to.authority().to_owned(),
                source,
            })
    }

    async fn through(&self, proxy: &ProxyAddress, to: &Endpoint) -> Result<Wire, UpstreamError> {
        self.egress.check_unresolved(to)?;
        let way = self.way_through(proxy, to).await;
        way.map_err(|source| UpstreamError::Proxy {
            authority: to.authority().to_owned(),
            proxy: proxy.authority(),
            source,
        })
    }

    async fn way_through(&self, proxy: &ProxyAddress, to: &Endpoint) -> Result<Wire, ProxyProblem> {
        let found = lookup_host((proxy.host(), proxy.port())).await;
        let addresses: Vec<_> = found.map_err(ProxyProblem::Resolve)?.collect();
        let stream = connect(&addresses).await.map_err(ProxyProblem::Connect)?;
        let mut wire = Wire::Plain(stream);
        if proxy.tls() {
            let secured = self.secure(wire, proxy.host(), to, HttpVersion::Http1);
            wire = secured.await.map_err(ProxyProblem::Tls)?;
        }
        if is_tunnelled(to) {
            wire = tunnel::dig(wire, proxy, &to.host_and_port()).await?;
        }
        Ok(wire)
    }

    async fn secure(
        &self,
        wire: Wire,
        host: &str,
        to: &Endpoint,
        version: HttpVersion,
    ) -> io::Result<Wire> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|cause| io::Error::new(io::ErrorKind::InvalidInput, cause))?;
        let config = self.tls.config(to.place().extra_roots.as_ref(), version);
        let connector = TlsConnector::from(config.map_err(io::Error::other)?);
        wire.secured(&connector, name).await
    }
}

fn is_tunnelled(to: &Endpoint) -> bool {
    match to.place().http_version {
        HttpVersion::Auto | HttpVersion::Http1 => to.tls(),
        HttpVersion::Http2 => true,
    }
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let stream = race::connect(addresses).await?;
    // Small writes are whole requests here: waiting to join them only adds latency.
    let _ignored = stream.set_nodelay(true);
    Ok(stream)
}
