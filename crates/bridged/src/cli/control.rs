//! `bridged control`: a control plane for gateways elsewhere, until a signal.

use std::io::Write;

use slog::Logger;

use super::serve::start_logging;
use super::{CommandError, Context, say};
use crate::config::{Config, Loaded};
use crate::data_folder::{DataFolder, admin_token_path};
use crate::report::ControlReport;
use crate::signals::{Order, Signals};
use crate::wiring::ControlPlane;

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
    let outcome = serve(&loaded, &logger, out).await;
    // Everything that was logged is written before the process ends.
    drop((logger, logging));
    outcome
}

async fn serve(
    loaded: &Loaded<Config>,
    logger: &Logger,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let config = &loaded.config;
    let mut signals = Signals::listen().map_err(CommandError::Signals)?;
    let folder = DataFolder::open(&config.data_folder)?;
    let token = match &config.admin_token {
        Some(token) => token.clone(),
        None => folder.admin_token()?,
    };
    let is_from_file = loaded.file.is_some();
    let plane = ControlPlane::start(config, is_from_file, folder.path(), token, logger).await?;
    let token_file = admin_token_path(folder.path());
    let report = ControlReport {
        gateways: plane.gateways_address(),
        has_tls: config.listen.control_certificate_file.is_some(),
        operator: plane.operator_address(),
        data_folder: folder.path(),
        token_file: &token_file,
        warnings: &loaded.warnings,
    };
    report.log(logger);
    say(out, &report.text())?;
    // What runs is answered within seconds: a second signal has nothing to cut.
    plane.run(signals.wait_for(Order::Drain)).await;
    drop(folder);
    Ok(())
}
