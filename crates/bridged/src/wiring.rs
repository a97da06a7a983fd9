//! Builds the floors from the bottom up, and takes them down in the right order.

mod operator;
mod readiness;
mod reload;
mod seed;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bridge_auth::{Authorizer, HeaderPolicyError, Seal, Secret};
use bridge_control::store::{OpenError, SqliteStore};
use bridge_control::{ControlConfig, ControlError, ControlServer};
use bridge_gateway::{Gateway, GatewayConfig, GatewayParts};
use bridge_intercept::{Blueprint, Cutoff, InterceptConfig, ProviderSet};
use bridge_pool::PoolConfig;
use bridge_record::{Batcher, BatcherConfig, Recorder};
use bridge_rpc::{
    AuthorizerConfig, Channel, ChannelConfig, ChannelError, ControlTarget, ProviderWatch,
    RandomnessError, RemoteAuthorizer, RemoteSink, memory_pipe,
};
use bridge_telemetry::task::{self, Task};
use bridge_telemetry::{ErrorChain, Metrics};
use bridge_upstream::{Client, ClientConfig, ClientError, Timeouts};
use slog::{Logger, error, info, warn};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, interval, timeout};

use self::readiness::Readiness;
use self::reload::Reload;
use crate::config::Config;
use crate::observers::PoolMetrics;

