//! `bridged serve`: gateway and embedded control plane, until a signal.

use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

use bridge_control::store::PageQuery;
use bridge_control::{ControlError, ControlServer};
use bridge_telemetry::{ErrorChain, keys};
use slog::{Logger, error, warn};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{CommandError, Context, process, say};
use crate::config::env::Environment;
use crate::config::{Config, Loaded};
use crate::data_folder::{DataFolder, admin_token_path};
use crate::report::{PlaneReport, StartReport, gateways_url};
use crate::signals::{Order, Signals};
use crate::supervisor::Supervisor;
use crate::wiring::{Listeners, Rereads, Server, StartError, Welcome};

/// Run the gateway, with its control plane embedded or elsewhere
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    control: ControlArgs,
}

/// Where the control plane is.
#[derive(Debug, clap::Args)]
pub(crate) struct ControlArgs {
    /// Where a control plane serves gateways: it is not embedded then [default: control.url]
    #[arg(long = "control", value_name = "URL")]
    url: Option<String>,
}

impl ControlArgs {
    /// The environment with what was said.
    pub(crate) fn lay_over(&self, environment: &Environment) -> Environment {
        let environment = environment.clone();
        match &self.url {
            Some(url) => environment.with_flag("--control", "control.url", url.clone()),
            None => environment,
        }
    }
}

/// Runs until a signal.
pub(crate) async fn run(
    args: &Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let environment = args.control.lay_over(context.environment);
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
    let listeners = Listeners::open(&config.listen, context.inherited).await?;
    let handed = listeners.handed.clone();
    let is_from_file = loaded.file.is_some();
    let supervisor = rereads.supervisor.clone();
    let start = Server::start(
        config,
        is_from_file,
        Some(rereads),
        listeners,
        folder.path(),
        token,
        logger,
    );
    let server = start.await?;
    let plane = plane(config, &server).await?;
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
        plane,
    };
    report.log(logger);
    say(out, &report.text())?;
    let orders = watch::Sender::new(None);
    let (welcome, server_welcome) = (server.welcome(), server.welcome());
    let traffic = server.traffic();
    let run = run_until_signalled(server, signals, &orders, &supervisor, logger);
    let left = tokio::select! {
        left = run => left,
        never = drain_when_refused(server_welcome, &orders, &supervisor, logger) => match never {},
        never = announce(traffic, &supervisor) => match never {},
    };
    drop(folder);
    match (welcome.refused(), left) {
        (Some(refused), _) => Err(CommandError::Refused(refused)),
        (None, 0) => Ok(()),
        (None, left) => Err(CommandError::Lost(left)),
    }
}

async fn plane(config: &Config, server: &Server) -> Result<PlaneReport, StartError> {
    let has_tls = config.listen.control_certificate_file.is_some();
    Ok(match (&config.control, server.control()) {
        (Some(control), _) => PlaneReport::Remote(control.url.to_string()),
        (None, control) => PlaneReport::Embedded {
            has_users: match control {
                Some(control) => has_users(control).await.map_err(StartError::Control)?,
                None => false,
            },
            gateways: server
                .gateways_address()
                .map(|address| gateways_url(address, has_tls)),
        },
    })
}

async fn has_users(control: &ControlServer) -> Result<bool, ControlError> {
    let page = PageQuery {
        limit: 1,
        after: None,
    };
    Ok(!control.users(page).await?.items.is_empty())
}

/// Tells the supervisor once traffic flows.
async fn announce(traffic: impl Future<Output = ()>, supervisor: &Supervisor) -> Infallible {
    traffic.await;
    supervisor.ready();
    std::future::pending().await
}

/// A gateway that the control plane refuses for good lets running requests finish and leaves.
async fn drain_when_refused(
    mut welcome: Welcome,
    orders: &watch::Sender<Option<Order>>,
    supervisor: &Supervisor,
    logger: &Logger,
) -> Infallible {
    let refused = welcome.until_refused().await;
    error!(logger, "refused by the control plane, running requests finish";
        keys::ERROR => ErrorChain(&refused));
    supervisor.stopping();
    // Whoever has ordered something before has ordered no less.
    orders.send_if_modified(|order| order.is_none() && order.replace(Order::Drain).is_none());
    std::future::pending().await
}

/// Runs the server until a signal, or an order of the caller's. The first one drains it and the
/// second one, or the end of patience, cuts. After a second one nobody waits for the delivery of what
/// is safe in the journal either. Says how many records were lost.
pub(crate) async fn run_until_signalled(
    server: Server,
    mut signals: Signals,
    orders: &watch::Sender<Option<Order>>,
    supervisor: &Supervisor,
    logger: &Logger,
) -> usize {
    let (reloads, patience) = (server.reloads(), server.patience());
    let listen = async {
        loop {
            match signals.next().await {
                Order::Reload => match &reloads {
                    Some(reloads) => reloads.nudge(),
                    None => warn!(logger, "there is no configuration to read again"),
                },
                heard @ (Order::Drain | Order::Cut) => {
                    supervisor.stopping();
                    orders.send_replace(Some(heard));
                }
            }
        }
    };
    let drain = ordered(orders, Option::is_some);
    let is_second = |order: &Option<Order>| *order == Some(Order::Cut);
    let cut = async {
        tokio::select! {
            () = patience_is_over(patience) => error!(logger, "patience is over, running requests are cut"),
            () = ordered(orders, is_second) => {}
        }
    };
    let leave = ordered(orders, is_second);
    tokio::select! {
        left = server.run(drain, cut, leave) => left,
        () = listen => unreachable!("signals do not end"),
    }
}

/// Waits until what was ordered last is such an order.
async fn ordered(
    orders: &watch::Sender<Option<Order>>,
    is_such: impl FnMut(&Option<Order>) -> bool,
) {
    let mut ordered = orders.subscribe();
    // The sender is here, so there is no other end.
    let _such = ordered.wait_for(is_such).await;
}

/// Waits until the drain has taken as long as it may, also when that changes meanwhile.
async fn patience_is_over(mut patience: watch::Receiver<Duration>) {
    let begun = Instant::now();
    loop {
        let end = begun + *patience.borrow_and_update();
        tokio::select! {
            () = sleep_until(end) => return,
            // Nobody can change it any more when its owner has gone.
            Ok(()) = patience.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn patience_may_change_while_it_runs() {
        let seconds = Duration::from_secs;
        let owner = watch::Sender::new(seconds(10));
        let begun = Instant::now();
        let longer = async {
            tokio::time::sleep(seconds(9)).await;
            owner.send_replace(seconds(60));
        };
        tokio::join!(patience_is_over(owner.subscribe()), longer);
        assert_eq!(begun.elapsed(), seconds(60));
        let told = owner.subscribe();
        drop(owner);
        patience_is_over(told).await;
        assert_eq!(begun.elapsed(), seconds(120));
    }
}
