//! Where records are replayed to: the control plane elsewhere, or the embedded one, opened for it.

use std::path::Path;

use bridge_auth::Secret;
use bridge_record::Sink;
use bridge_rpc::RemoteSink;
use bridge_telemetry::Metrics;
use slog::Logger;

use super::StartError;
use super::plane::Plane;
use crate::config::{Config, Loaded};

/// The way to a control plane, for a replay only.
pub(crate) struct ReplayTarget {
    plane: Plane,
    sink: RemoteSink,
}

impl ReplayTarget {
    /// Opens the store in this data folder, which nobody else may use meanwhile, or starts to
    /// connect to the control plane that is configured.
    ///
    /// # Errors
    /// When the store cannot be opened, or the connection cannot be set up.
    pub(crate) async fn start(
        loaded: &Loaded<Config>,
        folder: &Path,
        token: Secret,
        logger: &Logger,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        let is_from_file = loaded.file.is_some();
        let config = for_records_only(&loaded.config);
        let plane = Plane::start(&config, is_from_file, folder, token, &metrics, logger).await?;
        let sink = RemoteSink::new(plane.channel());
        Ok(Self { plane, sink })
    }

    pub(crate) fn sink(&self) -> &dyn Sink {
        &self.sink
    }

    /// Ends when everything is stored.
    pub(crate) async fn stop(self, logger: &Logger) {
        drop(self.sink);
        self.plane.stop(logger).await;
    }
}

/// A replay stores records and nothing else: no gateway is served meanwhile, and no provider is
/// changed.
fn for_records_only(config: &Config) -> Config {
    let mut config = config.clone();
    config.listen.control_address = None;
    config.providers.clear();
    config
}