/// The file of the embedded control plane, in the data folder.
const DATABASE: &str = "bridged.db";
/// How often what has grown old is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How long the last records may take to be kept once nothing runs any more.
const FLUSH_PATIENCE: Duration = Duration::from_secs(30);
/// How long the listeners behind the gateway may take to end.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How long the first set of providers may take to arrive.
const FIRST_PROVIDERS: Duration = Duration::from_secs(15);

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A listener cannot be opened.
    #[error("cannot listen on {address} ({setting}): is another bridged running there?")]
    Listen {
        /// Which setting says so.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("the embedded control plane cannot open its database")]
    Store(#[source] OpenError),
    /// The configured providers cannot be stored.
    #[error("provider {name:?} cannot be stored")]
    Seed {
        /// Its name.
        name: String,
        /// Why not.
        source: ControlError,
    },
    /// The control plane could not be asked.
    #[error("the embedded control plane does not answer")]
    Control(#[source] ControlError),
    /// Header names do not fit together.
    #[error("header names cannot be used")]
    Headers(#[source] HeaderPolicyError),
    /// Connections to providers cannot be set up.
    #[error("connections to providers cannot be set up")]
    Upstream(#[source] ClientError),
    /// The way to the control plane cannot be set up.
    #[error("the way to the control plane cannot be set up")]
    Channel(#[source] ChannelError),
    /// The system has no random numbers.
    #[error(transparent)]
    Random(RandomnessError),
    /// No set of providers came.
    #[error("no set of providers came from the control plane within {} s", FIRST_PROVIDERS.as_secs())]
    NoProviders,
}

/// A running server: gateway, embedded control plane and operator's listener.
pub(crate) struct Server {
    gateway_address: SocketAddr,
    operator_address: SocketAddr,
    gateway: Gateway,
    control: ControlServer,
    batcher: Batcher,
    cutoff: Cutoff,
    logger: Logger,
    listener: TcpListener,
    /// Ends the listener of the operator and the control plane.
    stop: (oneshot::Sender<()>, oneshot::Sender<()>),
    operator: Task<()>,
    gateways: Task<()>,
    /// They end with the server.
    _reload: Task<()>,
    _sweep: Task<()>,
}

impl Server {
    /// Opens everything and waits until there are providers to serve with.
    ///
    /// # Errors
    /// When something cannot be opened. Nothing is left running then.
    pub(crate) async fn start(
        config: &Config,
        is_from_file: bool,
        folder: &Path,
        admin_token: Secret,
        logger: &Logger,
    ) -> Result<Self, StartError> {
        let listen = &config.listen;
        let listener = bind("listen.address", listen.address).await?;
        let operator_listener = bind("listen.operator_address", listen.operator_address).await?;
        let metrics = Metrics::default();
        let policy = Arc::new(config.headers.policy().map_err(StartError::Headers)?);
        let client =
            Client::try_new(&client_config(config), logger).map_err(StartError::Upstream)?;

        let store = open_store(folder.join(DATABASE)).await?;
        let control_config = ControlConfig::new(admin_token);
        let control = ControlServer::new(Arc::new(store), control_config, metrics.clone(), logger);
        seed::providers(&control, config, is_from_file).await?;
        let (channel, gateways, stop_control) = connect(&control, logger)?;

        let authorizer_config = AuthorizerConfig {
            lease: config.auth.cache.0,
            capacity: config.auth.cache_entries.0,
            ..AuthorizerConfig::default()
        };
        let authorizer: Arc<dyn Authorizer> = Arc::new(
            RemoteAuthorizer::start(&channel, authorizer_config).map_err(StartError::Random)?,
        );
        let sink = Arc::new(RemoteSink::new(&channel));
        let batcher = Batcher::start_with(sink, batcher_config(config), metrics.clone(), logger);
        let mut watch = ProviderWatch::start(&channel);

        let cutoff = Cutoff::default();
        let gateway = Gateway::new(GatewayParts {
            config: gateway_config(config, &metrics),
            authorizer: Arc::clone(&authorizer),
            policy: Arc::clone(&policy),
            seal: Seal::new(),
            metrics: metrics.clone(),
            logger: logger.clone(),
        });
        let blueprint = Blueprint {
            providers: Arc::new(ProviderSet::default()),
            exchange: Arc::new(client.clone()),
            recorder: Arc::new(batcher.clone()) as Arc<dyn Recorder>,
            authorizer,
            policy,
            config: intercept_config(config),
            metrics: metrics.clone(),
            cutoff: cutoff.clone(),
        };
        let reload = Reload::new(gateway.clone(), blueprint, logger);
        let first = timeout(FIRST_PROVIDERS, watch.changed()).await;
        match first {
            Ok(Some(snapshot)) => reload.take(&snapshot),
            Ok(None) | Err(_) => return Err(StartError::NoProviders),
        }
        let readiness = Readiness::new(gateway.clone(), channel.clone());
        let (stop_operator, stopped) = oneshot::channel();
        let operator_address = address_of(&operator_listener, listen.operator_address);
        let router = operator::router(&control, readiness, metrics);
        let operator = operator::serve(operator_listener, router, stopped, logger);
        Ok(Self {
            gateway_address: address_of(&listener, listen.address),
            operator_address,
            _sweep: sweep(gateway.clone(), client, logger),
            _reload: task::spawn(logger, "reload", reload.follow(watch)),
            gateway,
            control,
            batcher,
            cutoff,
            logger: logger.clone(),
            listener,
            stop: (stop_operator, stop_control),
            operator,
            gateways,
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

    /// The embedded control plane.
    pub(crate) fn control(&self) -> &ControlServer {
        &self.control
    }

    /// Serves until `drain` is done, then lets running requests finish until `cut` is, keeps the
    /// last records and ends. Says how many records could not be kept.
    pub(crate) async fn run(
        self,
        drain: impl Future<Output = ()>,
        cut: impl Future<Output = ()>,
    ) -> usize {
        let Self {
            gateway,
            batcher,
            cutoff,
            logger,
            listener,
            stop,
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
        let left = batcher.close(Instant::now() + FLUSH_PATIENCE).await;
        if left > 0 {
            error!(logger, "records are lost: the control plane did not take them";
                "records" => left);
        }
        // Whoever has gone away needs no telling.
        let _gone = (stop.0.send(()), stop.1.send(()));
        for (name, task) in [("operator", self.operator), ("gateways", self.gateways)] {
            match timeout(STOP_PATIENCE, task.join()).await {
                Ok(Ok(())) => {}
                Ok(Err(cause)) => {
                    warn!(logger, "a task broke"; "task" => name, "error" => ErrorChain(&cause));
                }
                Err(_) => warn!(logger, "a task was ended"; "task" => name),
            }
        }
        left
    }
}

async fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen {
            setting,
            address,
            source,
        })
}

/// The address with the port that the system chose for port zero.
fn address_of(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

async fn open_store(path: PathBuf) -> Result<SqliteStore, StartError> {
    // Opening migrates the schema, which may take a while on a large file.
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(path)).await;
    match opened {
        Ok(store) => store.map_err(StartError::Store),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Serves this process's own gateway over a memory pipe, and connects to it.
fn connect(
    control: &ControlServer,
    logger: &Logger,
) -> Result<(Channel, Task<()>, oneshot::Sender<()>), StartError> {
    let (dialer, incoming) = memory_pipe();
    let (stop, stopped) = oneshot::channel();
    let gateways = serve_gateways(control, incoming, stopped, logger);
    let config = ChannelConfig {
        gateway_name: "embedded".to_owned(),
        ..ChannelConfig::default()
    };
    let channel = Channel::connect(ControlTarget::Memory(dialer), config, logger)
        .map_err(StartError::Channel)?;
    Ok((channel, gateways, stop))
}

fn serve_gateways(
    control: &ControlServer,
    incoming: bridge_rpc::MemoryIncoming,
    stopped: oneshot::Receiver<()>,
    logger: &Logger,
) -> Task<()> {
    let (control, lines) = (control.clone(), logger.clone());
    task::spawn(logger, "control plane", async move {
        let shutdown = async move {
            // The owner going away is an order to stop, too.
            let _ignored = stopped.await;
        };
        if let Err(cause) = control.serve_gateways(incoming, shutdown).await {
            error!(lines, "the control plane stopped"; "error" => ErrorChain(&cause));
        }
    })
}

fn sweep(gateway: Gateway, client: Client, logger: &Logger) -> Task<()> {
    task::spawn(logger, "sweep", async move {
        let mut ticks = interval(SWEEP_EVERY);
        loop {
            ticks.tick().await;
            gateway.sweep();
            client.sweep();
        }
    })
}

fn client_config(config: &Config) -> ClientConfig {
    let upstream = &config.upstream;
    ClientConfig {
        timeouts: Timeouts {
            connect: upstream.connect_timeout,
            head: upstream.head_timeout,
            silence: upstream.silence,
        },
        idle_per_endpoint: upstream.idle_connections.0,
        idle_keep: upstream.idle_lifetime,
        extra_roots: upstream.extra_roots.clone(),
    }
}

fn gateway_config(config: &Config, metrics: &Metrics) -> GatewayConfig {
    let gateway = &config.gateway;
    GatewayConfig {
        body_bytes: gateway.body_bytes.0,
        body_silence: gateway.body_silence,
        head_timeout: gateway.head_timeout,
        connections: gateway.connections.0,
        allow_own_keys: gateway.allow_own_keys,
        pool: PoolConfig {
            capacity: gateway.ready_handlers.0,
            ttl: gateway.handler_lifetime,
            observer: Some(Arc::new(PoolMetrics(metrics.clone()))),
            ..PoolConfig::default()
        },
    }
}

fn intercept_config(config: &Config) -> InterceptConfig {
    let engine = &config.engine;
    InterceptConfig {
        body_bytes: engine.decoded_body_bytes.0,
        ping_after: engine.ping_after,
        answer_bytes: engine.answer_bytes.0,
        held_bytes: engine.held_bytes.0,
        send_actor: engine.send_actor,
    }
}

fn batcher_config(config: &Config) -> BatcherConfig {
    let record = &config.record;
    BatcherConfig {
        waiting_bytes: record.waiting_bytes.0,
        batch_records: record.batch_records.0,
        batch_bytes: record.batch_bytes.0,
        linger: record.linger,
    }
}
