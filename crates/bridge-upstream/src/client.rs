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
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use slog::{Logger, debug, o};
use tokio::time::{Instant, timeout, timeout_at};

use crate::body::Home;
use crate::credential::Signed;
use crate::dial::{Dialer, Line};
use crate::egress::Egress;
use crate::idle::{IdleLinks, Link};
use crate::patience::{End, Patience};
use crate::proxy::Proxies;
use crate::tls::Tls;
use crate::{
    Body, ClientError, Endpoint, Exchange, Manners, Network, Outbound, ProxyAddress, ProxyRules,
    Reply, UpstreamError,
};

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
    /// From the beginning of the exchange to the last byte of its answer. Default none: an answer
    /// that goes on is not cut.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            head: Duration::from_secs(600),
            silence: Duration::from_secs(300),
            total: None,
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
    /// What the environment says of proxies. Default nothing.
    pub proxies: ProxyRules,
    /// Private networks into which the host names of providers may lead. Default none.
    pub allowed_private: Vec<Network>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            idle_per_endpoint: 256,
            idle_keep: Duration::from_secs(60),
            extra_roots: None,
            proxies: ProxyRules::default(),
            allowed_private: Vec::new(),
        }
    }
}

/// Speaks to providers. Cloning shares the connections.
#[derive(Clone)]
pub struct Client {
    dialer: Arc<Dialer>,
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
        let tls = Tls::try_new(config.extra_roots.as_deref(), &logger)?;
        Ok(Self {
            dialer: Arc::new(Dialer {
                tls,
                proxies: Proxies::new(config.proxies.clone()),
                egress: Egress::new(config.allowed_private.clone()),
            }),
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
        while let Some(link) = self.idle.take(to.place(), Instant::now()) {
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
        let after = self.timeouts.of(to.manners()).connect;
        let line = timeout(after, self.dialer.dial(to)).await.map_err(|_| {
            UpstreamError::ConnectTimeout {
                authority: to.authority().to_owned(),
                after,
            }
        })??;
        let Line { wire, protocol } = line;
        debug!(self.logger, "connected"; "address" => to.authority(), "protocol" => protocol.as_str());
        let (sender, work) = http1::handshake(TokioIo::new(wire))
            .await
            .map_err(|cause| UpstreamError::NoHead(Box::new(cause)))?;
        Ok(Link::new(sender, work))
    }
}

impl Timeouts {
    /// What holds for a provider that is spoken to in this way.
    fn of(self, manners: &Manners) -> Self {
        Self {
            connect: manners.connect.unwrap_or(self.connect),
            head: manners.first_byte.unwrap_or(self.head),
            silence: manners.idle.unwrap_or(self.silence),
            total: manners
                .total
                .or(self.total)
                .filter(|total| !total.is_zero()),
        }
    }
}

#[async_trait]
impl Exchange for Client {
    async fn exchange(&self, to: &Endpoint, request: Outbound) -> Result<Reply, UpstreamError> {
        let (request, signed) = assemble(to, self.dialer.asked(to), request).await?;
        let limits = self.timeouts.of(to.manners());
        let end = limits.total.map(End::in_time);
        let after = limits.head + limits.connect;
        let sent = self.send(to, request);
        let (answer, link) = match end {
            Some(end) if end.after < after => timeout_at(end.at, sent)
                .await
                .map_err(|_| end.too_late())??,
            Some(_) | None => timeout(after, sent)
                .await
                .map_err(|_| UpstreamError::HeadTimeout { after })??,
        };
        let (head, incoming) = answer.into_parts();
        if let Some(signed) = &signed {
            signed.answered(head.status, &head.headers);
        }
        let patience = Patience::new(limits.silence, end);
        let body = Body::new(incoming, link, Home::new(&self.idle, to), patience);
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

async fn assemble(
    to: &Endpoint,
    asked: Option<&ProxyAddress>,
    outbound: Outbound,
) -> Result<(Request<Full<Bytes>>, Option<Signed>), UpstreamError> {
    let body = outbound.body;
    let mut request = Request::builder()
        .method(outbound.method)
        .uri(outbound.path_and_query)
        .body(Full::new(body.clone()))
        .map_err(UpstreamError::InvalidRequest)?;
    *request.headers_mut() = outbound.headers.into_headers();
    request.headers_mut().insert(HOST, to.host_header());
    let mut signed = None;
    if let Some(credential) = &outbound.credential {
        signed = credential.attach(to, &mut request, &body).await?;
    }
    // What the proxy is told beside is none of the provider's business, and so not signed.
    if let Some(proxy) = asked {
        address_whole(&mut request, to, proxy)?;
    }
    Ok((request, signed))
}

/// In absolute form (RFC 9112, section 3.2.2), for a proxy.
fn address_whole(
    request: &mut Request<Full<Bytes>>,
    to: &Endpoint,
    proxy: &ProxyAddress,
) -> Result<(), UpstreamError> {
    let target = format!("http://{}{}", to.authority(), request.uri());
    let invalid = |cause: http::uri::InvalidUri| UpstreamError::InvalidRequest(cause.into());
    *request.uri_mut() = target.parse().map_err(invalid)?;
    if let Some(authorization) = proxy.authorization() {
        request
            .headers_mut()
            .insert(PROXY_AUTHORIZATION, authorization);
    }
    Ok(())
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
