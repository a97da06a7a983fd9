//! Accepts connections, as many as there may be strangers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::{ErrorChain, keys};
use futures_core::Stream;
use futures_util::stream;
use slog::warn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::peer::{Guarded, Peer};
use crate::control::ControlServer;

/// When the system has no room for another connection, it will not have any a moment later.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts for one listener.
pub(super) struct Acceptor {
    pub(super) control: ControlServer,
    pub(super) listener: TcpListener,
    /// Places for those who have proven no key.
    pub(super) strangers: Arc<Semaphore>,
    /// How long they may stay so.
    pub(super) patience: Duration,
}

impl Acceptor {
    /// Connections, without an end.
    pub(super) fn incoming(self) -> impl Stream<Item = io::Result<Guarded<TcpStream>>> + Send {
        stream::unfold(self, |acceptor| async move {
            let guarded = acceptor.next().await?;
            Some((Ok(guarded), acceptor))
        })
    }

    async fn next(&self) -> Option<Guarded<TcpStream>> {
        let inner = &self.control.0;
        loop {
            // Whoever comes when all places are taken waits in the system's queue.
            let place = Arc::clone(&self.strangers).acquire_owned().await.ok()?;
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Small writes are whole messages here: waiting to join them adds latency.
                    let _unset = stream.set_nodelay(true);
                    let number = inner.gateways.next_number();
                    let peer = Peer::new(number, address, place, inner.metrics.clone());
                    let gateways = Arc::clone(&inner.gateways);
                    return Some(Guarded::new(stream, peer, gateways, self.patience));
                }
                Err(cause) => {
                    warn!(inner.logger, "a gateway's connection was not accepted";
                        keys::ERROR => ErrorChain(&cause));
                    sleep(PAUSE).await;
                }
            }
        }
    }
}
