//! Dumps of exchanges with providers, when the configuration names a folder for them.

use std::time::Duration;

use bridge_telemetry::Metrics;
use bridge_upstream::{DumpConfig, DumpError, Dumps};
use slog::Logger;
use tokio::time::timeout;

use crate::config::Config;

/// How long the last dumps may take to be written once nothing runs any more.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the configuration says of dumps; nothing when there are none.
pub(super) fn config(config: &Config) -> Option<DumpConfig> {
    let dump = &config.dump;
    let mut masked = dump.masked_headers.clone();
    masked.push(config.headers.token.clone());
    Some(DumpConfig {
        folder: dump.folder.clone()?,
        file_bytes: dump.file_bytes.0,
        folder_bytes: dump.folder_bytes.0 as u64,
        max_age: dump.max_age,
        masked,
    })
}

/// Starts to write them, if there are any.
///
/// # Errors
/// When the folder cannot be used.
pub(super) fn start(
    config: &Config,
    metrics: &Metrics,
    logger: &Logger,
) -> Result<Option<Dumps>, DumpError> {
    let wanted = self::config(config);
    wanted
        .map(|wanted| Dumps::start(wanted, metrics, logger))
        .transpose()
}

/// Those that are written already when nothing is said anew, and others otherwise.
///
/// # Errors
/// When the folder cannot be used.
pub(super) fn again(
    before: Option<&Dumps>,
    config: &Config,
    metrics: &Metrics,
    logger: &Logger,
) -> Result<Option<Dumps>, DumpError> {
    let wanted = self::config(config);
    if before.map(Dumps::config) == wanted.as_ref() {
        return Ok(before.cloned());
    }
    start(config, metrics, logger)
}

/// Waits until the last ones are written, within limits.
pub(super) async fn finish(dumps: Option<Dumps>) {
    if let Some(dumps) = dumps {
        let _either = timeout(PATIENCE, dumps.written()).await;
    }
}
