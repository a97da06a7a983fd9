//! Opens everything, from the bottom up.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bridge_auth::{Authorizer, Seal, Secret};
use bridge_gateway::{Gateway, GatewayParts};
use bridge_intercept::{Aftercare, Blueprint, Cutoff, ProviderSet};
use bridge_rpc::{ProviderWatch, RemoteSink, ToolServerWatch};
use bridge_telemetry::task::{self, Task};
use bridge_telemetry::{LevelSwitch, LogLosses, Metrics, keys};
use bridge_upstream::Client;
use slog::{Logger, o};
use tokio::sync::watch;
use tokio::time::{interval, timeout};

use super::plane::Plane;
use super::readiness::Readiness;
use super::recording::Recording;
use super::reload::Generations;
use super::settings::Settings;
use super::tools::CentralTools;
use super::traces::Traces;
use super::translate::{
    client_config, configure_metrics, gateway_config, intercept_config, tools_config,
};
use super::{
    FIRST_PROVIDERS, Listeners, Reloads, Rereads, Server, StartError, address_of, authorizer,
    dumps, gateway_routes, operator, sealed, tools,
};
use crate::config::Config;

/// How often what has grown old is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// How the configuration is read again, where there is one to read.
struct Rereading {
    reloads: Option<Reloads>,
    task: Option<Task<()>>,
    log: Option<(LevelSwitch, LogLosses)>,
    /// How long running requests may take once the server drains, as last read.
    patience: watch::Receiver<Duration>,
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
            first_sets(&generations, &mut tool_watch, &mut watch).await?;
        }
        let addresses = (
            address_of(&listeners.gateway, config.listen.address),
            address_of(&listeners.operator, config.listen.operator_address),
        );
        let rereading = Rereading::start(rereads, config, &generations, &plane, &metrics, logger);
        let readiness = Readiness {
            gateway: gateway.clone(),
            channel: channel.clone(),
            authorizer: Arc::clone(&authorizer),
            recording: recording.clone(),
            generations: generations.clone(),
            last_set: generations.last_set(),
            others: plane.gateways(),
            reloads: rereading.reloads.clone(),
        };
        let traffic = readiness.clone();
        let router = operators_router(&plane, readiness, metrics, rereading.log, admin_token);
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
            _settings: rereading.task,
            reloads: rereading.reloads,
            traffic,
            patience: rereading.patience,
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
}

impl Rereading {
    fn start(
        rereads: Option<Rereads>,
        config: &Config,
        generations: &Generations,
        plane: &Plane,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Self {
        let log = rereads.as_ref();
        let log = log.map(|rereads| (rereads.level.clone(), rereads.losses.clone()));
        let patience = watch::Sender::new(config.drain.patience);
        let patience_now = patience.subscribe();
        let settings = rereads.map(|rereads| Settings {
            rereads,
            config: config.clone(),
            generations: Some(generations.clone()),
            control: plane.control().cloned(),
            patience,
            metrics: metrics.clone(),
            logger: logger.clone(),
        });
        let started = settings.map(|settings| Reloads::start(settings, logger));
        let (reloads, task) = started.unzip();
        Self {
            reloads,
            task,
            log,
            patience: patience_now,
        }
    }
}

/// Waits until the embedded control plane has told what there is to serve with.
async fn first_sets(
    generations: &Generations,
    tool_watch: &mut ToolServerWatch,
    watch: &mut ProviderWatch,
) -> Result<(), StartError> {
    tools::first(generations, tool_watch).await;
    match timeout(FIRST_PROVIDERS, watch.changed()).await {
        Ok(Some(snapshot)) => {
            generations.take(&snapshot);
            Ok(())
        }
        Ok(None) | Err(_) => Err(StartError::NoProviders),
    }
}

/// All that the operator can ask of this server.
fn operators_router(
    plane: &Plane,
    readiness: Readiness,
    metrics: Metrics,
    log: Option<(LevelSwitch, LogLosses)>,
    admin_token: Secret,
) -> Router {
    let (level, losses) = log.unzip();
    let gateway = Some((&readiness.gateway, readiness.generations.tools()));
    let reloads = readiness.reloads.clone();
    let routes = gateway_routes::router(gateway, reloads, level, admin_token);
    operator::router(plane, readiness, metrics, losses).merge(routes)
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
