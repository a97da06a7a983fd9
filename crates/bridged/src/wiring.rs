//! A running server: `start.rs` builds its floors from the bottom up, and `run` takes them down in
//! the right order.

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
mod start;
mod start_error;
mod tools;
mod traces;
mod translate;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bridge_control::ControlServer;
use bridge_gateway::Gateway;
use bridge_intercept::Cutoff;
use bridge_rpc::RemoteAuthorizer;
use bridge_telemetry::task::Task;
use slog::{Logger, info};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

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
pub(crate) use self::settings::{Rereads, Source};
pub(crate) use self::start_error::StartError;
use self::traces::Traces;

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
