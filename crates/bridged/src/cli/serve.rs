//! `bridged serve`: gateway and embedded control plane, until a signal.

use std::io::Write;
use std::time::Duration;

use bridge_control::store::PageQuery;
use bridge_telemetry::{LogConfig, Logging};
use slog::{Logger, error, o, warn};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{CommandError, Context, say};
use crate::config::{Config, Loaded};
use crate::data_folder::{DataFolder, admin_token_path};
use crate::log_bridge;
use crate::report::StartReport;
use crate::signals::{Order, Signals};
use crate::supervisor;
use crate::wiring::{Listeners, Server, StartError};

/// Run the gateway with its embedded control plane
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
    let listeners = Listeners::open(&config.listen, context.inherited).await?;
    let handed = listeners.handed.clone();
    let is_from_file = loaded.file.is_some();
    let start = Server::start(
        config,
        is_from_file,
        listeners,
        folder.path(),
        token,
        logger,
    );
    let server = start.await?;
    let users = server
        .control()
        .users(PageQuery {
            limit: 1,
            after: None,
        })
        .await;
    let token_file = admin_token_path(folder.path());
    let report = StartReport {
        gateway: server.gateway_address(),
        operator: server.operator_address(),
        data_folder: folder.path(),
        token_file: &token_file,
        file: loaded.file.as_ref(),
        providers: &config.providers,
        warnings: &loaded.warnings,
        handed: &handed,
        has_users: !users.map_err(StartError::Control)?.items.is_empty(),
    };
    report.log(logger);
    say(out, &report.text())?;
    supervisor::ready(logger);
    let orders = watch::Sender::new(None);
    let left = run_until_signalled(server, signals, config.drain.patience, &orders, logger).await;
    drop(folder);
    if left == 0 {
        Ok(())
    } else {
        Err(CommandError::Lost(left))
    }
}

/// Runs the server until a signal, or an order of the caller's. The first one drains it and the
/// second one, or the end of patience, cuts. Says how many records were lost.
pub(crate) async fn run_until_signalled(
    server: Server,
    mut signals: Signals,
    patience: Duration,
    orders: &watch::Sender<Option<Order>>,
    logger: &Logger,
) -> usize {
    let (mut draining, mut cutting) = (orders.subscribe(), orders.subscribe());
    let listen = async {
        loop {
            match signals.next().await {
                Order::Reload => {
                    warn!(
                        logger,
                        "the configuration file is read at the start only: change \
                                   providers with `bridged provider`"
                    );
                }
                heard @ (Order::Drain | Order::Cut) => {
                    supervisor::stopping(logger);
                    orders.send_replace(Some(heard));
                }
            }
        }
    };
    let drain = async move {
        // The sender lives as long as the server runs.
        let _ignored = draining.wait_for(Option::is_some).await;
    };
    let cut = async move {
        tokio::select! {
            () = sleep(patience) => error!(logger, "patience is over, running requests are cut"),
            _ = cutting.wait_for(|order| *order == Some(Order::Cut)) => {}
        }
    };
    tokio::select! {
        left = server.run(drain, cut) => left,
        () = listen => unreachable!("signals do not end"),
    }
}
