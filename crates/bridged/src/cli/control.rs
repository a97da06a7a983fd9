//! `bridged control`: a control plane for gateways elsewhere, until a signal.

use std::io::Write;

use slog::{Logger, warn};

use super::serve::start_logging;
use super::{CommandError, Context, say};
use crate::config::{Config, Loaded};
use crate::data_folder::{DataFolder, admin_token_path};
use crate::report::ControlReport;
use crate::signals::{Order, Signals};
use crate::supervisor;
use crate::wiring::{ControlListeners, ControlPlane};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs until a signal.
pub(crate) async fn run(
    _: &Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let loaded = Config::load(context.config, context.environment)?;
    let (logging, logger) = start_logging(&loaded.config);
    let outcome = serve(&loaded, context, &logger, out).await;
    // Everything that was logged is written before the process ends.
    drop((logger, logging));
    outcome
}

async fn serve(
    loaded: &Loaded<Config>,
    context: Context<'_>,
    logger: &Logger,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let config = &loaded.config;
    let signals = Signals::listen().map_err(CommandError::Signals)?;
    let folder = DataFolder::open(&config.data_folder)?;
    let token = match &config.admin_token {
        Some(token) => token.clone(),
        None => folder.admin_token()?,
    };
    let is_from_file = loaded.file.is_some();
    let listeners = ControlListeners::open(&config.listen, context.inherited).await?;
    let handed = listeners.handed.clone();
    let folder_path = folder.path();
    let start = ControlPlane::start(config, is_from_file, listeners, folder_path, token, logger);
    let plane = start.await?;
    let token_file = admin_token_path(folder.path());
    let report = ControlReport {
        gateways: plane.gateways_address(),
        has_tls: config.listen.control_certificate_file.is_some(),
        operator: plane.operator_address(),
        data_folder: folder.path(),
        token_file: &token_file,
        warnings: &loaded.warnings,
        handed: &handed,
    };
    report.log(logger);
    say(out, &report.text())?;
    supervisor::ready(logger);
    // What runs is answered within seconds: a second signal has nothing to cut.
    let stop = async {
        told_to_stop(signals, logger).await;
        supervisor::stopping(logger);
    };
    plane.run(stop).await;
    drop(folder);
    Ok(())
}

/// Waits for the first order to stop.
async fn told_to_stop(mut signals: Signals, logger: &Logger) {
    loop {
        match signals.next().await {
            Order::Drain | Order::Cut => return,
            Order::Reload => warn!(
                logger,
                "a control plane reads its configuration at the start only: change providers with \
                 `bridged provider`"
            ),
        }
    }
}
