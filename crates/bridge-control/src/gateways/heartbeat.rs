//! Notes which gateways are connected, and notices keys that are gone from the store.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bridge_telemetry::{ErrorChain, keys};
use slog::{debug, info, warn};
use tokio::time::{Instant, interval_at};

use crate::control::{ControlServer, now};
use crate::store::StoreError;

/// How many notes in a row the store did not take.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat(AtomicU64);

impl ControlServer {
    /// Notes that a gateway is connected with this key. Says whether the key is still there; when
    /// the store does not answer, it is taken to be.
    pub(crate) async fn see_gateway(&self, id: &str) -> bool {
        let seen = self.0.store.see_gateway_key(id, now()).await;
        if let Err(cause) = &seen {
            self.missed(cause);
            return true;
        }
        let missed = self.0.gateways.heartbeat.0.swap(0, Ordering::Relaxed);
        if missed > 0 {
            info!(self.0.logger, "heartbeats of gateways are noted again"; "missed" => missed);
        }
        let is_there = seen.is_ok_and(|is_there| is_there);
        if !is_there {
            let closed = self.0.gateways.remove(id);
            warn!(self.0.logger, "gateway key is gone from the store";
                keys::GATEWAY_KEY_ID => id, "connections" => closed);
        }
        is_there
    }

    /// Told at powers of two, so that a store that is away for long does not fill the log.
    fn missed(&self, cause: &StoreError) {
        self.0.metrics.gateway_heartbeat_failed();
        let missed = self.0.gateways.heartbeat.0.fetch_add(1, Ordering::Relaxed) + 1;
        if missed == 1 {
            debug!(self.0.logger, "heartbeat of a gateway is not noted";
                "missed" => missed, keys::ERROR => ErrorChain(cause));
        } else if missed.is_power_of_two() {
            warn!(self.0.logger, "heartbeats of gateways are not noted, connections stay";
                "missed" => missed, keys::ERROR => ErrorChain(cause));
        }
    }

    /// Notes again and again which keys have connections, until it is dropped.
    pub(super) async fn watch_gateways(&self, every: Duration) -> Infallible {
        let mut ticks = interval_at(Instant::now() + every, every);
        loop {
            ticks.tick().await;
            for id in self.0.gateways.connected() {
                self.see_gateway(&id).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use bridge_auth::Secret;
    use bridge_telemetry::{Logging, Metrics};
    use slog::Level;

    use super::*;
    use crate::api::NewGatewayKey;
    use crate::control::ControlConfig;
    use crate::log_lines::LogLines;
    use crate::store::SqliteStore;

    fn away() -> StoreError {
        StoreError::Unavailable(Arc::new(io::Error::other("no disk")))
    }

    #[tokio::test]
    async fn misses_are_told_at_powers_of_two_and_their_end_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("control.db")).unwrap();
        let lines = LogLines::default();
        let (logging, logger) = Logging::with_drain(Level::Debug, lines.clone());
        let config = ControlConfig::new(Secret::new("operator-token".to_owned()));
        let control = ControlServer::new(Arc::new(store), config, Metrics::default(), &logger);
        let name = "north".to_owned();
        let key = control
            .create_gateway_key(NewGatewayKey { name })
            .await
            .unwrap();
        for _ in 0..9 {
            control.missed(&away());
        }
        assert!(control.see_gateway(&key.key.id).await);
        assert!(control.see_gateway(&key.key.id).await);
        assert!(!control.see_gateway("a stranger").await);
        drop((control, logger, logging));
        assert_eq!(lines.count(Level::Debug, "is not noted"), 1);
        let doubled = lines.count(Level::Warning, "are not noted");
        assert_eq!(doubled, 3, "two, four and eight");
        assert_eq!(lines.count(Level::Info, "noted again"), 1);
        assert_eq!(lines.count(Level::Warning, "gone from the store"), 1);
    }
}
