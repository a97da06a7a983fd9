//! Sockets: accept, serve, drain.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::{ErrorChain, Metrics, keys};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use slog::{Logger, debug, error, info, warn};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::stalled::{LONGEST_STALL, Stalled};
use crate::{Gateway, Origin};

/// How long accepting pauses when the process is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Gateway {
    /// Serves a socket until [`Gateway::begin_drain`], and then until all connections have ended.
    /// `cut` is polled from then on: when it is ready, what still runs is cut. Says how many
    /// connections were.
    ///
    /// Dropping the future cuts every connection.
    pub async fn serve(&self, listener: TcpListener, cut: impl Future<Output = ()>) -> usize {
        let logger = self.inner().logger.clone();
        let mut connections = JoinSet::new();
        let places = Arc::new(Semaphore::new(self.inner().config.connections));
        let mut draining = self.inner().draining.clone();
        loop {
            let place = select! {
                biased;
                () = draining.begun() => break,
                Some(_) = connections.join_next() => continue,
                place = take_place(&places, &self.inner().metrics) => place,
            };
            let accepted = select! {
                biased;
                () = draining.begun() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(self.clone().converse(stream, peer, place));
                }
                Err(cause) => pause(&cause, &logger).await,
            }
        }
        drop(listener);
        drain(connections, cut, &logger).await
    }

    async fn converse(self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        let inner = Arc::clone(self.inner());
        let _open = Open::new(inner.metrics.clone(), place);
        // An event is a whole message: waiting to join it with the next only adds latency.
        let _ignored = stream.set_nodelay(true);
        let service = service_fn(|request| {
            let gateway = self.clone();
            async move { Ok::<_, Infallible>(gateway.handle(request, Origin::Network { peer }).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(inner.config.head_timeout)
            .serve_connection(TokioIo::new(Stalled::new(stream, LONGEST_STALL)), service);
        let mut connection = pin!(connection);
        let mut draining = inner.draining.clone();
        let outcome = select! {
            outcome = connection.as_mut() => outcome,
            () = draining.begun() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(cause) = outcome {
            debug!(inner.logger, "connection broke"; keys::ERROR => ErrorChain(&cause));
        }
    }
}

/// An open connection, counted.
struct Open {
    metrics: Metrics,
    _place: OwnedSemaphorePermit,
}

impl Open {
    fn new(metrics: Metrics, place: OwnedSemaphorePermit) -> Self {
        metrics.connection_opened();
        Self {
            metrics,
            _place: place,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.connection_closed();
    }
}

/// Waits for a place among the open connections.
async fn take_place(places: &Arc<Semaphore>, metrics: &Metrics) -> OwnedSemaphorePermit {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return place;
    }
    metrics.connections_full();
    match Arc::clone(places).acquire_owned().await {
        Ok(place) => place,
        Err(_) => unreachable!("the places are never closed"),
    }
}

async fn pause(cause: &io::Error, logger: &Logger) {
    let is_of_one_connection = matches!(
        cause.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    );
    if !is_of_one_connection {
        error!(logger, "cannot accept connections"; keys::ERROR => ErrorChain(cause));
        sleep(ACCEPT_PAUSE).await;
    }
}

async fn drain(
    mut connections: JoinSet<()>,
    cut: impl Future<Output = ()>,
    logger: &Logger,
) -> usize {
    info!(logger, "draining"; "connections" => connections.len());
    let mut cut = pin!(cut);
    while !connections.is_empty() {
        select! {
            biased;
            _ = connections.join_next() => {}
            () = cut.as_mut() => break,
        }
    }
    let left = connections.len();
    if left > 0 {
        warn!(logger, "connections cut"; "connections" => left);
    }
    connections.shutdown().await;
    left
}
