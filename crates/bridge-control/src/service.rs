//! The gRPC side, for gateways.

mod authorize;
mod configure;
mod record;
mod session;
mod tools;

use std::future::Future;
use std::pin::Pin;

use bridge_telemetry::{ErrorChain, keys};
use futures_core::Stream;
use slog::error;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;

use crate::control::ControlServer;
use crate::store::StoreError;

/// All five services over one control plane.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) control: ControlServer,
    /// Becomes true when the server shuts down; watch streams end then.
    pub(crate) closing: watch::Receiver<bool>,
}

/// What a watch answers with.
type Watch<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Service {
    /// Ready when the server shuts down.
    fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closing = self.closing.clone();
        async move {
            // An error means that the server is gone, which is the end as well.
            let _end = closing.wait_for(|closing| *closing).await;
        }
    }

    /// The store did not answer: says nothing of what was asked, and may be tried again. Gateways do
    /// so with every request, so not every time has a line in the log.
    fn unavailable(&self, cause: &StoreError) -> Status {
        let inner = &self.control.0;
        if let Some(held_back) = inner.silence.may_tell(Instant::now()) {
            error!(inner.logger, "store did not answer";
                keys::ERROR => ErrorChain(cause), "not_told" => held_back);
        }
        Status::unavailable("store unavailable")
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use bridge_auth::Secret;
    use bridge_telemetry::{Logging, Metrics};
    use slog::Level;
    use tokio::time::advance;
    use tonic::Code;

    use super::*;
    use crate::control::ControlConfig;
    use crate::log_lines::LogLines;
    use crate::store::SqliteStore;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_does_not_fill_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("control.db")).unwrap();
        let lines = LogLines::default();
        let (logging, logger) = Logging::with_drain(Level::Info, lines.clone());
        let config = ControlConfig::new(Secret::new("operator-token".to_owned()));
        let control = ControlServer::new(Arc::new(store), config, Metrics::default(), &logger);
        let service = Service {
            control,
            closing: watch::channel(false).1,
        };
        let away = StoreError::Unavailable(Arc::new(io::Error::other("no disk")));
        for _ in 0..100 {
            let status = service.unavailable(&away);
            assert_eq!(status.code(), Code::Unavailable);
        }
        advance(Duration::from_secs(1)).await;
        service.unavailable(&away);
        drop((service, logger, logging));
        let told = lines.count(Level::Error, "store did not answer");
        assert_eq!(told, 11, "ten in one second, and one in the next");
    }
}
