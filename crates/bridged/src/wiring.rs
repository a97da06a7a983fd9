//! Builds the floors from the bottom up, and takes them down in the right order.

mod authorizer;
mod control_plane;
mod dumps;
mod embedded;
mod gateway_routes;
mod gateways;
mod last_set;
mod listeners;
mod operator;
mod plane;
mod provider_spec;
mod readiness;
pub(crate) mod recording;
mod reload;
mod reload_asks;
mod remote;
mod replay;
mod running;
mod sealed;
mod seed;
mod settings;
mod start_error;
mod tools;
mod traces;
mod translate;

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bridge_auth::{Authorizer, Seal, Secret};
use bridge_control::ControlServer;
use bridge_gateway::{Gateway, GatewayParts};
use bridge_intercept::{Aftercare, Blueprint, Cutoff, ProviderSet};
use bridge_rpc::{ProviderWatch, RemoteAuthorizer, RemoteSink, ToolServerWatch};
use bridge_telemetry::task::{self, Task};
use bridge_telemetry::{Metrics, keys};
use bridge_upstream::Client;
use slog::{Logger, info, o};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout};

pub(crate) use self::control_plane::ControlPlane;
pub(crate) use self::listeners::{ControlListeners, Listeners};
use self::plane::Plane;
use self::readiness::Readiness;
use self::recording::Recording;
use self::reload::Generations;
pub(crate) use self::reload_asks::Reloads;
pub(crate) use self::remote::{Refused, Welcome};
pub(crate) use self::replay::ReplayTarget;
use self::running::Running;
use self::settings::Settings;
pub(crate) use self::settings::{Rereads, Source};
pub(crate) use self::start_error::StartError;
use self::tools::CentralTools;
use self::traces::Traces;
use self::translate::{
    client_config, configure_metrics, gateway_config, intercept_config, tools_config,
};
use crate::config::Config;

/// How often what has grown old is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How long the last records may take to be kept once nothing runs any more.
const FLUSH_PATIENCE: Duration = Duration::from_secs(30);
/// How long the first set of providers may take to arrive.
const FIRST_PROVIDERS: Duration = Duration::from_secs(15);

/// A running server: gateway, the way to its control plane, and operator's listener.
pub(crate) struct Server {
    gateway_address: SocketAddr,
    operator_address: SocketAddr,
    gateway: Gateway,
    plane: Plane,
    authorizer: Arc<RemoteAuthorizer>,
    recording: Recording,
    cutoff: Cutoff,
    logger: Logger,
    listener: TcpListener,
    generations: Generations,
    traces: Traces,
    operator: Running,
    /// Whether traffic can flow.
    traffic: Readiness,
    /// Absent when there is no configuration to read again.
    reloads: Option<Reloads>,
    /// How long running requests may take once the server drains. It may change meanwhile.
    patience: watch::Receiver<Duration>,
    /// They end with the server.
    _reload: Task<()>,
    _tools: Task<()>,
    _settings: Option<Task<()>>,
    _sweep: Task<()>,
}

impl Server {
    /// Opens everything. With the embedded control plane, waits until there are providers to serve
    /// with; another one may be away, and callers are told so until it comes.
    ///
    /// # Errors
    /// When something cannot be opened. Nothing is left running then.
    pub(crate) async fn start(
        config: &Config,
        is_from_file: bool,
        rereads: Option<Rereads>,
        listeners: Listeners,
        folder: &Path,
        admin_token: Secret,
        logger: &Logger,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        configure_metrics(config, &metrics);
        let policy = Arc::new(config.headers.policy().map_err(StartError::Headers)?);
        let client = Client::try_new(&client_config(config), &metrics, logger);
        let client = client.map_err(StartError::Upstream)?;

        let plane = Plane::start(
            config,
            is_from_file,
            folder,
            admin_token.clone(),
            &metrics,
            logger,
        )
        .await?;
        let channel = plane.channel();

        let authorizer = authorizer::start(config, &plane, folder, logger).await?;
        let asked: Arc<dyn Authorizer> = Arc::clone(&authorizer) as _;
        let sink = Arc::new(RemoteSink::new(channel));
        let recording = Recording::start(config, folder, sink, &metrics, logger).await?;
        let mut watch = ProviderWatch::start(channel);
        let mut tool_watch = ToolServerWatch::start(channel);
        let tools = CentralTools::new(channel, client.clone(), &metrics, logger);

        let cutoff = Cutoff::default();
        let limits = gateway_config(config, &metrics);
        let (tracer, traces) = Traces::start(config, &metrics, logger)?;
        let gateway = Gateway::new(GatewayParts {
            tracer,
            config: limits.clone(),
            authorizer: Arc::clone(&asked),
            seal: Seal::new(),
            metrics: metrics.clone(),
            logger: logger.clone(),
        });
        let blueprint = Blueprint {
            providers: Arc::new(ProviderSet::default()),
            exchange: Arc::new(client.clone()),
            recorder: recording.recorder(),
            authorizer: asked,
            policy,
            config: intercept_config(config),
            metrics: metrics.clone(),
            cutoff: cutoff.clone(),
            logger: logger.new(o!(keys::COMPONENT => "engine")),
            aftercare: Aftercare::new(metrics.clone(), logger),
            dumps: dumps::start(config, &metrics, logger).map_err(StartError::Dumps)?,
            tools: None,
        };
        let central = (tools.clone(), tools_config(config));
        let generations =
            Generations::new(gateway.clone(), blueprint, limits, client, central, logger);
        let copy = sealed::copy(config, &plane, folder, &authorizer, logger);
        if plane.control().is_some() {
            tools::first(&generations, &mut tool_watch).await;
            match timeout(FIRST_PROVIDERS, watch.changed()).await {
                Ok(Some(snapshot)) => {
                    generations.take(&snapshot);
                }
                Ok(None) | Err(_) => return Err(StartError::NoProviders),
            }
        }
        let addresses = (
            address_of(&listeners.gateway, config.listen.address),
            address_of(&listeners.operator, config.listen.operator_address),
        );
        let patience = watch::Sender::new(config.drain.patience);
        let patience_now = patience.subscribe();
        let log = rereads.as_ref();
        let log = log.map(|rereads| (rereads.level.clone(), rereads.losses.clone()));
        let (level, losses) = log.unzip();
        let reloading = rereads.map(|rereads| {
            let settings = Settings {
                rereads,
                config: config.clone(),
                generations: Some(generations.clone()),
                control: plane.control().cloned(),
                patience,
                metrics: metrics.clone(),
                logger: logger.clone(),
            };
            Reloads::start(settings, logger)
        });
        let (reloads, settings) = reloading.unzip();
        let readiness = Readiness {
            gateway: gateway.clone(),
            channel: channel.clone(),
            authorizer: Arc::clone(&authorizer),
            recording: recording.clone(),
            generations: generations.clone(),
            last_set: generations.last_set(),
            others: plane.gateways(),
            reloads: reloads.clone(),
        };
        let traffic = readiness.clone();
        let routes = gateway_routes::router(
            Some((&gateway, generations.tools())),
            reloads.clone(),
            level,
            admin_token,
        );
        let router = operator::router(&plane, readiness, metrics, losses).merge(routes);
        let operator = operator::serve(listeners.operator, router, logger);
        Ok(Self {
            gateway_address: addresses.0,
            operator_address: addresses.1,
            _sweep: sweep(generations.clone(), logger),
            generations: generations.clone(),
            traces,
            _tools: task::spawn(
                logger,
                "tool servers",
                tools::follow(generations.clone(), tools, tool_watch, logger.clone()),
            ),
            _reload: task::spawn(logger, "reload", sealed::follow(generations, watch, copy)),
            _settings: settings,
            reloads,
            traffic,
            patience: patience_now,
            gateway,
            plane,
            authorizer,
            recording,
            cutoff,
            logger: logger.clone(),
            listener: listeners.gateway,
            operator,
        })
    }

