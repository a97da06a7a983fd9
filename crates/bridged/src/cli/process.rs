//! What `serve` and `control` have in common: the configuration they may read again, the log, and
//! the word to the supervisor.

use std::path::Path;

use bridge_telemetry::{LogConfig, Logging};
use slog::{Logger, o};

use super::{CommandError, Context};
use crate::config::env::Environment;
use crate::config::{Config, Loaded};
use crate::log_bridge;
use crate::supervisor::Supervisor;
use crate::wiring::{Rereads, Source};

/// Reads the configuration and serves by it. When that has ended, what was said to the supervisor
/// and what was logged is waited for.
pub(super) async fn run(
    environment: Environment,
    context: Context<'_>,
    serve: impl AsyncFnOnce(&Loaded<Config>, Rereads, &Logger) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let source = Source {
        named: context.config.map(Path::to_owned),
        environment,
    };
    let loaded = source.load()?;
    let (logging, logger) = start_logging(&loaded.config);
    let supervisor = Supervisor::of_process(context.environment, &logger);
    let rereads = Rereads {
        source,
        level: logging.level_switch(),
        losses: logging.losses(),
        supervisor: supervisor.clone(),
    };
    let outcome = serve(&loaded, rereads, &logger).await;
    supervisor.said_everything().await;
    // Everything that was logged is written before the process ends.
    drop((supervisor, logger, logging));
    outcome
}

/// The log, as long as the first is held.
fn start_logging(config: &Config) -> (Logging, Logger) {
    let log = LogConfig {
        level: config.log.level,
        format: config.log.format,
    };
    let (logging, logger) = Logging::start(log);
    let logger = logger.new(o!("pid" => std::process::id()));
    log_bridge::install(&logger);
    (logging, logger)
}
