//! The control plane in this process, and the gateway's way to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bridge_auth::Secret;
use bridge_control::store::SqliteStore;
use bridge_control::{ControlConfig, ControlServer, SealingKey};
use bridge_rpc::{Channel, ChannelConfig, ControlTarget, MemoryIncoming, memory_pipe};
use bridge_telemetry::{ErrorChain, Metrics};
use slog::{Logger, error};

use super::gateways::GatewayListener;
use super::running::{Pulse, Running};
use super::{StartError, seed};
use crate::config::Config;

/// The file of the embedded control plane, in the data folder.
const DATABASE: &str = "bridged.db";
/// The file of its sealing key, in the data folder unless another is named.
const SEALING_KEY: &str = "sealing.key";

/// A control plane that serves this process's own gateway over a memory pipe.
pub(super) struct Embedded {
    pub(super) control: ControlServer,
    /// The gateway's connection to it.
    pub(super) channel: Channel,
    /// Serves the gateway of this process.
    own: Running,
    /// Serves gateways of other machines, at this address.
    others: Option<(SocketAddr, Running)>,
}

impl Embedded {
    /// Opens the database, stores the configured providers, and connects.
    ///
    /// # Errors
    /// When something cannot be opened. Nothing is left running then.
    pub(super) async fn start(
        config: &Config,
        is_from_file: bool,
        folder: &Path,
        admin_token: Secret,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Result<Self, StartError> {
        let others = match config.listen.control_address {
            Some(_) => Some(GatewayListener::open(&config.listen, None).await?),
            None => None,
        };
        let control = open(config, is_from_file, folder, admin_token, metrics, logger).await?;
        let others = match others {
            Some(listener) => {
                let address = listener.address(&config.listen);
                Some((address, listener.serve(&control, logger).await?))
            }
            None => None,
        };
        let (dialer, incoming) = memory_pipe();
        let own = serve_own(&control, incoming, logger);
        let settings = ChannelConfig {
            gateway_name: "embedded".to_owned(),
            ..ChannelConfig::default()
        };
        let channel = Channel::connect(ControlTarget::Memory(dialer), settings, logger)
            .map_err(StartError::Channel)?;
        Ok(Self {
            own,
            others,
            control,
            channel,
        })
    }

    /// Where gateways of other machines connect, if they are served.
    pub(super) fn gateways_address(&self) -> Option<SocketAddr> {
        self.others.as_ref().map(|(address, _)| *address)
    }

    /// Whether those are still served, if they should be.
    pub(super) fn gateways(&self) -> Option<Pulse> {
        self.others.as_ref().map(|(_, others)| others.pulse())
    }

    /// Ends when every call is answered and no user's token is being got anew, or when that takes too
    /// long.
    pub(super) async fn stop(self, logger: &Logger) {
        drop(self.channel);
        let others = async {
            if let Some((_, others)) = self.others {
                others.stop(logger).await;
            }
        };
        tokio::join!(self.own.stop(logger), others);
        self.control.settle().await;
    }
}

/// Opens the database and stores the configured providers.
///
/// # Errors
/// When that cannot be done.
pub(super) async fn open(
    config: &Config,
    is_from_file: bool,
    folder: &Path,
    admin_token: Secret,
    metrics: &Metrics,
    logger: &Logger,
) -> Result<ControlServer, StartError> {
    let store = open_store(folder.join(DATABASE)).await?;
    let control_config = ControlConfig {
        build_version: env!("CARGO_PKG_VERSION").to_owned(),
        sealing_key: sealing_key(config, folder),
        ..ControlConfig::new(admin_token)
    };
    let control = ControlServer::new(Arc::new(store), control_config, metrics.clone(), logger);
    seed::providers(&control, config, is_from_file).await?;
    Ok(control)
}

fn sealing_key(config: &Config, folder: &Path) -> SealingKey {
    let named = config.sealing_key.clone();
    named.unwrap_or_else(|| SealingKey::File(folder.join(SEALING_KEY)))
}

async fn open_store(path: PathBuf) -> Result<SqliteStore, StartError> {
    // Opening migrates the schema, which may take a while on a large file.
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(path)).await;
    match opened {
        Ok(store) => store.map_err(StartError::Store),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn serve_own(control: &ControlServer, incoming: MemoryIncoming, logger: &Logger) -> Running {
    let (control, lines) = (control.clone(), logger.clone());
    Running::start(logger, "control plane", |stopped| async move {
        if let Err(cause) = control.serve_gateways(incoming, stopped.wait()).await {
            error!(lines, "the control plane stopped"; "error" => ErrorChain(&cause));
        }
    })
}
