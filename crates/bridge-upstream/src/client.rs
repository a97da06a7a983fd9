//! The real exchange: connections over TCP and TLS, one exchange at a time or shared.

mod own;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bridge_telemetry::Metrics;
use http::response;
use slog::{Logger, debug, o};
use tokio::time::{Instant, timeout, timeout_at};

use crate::UpstreamError;
use crate::body::Content;
use crate::dial::{Dialer, Line, Protocol};
use crate::egress::Egress;
use crate::http1::{self, Home, Link};
use crate::http2::{self, Seat};
use crate::links::{Found, Links, Open};
use crate::patience::{End, Patience};
use crate::proxy::Proxies;
use crate::ready::Ready;
use crate::tls::Tls;
use crate::wire::Wire;
use crate::{Body, ClientConfig, ClientError, Endpoint, Exchange, Outbound, Reply, Timeouts};

pub use self::own::OwnRequest;

/// How many connections may turn a request away unlooked at before it fails. Servers that restart
/// do so now and then.
const MOST_TURNED_AWAY: usize = 3;

/// Speaks to providers. Cloning shares the connections.
#[derive(Clone)]
pub struct Client {
    dialer: Arc<Dialer>,
    links: Arc<Links>,
    timeouts: Timeouts,
    streams_per_connection: usize,
    metrics: Metrics,
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
    pub fn try_new(
        config: &ClientConfig,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Result<Self, ClientError> {
        let logger = logger.new(o!(bridge_telemetry::keys::COMPONENT => "upstream"));
        let tls = Tls::try_new(config.extra_roots.as_deref(), &logger)?;
        Ok(Self {
            dialer: Arc::new(Dialer {
                tls,
                proxies: Proxies::new(config.proxies.clone()),
                egress: Egress::new(config.allowed_private.clone()),
            }),
            links: Arc::new(Links::new(config.idle_per_endpoint, config.idle_keep)),
            timeouts: config.timeouts,
            streams_per_connection: config.streams_per_connection,
            metrics: metrics.clone(),
            logger,
        })
    }

    /// Closes connections that nobody has used for too long. The owner calls it now and then.
    pub fn sweep(&self) {
        self.links.sweep(Instant::now());
    }

    /// How many connections wait for a next request.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.links.idle(Instant::now())
    }

    /// Adds up in `connecting` what it takes to open connections.
    async fn send(
        &self,
        to: &Endpoint,
        mut ready: Ready,
        connecting: &mut Duration,
    ) -> Result<(response::Parts, Content), UpstreamError> {
        let mut turned_away = 0;
        loop {
            let waiting = self.links.take(to.place(), Instant::now());
            let has_waited = waiting.is_some();
            let found = match waiting {
                Some(found) => found,
                None => {
                    let since = Instant::now();
                    // Opening takes much room, and most requests find a connection.
                    let found = Box::pin(self.open(to)).await?;
                    *connecting += since.elapsed();
                    found
                }
            };
            match found {
                Found::Own(link) => {
                    let home = Home::new(&self.links, to.place());
                    match http1::converse(link, ready, home).await {
                        Ok((head, content)) => return Ok((head, Content::Own(content))),
                        Err(unanswered) => match unanswered.unsent {
                            // A waiting connection had ended: the next one is tried.
                            Some(unsent) if has_waited => ready = unsent,
                            Some(_) | None => return Err(unanswered.cause),
                        },
                    }
                }
                Found::Shared(seat) => match http2::converse(seat, &ready, to).await {
                    Ok((head, content)) => return Ok((head, Content::Shared(content))),
                    Err(http2::Unanswered::Failed(cause)) => return Err(cause),
                    // A waiting connection had been told to end before. However many there are, none
                    // is tried twice.
                    Err(http2::Unanswered::Elsewhere {
                        was_sent: false, ..
                    }) if has_waited => {}
                    Err(http2::Unanswered::Elsewhere { cause, .. }) => {
                        turned_away += 1;
                        if turned_away >= MOST_TURNED_AWAY {
                            return Err(cause);
                        }
                    }
                },
            }
        }
    }

    async fn open(&self, to: &Endpoint) -> Result<Found, UpstreamError> {
        let after = self.timeouts.of(to.manners()).connect;
        let opened = timeout(after, self.join_or_dial(to)).await;
        opened.map_err(|_| UpstreamError::ConnectTimeout {
            authority: to.authority().to_owned(),
            after,
        })?
    }

    /// Opens a connection, or uses the one that somebody else was opening. Dropping the future lets
    /// the next one open it.
    async fn join_or_dial(&self, to: &Endpoint) -> Result<Found, UpstreamError> {
        let place = to.place();
        let gate = self.links.gate(place);
        let mut turn = None;
        if let Some(gate) = &gate {
            turn = Some(gate.lock().await);
            if let Some(found) = self.links.take(place, Instant::now()) {
                return Ok(found);
            }
        }
        if self.links.gate(place).is_none() {
            // The one before found that there is nothing to share.
            turn = None;
        }
        let dialled = self.dialer.dial(to).await;
        if let Err(UpstreamError::Egress { kind, .. }) = &dialled {
            self.metrics.egress_refused(to.provider(), kind.as_str());
        }
        let Line { wire, protocol } = dialled?;
        debug!(self.logger, "connected";
            "address" => to.authority(), "protocol" => protocol.as_str());
        let open = Open::new(&self.metrics, protocol);
        self.links.learn(place, protocol);
        let found = match protocol {
            Protocol::Http1 => Found::Own(Link::new(wire, open).await?),
            Protocol::Http2 => Found::Shared(self.share(to, wire, open).await?),
        };
        drop(turn);
        Ok(found)
    }

    async fn share(&self, to: &Endpoint, wire: Wire, open: Open) -> Result<Seat, UpstreamError> {
        let no_http2 = |source| UpstreamError::NoSettings {
            authority: to.authority().to_owned(),
            source,
        };
        let most = self.streams_per_connection;
        let shared = http2::open(wire, most, open, &self.logger).await;
        let shared = shared.map_err(|cause| no_http2(Box::new(cause)))?;
        let seat = shared
            .seat()
            .ok_or_else(|| no_http2("it ended at once".into()));
        self.links.share(to.place(), shared);
        seat
    }
}

#[async_trait]
impl Exchange for Client {
    async fn exchange(&self, to: &Endpoint, request: Outbound) -> Result<Reply, UpstreamError> {
        let (ready, signed) = Ready::assemble(to, self.dialer.asked(to), request).await?;
        let limits = self.timeouts.of(to.manners());
        let end = limits.total.map(End::in_time);
        let after = limits.head + limits.connect;
        let mut connecting = Duration::ZERO;
        let (head, content) = {
            // Pinned here, so that it is not kept once for each limit that may hold.
            let sent = pin!(self.send(to, ready, &mut connecting));
            match end {
                Some(end) if end.after < after => timeout_at(end.at, sent)
                    .await
                    .map_err(|_| end.too_late())??,
                Some(_) | None => timeout(after, sent)
                    .await
                    .map_err(|_| UpstreamError::HeadTimeout { after })??,
            }
        };
        if let Some(signed) = &signed {
            signed.answered(head.status, &head.headers);
        }
        let patience = Patience::new(limits.silence, end);
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body: Body::new(content, patience),
            connecting,
        })
    }
}