    /// Where callers connect.
    pub(crate) fn gateway_address(&self) -> SocketAddr {
        self.gateway_address
    }

    /// Where the operator connects.
    pub(crate) fn operator_address(&self) -> SocketAddr {
        self.operator_address
    }

    /// Done when traffic can flow, or when that takes longer than who waits for it should wait: the
    /// control plane is away then, and callers are told so.
    pub(crate) fn traffic(&self) -> impl Future<Output = ()> + use<> {
        let traffic = self.traffic.clone();
        async move {
            let _either = timeout(FIRST_PROVIDERS, traffic.flows()).await;
        }
    }

    /// Asks the server to read its configuration again, if it has one.
    pub(crate) fn reloads(&self) -> Option<Reloads> {
        self.reloads.clone()
    }

    /// How long running requests may take once the server drains. It may change meanwhile.
    pub(crate) fn patience(&self) -> watch::Receiver<Duration> {
        self.patience.clone()
    }

    /// The control plane, when it is embedded.
    pub(crate) fn control(&self) -> Option<&ControlServer> {
        self.plane.control()
    }

    /// Where the embedded control plane serves gateways of other machines, if it does.
    pub(crate) fn gateways_address(&self) -> Option<SocketAddr> {
        self.plane.gateways_address()
    }

    /// Whether the control plane still wants this gateway.
    pub(crate) fn welcome(&self) -> Welcome {
        self.plane.welcome()
    }

    /// Serves until `drain` is done, then lets running requests finish until `cut` is, keeps the
    /// last records, without waiting long for their delivery once `leave` is done, and ends. Says
    /// how many records could not be kept.
    pub(crate) async fn run(
        self,
        drain: impl Future<Output = ()>,
        cut: impl Future<Output = ()>,
        leave: impl Future<Output = ()>,
    ) -> usize {
        let Self {
            gateway,
            recording,
            cutoff,
            logger,
            listener,
            generations,
            traces,
            operator,
            plane,
            authorizer,
            ..
        } = self;
        let ended = async {
            cut.await;
            cutoff.begin();
        };
        let draining = async {
            drain.await;
            gateway.begin_drain();
            // The gateway's own future ends this one.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            cut = gateway.serve(listener, ended) => info!(logger, "drained"; "cut" => cut),
            () = draining => {}
        }
        // A control plane that refuses this gateway will not take its records either.
        let patience = match plane.welcome().refused() {
            None => FLUSH_PATIENCE,
            Some(_) => Duration::ZERO,
        };
        let patience = Instant::now() + patience;
        let (central, hurried) = (generations.tools(), watch::Sender::new(false));
        let leave = async {
            leave.await;
            hurried.send_replace(true);
        };
        let (lost, ()) = tokio::join!(
            recording.close(patience, leave, &logger),
            central.close(hurried.subscribe())
        );
        authorizer.close().await;
        tokio::join!(operator.stop(&logger), plane.stop(&logger));
        tokio::join!(dumps::finish(generations.dumps()), traces.finish());
        lost
    }
}

/// The address with the port that the system chose for port zero.
fn address_of(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

fn sweep(generations: Generations, logger: &Logger) -> Task<()> {
    task::spawn(logger, "sweep", async move {
        let mut ticks = interval(SWEEP_EVERY);
        loop {
            ticks.tick().await;
            generations.sweep();
        }
    })
}
