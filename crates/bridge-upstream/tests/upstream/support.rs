//! A provider, and one who asks it.

use std::sync::Arc;

use bridge_auth::{HeaderPolicy, Secret};
use bridge_telemetry::Metrics;
use bridge_telemetry::task::{self, Task};
use bridge_upstream::{
    Client, ClientConfig, CredentialStyle, Endpoint, Exchange, Manners, Outbound, UpstreamError,
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

pub(crate) fn outbound(endpoint: &Endpoint) -> Outbound {
    Outbound {
        method: Method::POST,
        path_and_query: endpoint.target("/v1/messages", Some("beta=true")),
        headers: HeaderPolicy::default().admit(HeaderMap::new()).scrubbed,
        credential: Some(endpoint.bind(
            Secret::new("operator-key".to_owned()),
            CredentialStyle::Bearer,
        )),
        body: Bytes::from_static(b"{}"),
    }
}

pub(crate) fn client(config: &ClientConfig) -> Client {
    Client::try_new(config, &Metrics::default(), &bridge_telemetry::discard()).unwrap()
}

/// Answers every request on every connection, and remembers their heads.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
    pub(crate) connections: Arc<Mutex<usize>>,
    _task: Task<()>,
}

impl Server {
    pub(crate) async fn start(tls: Option<TlsAcceptor>, answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let connections = Arc::<Mutex<usize>>::default();
        let (kept, count) = (Arc::clone(&heads), Arc::clone(&connections));
        let logger = bridge_telemetry::discard();
        let _task = task::spawn(&logger.clone(), "server", async move {
            let mut tasks = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock() += 1;
                let (kept, tls) = (Arc::clone(&kept), tls.clone());
                tasks.push(task::spawn(&logger, "connection", async move {
                    match tls {
                        None => serve(stream, &kept, answer).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &kept, answer).await;
                            }
                        }
                    }
                }));
            }
        });
        Self {
            port,
            heads,
            connections,
            _task,
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    heads: &Mutex<Vec<String>>,
    answer: &[u8],
) {
    let mut buffer = Vec::new();
    while matches!(stream.read_buf(&mut buffer).await, Ok(read) if read > 0) {
        // Every request here has the two-byte body "{}".
        if buffer.ends_with(b"\r\n\r\n{}") {
            heads
                .lock()
                .push(String::from_utf8_lossy(&buffer).into_owned());
            buffer.clear();
            if answer.is_empty() {
                continue;
            }
            let _ignored = stream.write_all(answer).await;
        }
    }
}

pub(crate) async fn text(client: &Client, endpoint: &Endpoint) -> Result<String, UpstreamError> {
    let reply = client.exchange(endpoint, outbound(endpoint)).await?;
    let bytes = reply.body.collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A certificate for `localhost`, and how a server proves itself with it. `protocols` are offered
/// in this order.
pub(crate) fn identity(protocols: &[&[u8]]) -> (String, TlsAcceptor) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    (certified.cert.pem(), acceptor)
}

/// A provider that is spoken to in this way.
pub(crate) fn endpoint(base_url: &str, manners: Manners) -> Endpoint {
    let endpoint = Endpoint::try_new(base_url).unwrap();
    endpoint.of_provider("provider", manners)
}
