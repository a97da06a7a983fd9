//! One request to an authorization server: a connection of its own, the whole answer in bounds, no
//! redirect.

use std::net::SocketAddr;
use std::sync::Arc;

use bridge_telemetry::{discard, task};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::form::Request;
use super::{Client, RenewError, egress};

/// An answer with a token is smaller by far.
const ANSWER_BYTES: usize = 64 << 10;

/// Certificates of the platform, or a built-in set where there are none; read when first needed.
#[derive(Debug, Default)]
pub(crate) struct Roots(OnceCell<Arc<RootCertStore>>);

impl Roots {
    async fn all(&self) -> Arc<RootCertStore> {
        let read = || async {
            let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(found.map(|found| found.certs).unwrap_or_default());
            if roots.is_empty() {
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
            Arc::new(roots)
        };
        Arc::clone(self.0.get_or_init(read).await)
    }
}

/// Status and body of the answer.
pub(super) async fn send(
    client: &Client,
    roots: &Roots,
    request: Request,
) -> Result<(u16, Bytes), RenewError> {
    let url = Url::parse(&client.oauth.token_url).map_err(|_| RenewError::Address)?;
    let stream = connect(&url, client).await?;
    if url.scheme() == "http" {
        return converse(stream, &url, request).await;
    }
    let config = config(roots, client.ca_pem.as_deref()).await?;
    let host = url.host_str().ok_or(RenewError::Address)?;
    let name = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = ServerName::try_from(name).map_err(|_| RenewError::Address)?;
    let stream = TlsConnector::from(config).connect(name, stream).await;
    converse(stream.map_err(RenewError::Connect)?, &url, request).await
}

/// Tries the permitted addresses one after the other.
async fn connect(url: &Url, client: &Client) -> Result<TcpStream, RenewError> {
    let port = url.port_or_known_default().ok_or(RenewError::Address)?;
    let (found, is_said): (Vec<SocketAddr>, _) = match url.host().ok_or(RenewError::Address)? {
        Host::Ipv4(address) => (vec![(address, port).into()], true),
        Host::Ipv6(address) => (vec![(address, port).into()], true),
        Host::Domain(name) => {
            let found = lookup_host((name, port))
                .await
                .map_err(RenewError::Resolve)?;
            (found.collect(), name.trim_end_matches('.') == "localhost")
        }
    };
    let permitted = egress::permitted(found.into_iter(), is_said, &client.allowed_private)?;
    let stream = TcpStream::connect(permitted.as_slice()).await;
    stream.map_err(RenewError::Connect)
}

async fn config(roots: &Roots, ca_pem: Option<&str>) -> Result<Arc<ClientConfig>, RenewError> {
    let mut roots = RootCertStore::clone(&*roots.all().await);
    if let Some(pem) = ca_pem {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|_| RenewError::Roots)?;
            roots.add(certificate).map_err(|_| RenewError::Roots)?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(RenewError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

async fn converse<IO>(stream: IO, url: &Url, request: Request) -> Result<(u16, Bytes), RenewError>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |cause: hyper::Error| RenewError::Broken(Box::new(cause));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Ends with the exchange: dropping it closes the connection.
    let _connection = task::spawn(&discard(), "authorization server", connection);
    let request = message(url, &request)?;
    let (head, body) = sender
        .send_request(request)
        .await
        .map_err(broken)?
        .into_parts();
    let body = Limited::new(body, ANSWER_BYTES).collect().await;
    let body = body.map_err(RenewError::Broken)?.to_bytes();
    Ok((head.status.as_u16(), body))
}

fn message(url: &Url, request: &Request) -> Result<http::Request<Full<Bytes>>, RenewError> {
    let host = url.host_str().ok_or(RenewError::Address)?;
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut message = http::Request::builder()
        .method(Method::POST)
        .uri(target)
        .header(HOST, host)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("bridged/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(text) = &request.authorization {
        let mut value = HeaderValue::from_str(text).map_err(|_| RenewError::Address)?;
        value.set_sensitive(true);
        message = message.header(AUTHORIZATION, value);
    }
    let body = Bytes::copy_from_slice(request.body.as_bytes());
    message
        .body(Full::new(body))
        .map_err(|_| RenewError::Address)
}
