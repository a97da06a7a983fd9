//! `bridged control`: a control plane for gateways elsewhere, until a signal.

use std::io::Write;
use std::path::Path;

use slog::Logger;

use super::serve::start_logging;
use super::{CommandError, Context, say};
use crate::config::{Config, Loaded};
use crate::data_folder::{DataFolder, admin_token_path};
use crate::report::ControlReport;
use crate::signals::{Order, Signals};
use crate::supervisor::Supervisor;
use crate::wiring::{ControlListeners, ControlPlane, Reloads, Rereads, Source};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs until a signal.
pub(crate) async fn run(
    _: &Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let source = Source {
        named: context.config.map(Path::to_owned),
        environment: context.environment.clone(),
    };
    let loaded = source.load()?;
    let (logging, logger) = start_logging(&loaded.config);
    let level = logging.level_switch();
    let supervisor = Supervisor::of_process(context.environment, &logger);
    let rereads = Rereads {
        source,
        level,
        supervisor: supervisor.clone(),
    };
    let outcome = serve(&loaded, rereads, context, &logger, out).await;
    supervisor.said_everything().await;
    // Everything that was logged is written before the process ends.
    drop((supervisor, logger, logging));
    outcome
}

async fn serve(
    loaded: &Loaded<Config>,
    rereads: Rereads,
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
    let (folder_path, supervisor) = (folder.path(), rereads.supervisor.clone());
    let start = ControlPlane::start(
        config,
        is_from_file,
        rereads,
        listeners,
        folder_path,
        token,
        logger,
    );
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
    supervisor.ready();
    // What runs is answered within seconds: a second signal has nothing to cut.
    let reloads = plane.reloads();
    let stop = async {
        told_to_stop(signals, &reloads).await;
        supervisor.stopping();
    };
    plane.run(stop).await;
    drop(folder);
    Ok(())
}

/// Waits for the first order to stop.
async fn told_to_stop(mut signals: Signals, reloads: &Reloads) {
    loop {
        match signals.next().await {
            Order::Drain | Order::Cut => return,
            Order::Reload => reloads.nudge(),
        }
    }
}
