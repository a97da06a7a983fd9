//! `bridged control`: a control plane for gateways elsewhere, until a signal.

use std::io::Write;

use slog::Logger;

use super::{CommandError, Context, process, say};
use crate::config::{Config, Loaded};
use crate::data_folder::{DataFolder, admin_token_path};
use crate::report::ControlReport;
use crate::signals::{Order, Signals};
use crate::wiring::{ControlListeners, ControlPlane, Reloads, Rereads};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs until a signal.
pub(crate) async fn run(
    _: &Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let environment = context.environment.clone();
    let serve = async |loaded: &Loaded<Config>, rereads: Rereads, logger: &Logger| {
        serve(loaded, rereads, context, logger, out).await
    };
    process::run(environment, context, serve).await
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
    let token = folder.admin_token_unless(config.admin_token.as_ref())?;
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
