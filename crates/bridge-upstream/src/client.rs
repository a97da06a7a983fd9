//! The real exchange: pooled HTTP/1.1 connections over TCP and TLS.

use std::fmt;
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig as TlsConfig, RootCertStore};
use slog::{Logger, debug, o, warn};
use tokio::time::{Instant, timeout};

use crate::body::Home;
use crate::dial::dial;
use crate::idle::{IdleLinks, Link};
use crate::{Body, Endpoint, Exchange, Outbound, Reply, UpstreamError};

/// How long each part of an exchange may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name, TCP and TLS together. Default 10 s.
    pub connect: Duration,
    /// From the request to the head of its answer. Default 10 minutes: a blocking answer comes
    /// only when the model has finished.
    pub head: Duration,
    /// Between two pieces of the answer. Default 5 minutes.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            head: Duration::from_secs(600),
            silence: Duration::from_secs(300),
        }
    }
}

/// Settings of a [`Client`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// How long each part may take.
    pub timeouts: Timeouts,
    /// How many connections may wait for a next request, for each endpoint. Default 256.
    pub idle_per_endpoint: usize,
    /// How long a connection may wait. Default 60 s.
    pub idle_keep: Duration,
    /// A PEM file with certificates to trust besides those of the platform.
    pub extra_roots: Option<PathBuf>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            idle_per_endpoint: 256,
            idle_keep: Duration::from_secs(60),
            extra_roots: None,
        }
    }
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file with extra certificates cannot be read.
    #[error("cannot read certificates from {}", path.display())]
    ExtraRoots {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

/// Speaks to providers. Cloning shares the connections.
#[derive(Clone)]
pub struct Client {
    tls: Arc<TlsConfig>,
    idle: Arc<IdleLinks>,
    timeouts: Timeouts,
    logger: Logger,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that trusts the platform's certificates, or a built-in set where there are none.
    ///
    /// # Errors
    /// When the extra certificates cannot be read or TLS cannot be set up.
    pub fn try_new(config: &ClientConfig, logger: &Logger) -> Result<Self, ClientError> {
        let logger = logger.new(o!(bridge_telemetry::keys::COMPONENT => "upstream"));
        let roots = roots(config, &logger)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = TlsConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ClientError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            tls: Arc::new(tls),
            idle: Arc::new(IdleLinks::new(config.idle_per_endpoint, config.idle_keep)),
            timeouts: config.timeouts,
            logger,
        })
    }

    /// Closes connections that have waited too long. The owner calls it now and then.
    pub fn sweep(&self) {
        self.idle.sweep(Instant::now());
    }

    /// How many connections wait for a next request.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.idle.len()
    }

    async fn send(
        &self,
        to: &Endpoint,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Link), UpstreamError> {
        while let Some(link) = self.idle.take(to, Instant::now()) {
            match converse(link, request).await {
                Ok(answer) => return Ok(answer),
                // A waiting connection had ended: nothing was sent, so the next one is tried.
                Err(Unanswered {
                    request: Some(back),
                    ..
                }) => request = back,
                Err(Unanswered { cause, .. }) => return Err(cause),
            }
        }
        let link = self.open(to).await?;
        converse(link, request)
            .await
            .map_err(|unanswered| unanswered.cause)
    }

    async fn open(&self, to: &Endpoint) -> Result<Link, UpstreamError> {
        let after = self.timeouts.connect;
        let wire = timeout(after, dial(to, &self.tls)).await.map_err(|_| {
            UpstreamError::ConnectTimeout {
                authority: to.authority().to_owned(),
                after,
            }
        })??;
        debug!(self.logger, "connected"; "address" => to.authority());
        let (sender, work) = http1::handshake(TokioIo::new(wire))
            .await
            .map_err(|cause| UpstreamError::NoHead(Box::new(cause)))?;
        Ok(Link::new(sender, work))
    }
}

#[async_trait]
impl Exchange for Client {
    async fn exchange(&self, to: &Endpoint, request: Outbound) -> Result<Reply, UpstreamError> {
        let request = assemble(to, request)?;
        let after = self.timeouts.head + self.timeouts.connect;
        let (answer, link) = timeout(after, self.send(to, request))
            .await
            .map_err(|_| UpstreamError::HeadTimeout { after })??;
        let (head, incoming) = answer.into_parts();
        let body = Body::new(
            incoming,
            link,
            Home::new(&self.idle, to),
            self.timeouts.silence,
        );
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

fn assemble(to: &Endpoint, outbound: Outbound) -> Result<Request<Full<Bytes>>, UpstreamError> {
    let mut request = Request::builder()
        .method(outbound.method)
        .uri(outbound.path_and_query)
        .body(Full::new(outbound.body))
        .map_err(UpstreamError::InvalidRequest)?;
    let mut headers = outbound.headers.into_headers();
    if let Some(credential) = &outbound.credential {
        credential.attach(to, &mut headers)?;
    }
    headers.insert(HOST, to.host_header());
    *request.headers_mut() = headers;
    Ok(request)
}

/// A request without an answer, and the request itself when nothing of it was sent.
struct Unanswered {
    cause: UpstreamError,
    request: Option<Request<Full<Bytes>>>,
}

/// Sends a request over a connection and lets the connection work until the head has come.
async fn converse(
    mut link: Link,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, Link), Unanswered> {
    let mut answer = pin!(link.sender.try_send_request(request));
    let outcome = poll_fn(|cx| {
        if let Poll::Ready(outcome) = answer.as_mut().poll(cx) {
            return Poll::Ready(outcome);
        }
        // Once the connection has ended, the answer, or that there is none, is told.
        let _is_over = link.poll_work(cx);
        answer.as_mut().poll(cx)
    })
    .await;
    match outcome {
        Ok(response) => Ok((response, link)),
        Err(mut refused) => {
            let request = refused.take_message();
            let cause = UpstreamError::NoHead(Box::new(refused.into_error()));
            Err(Unanswered { cause, request })
        }
    }
}

fn roots(config: &ClientConfig, logger: &Logger) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for cause in &found.errors {
        warn!(logger, "platform certificates incomplete"; "error" => %cause);
    }
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = &config.extra_roots {
        let unreadable = |source| ClientError::ExtraRoots {
            path: path.clone(),
            source,
        };
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            roots
                .add(certificate.map_err(unreadable)?)
                .map_err(ClientError::Tls)?;
        }
    }
    Ok(roots)
}
