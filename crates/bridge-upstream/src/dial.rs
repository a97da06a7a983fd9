//! Opening connections: name, TCP, TLS.

use std::io;

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::tls::Tls;
use crate::wire::Wire;
use crate::{Endpoint, UpstreamError};

/// Opens a connection. The caller limits the time.
pub(crate) async fn dial(endpoint: &Endpoint, tls: &Tls) -> Result<Wire, UpstreamError> {
    let stream = connect(endpoint).await?;
    // Small writes are whole requests here: waiting to join them only adds latency.
    let _ignored = stream.set_nodelay(true);
    if !endpoint.tls() {
        return Ok(Wire::Plain(stream));
    }
    let failed = |source| UpstreamError::Tls {
        authority: endpoint.authority().to_owned(),
        source,
    };
    let name = ServerName::try_from(endpoint.host().to_owned())
        .map_err(|cause| failed(io::Error::new(io::ErrorKind::InvalidInput, cause)))?;
    let place = endpoint.place();
    let config = tls
        .config(place.extra_roots.as_ref(), place.http_version)
        .map_err(|cause| failed(io::Error::other(cause)))?;
    let session = TlsConnector::from(config).connect(name, stream).await;
    session
        .map(|session| Wire::Tls(Box::new(session)))
        .map_err(failed)
}

async fn connect(endpoint: &Endpoint) -> Result<TcpStream, UpstreamError> {
    let addresses = lookup_host((endpoint.host(), endpoint.port()))
        .await
        .map_err(|source| UpstreamError::Resolve {
            host: endpoint.host().to_owned(),
            source,
        })?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(cause) => last = cause,
        }
    }
    Err(UpstreamError::Connect {
        authority: endpoint.authority().to_owned(),
        source: last,
    })
}
