//! Sockets: accept, serve, drain.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bridge_telemetry::{ErrorChain, Metrics, keys};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use slog::{Logger, debug, error, info, warn};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep};

use crate::entry::Arrival;
use crate::places::{Place, Places};
use crate::stalled::{LONGEST_STALL, Stalled};
use crate::{Gateway, Origin};

/// How long a connection that was accepted before the drain may take for its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(5);

/// How often a drain says what it waits for.
const WORD_EVERY: Duration = Duration::from_secs(10);

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
        let places = &self.inner().places;
        let mut draining = self.inner().draining.clone();
        loop {
            let place = select! {
                biased;
                () = draining.begun() => break,
                Some(_) = connections.join_next() => continue,
                place = take_place(places, &self.inner().metrics) => place,
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
        // The descriptor is closed and the socket is not shut down: where a supervisor holds it, too,
        // connections wait for the next process.
        drop(listener);
        self.drain(connections, cut).await
    }

    /// Waits until all connections have ended, or cuts them.
    async fn drain(&self, mut connections: JoinSet<()>, cut: impl Future<Output = ()>) -> usize {
        let (logger, turns) = (&self.inner().logger, &self.inner().turns);
        info!(logger, "draining"; "requests" => turns.count(), "connections" => connections.len());
        let mut cut = pin!(cut);
        let mut words = interval_at(Instant::now() + WORD_EVERY, WORD_EVERY);
        while !connections.is_empty() {
            select! {
                biased;
                _ = connections.join_next() => {}
                () = cut.as_mut() => break,
                _ = words.tick() => info!(logger, "still draining";
                    "requests" => turns.count(), "connections" => connections.len()),
            }
        }
        let left = connections.len();
        if left > 0 {
            warn!(logger, "connections cut";
                "requests" => turns.count(), "connections" => left);
        }
        connections.shutdown().await;
        // Nobody comes any more who could leave something behind. Shutting down does not wait for
        // answers that nobody waits for.
        if let Some(blueprint) = &self.inner().factory.terms().blueprint {
            blueprint.aftercare.end().await;
        }
        left
    }

    async fn converse(self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let inner = Arc::clone(self.inner());
        let _open = Open::new(inner.metrics.clone(), place);
        // An event is a whole message: waiting to join it with the next only adds latency.
        let _ignored = stream.set_nodelay(true);
        let first = FirstRequest::default();
        let service = service_fn(|request| {
            first.has_come();
            let gateway = self.clone();
            async move {
                let origin = Origin::Network { peer };
                Ok::<_, Infallible>(gateway.answer(request, origin, Arrival::Accepted).await)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(inner.factory.terms().limits.head_timeout)
            .serve_connection(TokioIo::new(Stalled::new(stream, LONGEST_STALL)), service);
        let mut connection = pin!(connection);
        let mut draining = inner.draining.clone();
        let outcome = select! {
            outcome = connection.as_mut() => outcome,
            () = draining.begun() => {
                // The library would close a connection at once on which nothing was asked yet.
                if let Some(outcome) = first.wait(connection.as_mut()).await {
                    outcome
                } else {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
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
    _place: Place,
}

impl Open {
    fn new(metrics: Metrics, place: Place) -> Self {
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
async fn take_place(places: &Places, metrics: &Metrics) -> Place {
    if let Some(place) = places.try_take() {
        return place;
    }
    metrics.connections_full();
    places.take().await
}

/// Whether anything was asked on a connection.
#[derive(Debug, Default)]
struct FirstRequest {
    was_asked: AtomicBool,
    asked: Notify,
}

impl FirstRequest {
    fn has_come(&self) {
        if !self.was_asked.swap(true, Ordering::Relaxed) {
            self.asked.notify_one();
        }
    }

    /// Lets a connection on which nothing was asked work until something is, for a while. Gives the
    /// connection's outcome if it ended meanwhile.
    async fn wait<F: Future>(&self, connection: Pin<&mut F>) -> Option<F::Output> {
        if self.was_asked.load(Ordering::Relaxed) {
            return None;
        }
        select! {
            outcome = connection => Some(outcome),
            () = self.asked.notified() => None,
            () = sleep(FIRST_REQUEST) => None,
        }
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_was_asked_is_not_waited_for_long() {
        let begun = Instant::now();
        let first = FirstRequest::default();
        assert_eq!(first.wait(pin!(pending::<()>())).await, None);
        assert_eq!(begun.elapsed(), FIRST_REQUEST);
        assert_eq!(first.wait(pin!(ready(3))).await, Some(3));
        first.has_come();
        assert_eq!(first.wait(pin!(pending::<()>())).await, None);
        assert_eq!(begun.elapsed(), FIRST_REQUEST);
    }
}
