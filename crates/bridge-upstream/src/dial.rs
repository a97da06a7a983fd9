//! Opening connections: name, TCP, TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tls::Tls;
use crate::{Endpoint, UpstreamError};

/// A connection to a provider, plain or encrypted.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

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

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }
}
