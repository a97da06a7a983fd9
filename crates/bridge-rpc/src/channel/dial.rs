//! Opening one connection: TCP, TLS or memory, then HTTP/2.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tower::service_fn;

use super::ChannelError;
use super::wire::{GatewayKey, Wire};
use crate::target::Address;
use crate::{ChannelConfig, ControlTarget};

/// Stands where HTTP/2 wants a host when there is none.
const MEMORY_URI: &str = "http://control.invalid";

/// Everything needed to open connections, read and checked once.
pub(super) struct Dialling {
    target: ControlTarget,
    endpoint: Endpoint,
    key: GatewayKey,
}

impl Dialling {
    pub(super) fn try_new(
        target: ControlTarget,
        config: &ChannelConfig,
    ) -> Result<Self, ChannelError> {
        let endpoint = match &target {
            ControlTarget::Remote(address) => Endpoint::from(address.uri().clone()),
            ControlTarget::Memory(_) => Endpoint::from_static(MEMORY_URI),
        };
        let endpoint = match &target {
            ControlTarget::Remote(address) if address.is_tls() => {
                encrypted(&endpoint, address, config.extra_roots.as_deref())?
            }
            ControlTarget::Remote(_) | ControlTarget::Memory(_) => endpoint,
        };
        Ok(Self {
            target,
            endpoint: endpoint
                .http2_keep_alive_interval(config.probe_interval)
                .keep_alive_timeout(config.probe_timeout)
                .keep_alive_while_idle(true),
            key: GatewayKey::try_new(config.gateway_key.as_ref())?,
        })
    }

    /// Opens a connection. `ended` is notified when it can no longer be used. The caller limits
    /// the time.
    pub(super) async fn open(&self, ended: &Arc<Notify>) -> Result<Wire, tonic::transport::Error> {
        let target = self.target.clone();
        let ended = Arc::clone(ended);
        let was_dialled = AtomicBool::new(false);
        let connector = service_fn(move |_| {
            let target = target.clone();
            let ended = Arc::clone(&ended);
            // tonic would dial again by itself. Each connection here is one that was greeted, so
            // the second time is told to the supervisor, which makes a new one.
            let is_again = was_dialled.swap(true, Ordering::Relaxed);
            async move {
                if is_again {
                    ended.notify_one();
                    return Err(io::ErrorKind::NotConnected.into());
                }
                let io = dial(&target).await?;
                Ok::<_, io::Error>(TokioIo::new(Watched { io, ended }))
            }
        });
        let channel = self.endpoint.connect_with_connector(connector).await?;
        Ok(Wire::new(channel, self.key.clone()))
    }
}

async fn dial(target: &ControlTarget) -> io::Result<Box<dyn Io>> {
    match target {
        ControlTarget::Remote(address) => {
            let stream = TcpStream::connect((address.host(), address.port())).await?;
            // Small writes are whole calls here: waiting to join them only adds latency.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
        ControlTarget::Memory(dialer) => Ok(Box::new(dialer.dial().await?)),
    }
}

/// Trusts the platform's certificates, or a built-in set where there are none, and those in
/// `extra_roots`.
fn encrypted(
    endpoint: &Endpoint,
    address: &Address,
    extra_roots: Option<&Path>,
) -> Result<Endpoint, ChannelError> {
    let mut tls = ClientTlsConfig::new().domain_name(address.host());
    if let Some(path) = extra_roots {
        tls = tls.ca_certificate(read_certificates(path)?);
    }
    endpoint
        .clone()
        .tls_config(tls.clone().with_native_roots())
        .or_else(|_| {
            let built_in = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
            endpoint.clone().tls_config(tls.trust_anchors(built_in))
        })
        .map_err(|cause| ChannelError::Setup(Box::new(cause)))
}

fn read_certificates(path: &Path) -> Result<Certificate, ChannelError> {
    let failed = |source| ChannelError::ExtraRoots {
        path: path.to_owned(),
        source,
    };
    let pem = std::fs::read_to_string(path).map_err(failed)?;
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(failed(io::Error::new(
            io::ErrorKind::InvalidData,
            "no certificate in PEM form",
        )));
    }
    Ok(Certificate::from_pem(pem))
}

/// Bytes both ways.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection that tells when it is dropped, which is when HTTP/2 has ended on it.
struct Watched {
    io: Box<dyn Io>,
    ended: Arc<Notify>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.ended.notify_one();
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}
