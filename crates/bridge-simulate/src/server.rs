//! The simulated provider itself: it listens, serves, and ends.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::keys;
use bridge_telemetry::task::{self, Task};
use slog::{Logger, info, o};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::SimulateConfig;
use crate::ledger_file::LedgerFile;
use crate::listen;
use crate::past::Pasts;
use crate::provider::Provider;
use crate::seen::{Ends, Ledger, Seen};

/// Why a simulated provider cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The ledger file cannot be opened.
    #[error("cannot open the ledger file {}", path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// A simulated provider that listens. Dropping it ends it and cuts all connections.
pub struct Simulator {
    address: SocketAddr,
    ledger: Arc<Ledger>,
    stop: watch::Sender<Option<Instant>>,
    serving: Task<usize>,
}

impl Simulator {
    /// Starts a provider. It serves from the moment this returns.
    ///
    /// # Errors
    /// When the address cannot be listened on or the ledger file cannot be opened.
    pub async fn bind(config: SimulateConfig, logger: &Logger) -> Result<Self, SimulateError> {
        let logger = logger.new(o!(keys::COMPONENT => "simulate"));
        let file = open_ledger(&config, &logger)?;
        let address = config.listen;
        let failed = |source| SimulateError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        info!(logger, "simulated provider listens"; "address" => %address);
        let ledger = Arc::new(Ledger::new(config.keep_seen, file));
        let provider = Arc::new(Provider {
            config,
            ledger: Arc::clone(&ledger),
            pasts: Pasts::default(),
        });
        let (stop, stopping) = watch::channel(None);
        let serving = listen::serve(listener, provider, stopping, logger.clone());
        let serving = task::spawn(&logger, "simulated provider", serving);
        Ok(Self {
            address,
            ledger,
            stop,
            serving,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base address for clients and gateways that add `/v1/messages` to it.
    #[must_use]
    pub fn base_url_anthropic(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base address for clients and gateways that add `/chat/completions` or `/responses`.
    #[must_use]
    pub fn base_url_openai(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The last requests, oldest first, as many as
    /// [`keep_seen`](SimulateConfig::keep_seen) says. A request is in it as soon as its body was
    /// read, before it is answered.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.ledger.seen()
    }

    /// How many requests there were.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.ledger.requests()
    }

    /// How all model answers ended. Refusals, lists and counts are not among them.
    #[must_use]
    pub fn ends(&self) -> Ends {
        self.ledger.ends()
    }

    /// How the answers with this id ended, if it is among those remembered.
    #[must_use]
    pub fn ends_of(&self, response_id: &str) -> Ends {
        self.ledger.ends_of(response_id)
    }

    /// Takes no further connections, lets running answers finish until `patience` has passed, and
    /// says how many connections were cut then. Dropping the future cuts at once.
    pub async fn shutdown(self, patience: Duration) -> usize {
        self.stop.send_replace(Some(Instant::now() + patience));
        self.serving.join().await.unwrap_or(0)
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn open_ledger(
    config: &SimulateConfig,
    logger: &Logger,
) -> Result<Option<LedgerFile>, SimulateError> {
    let Some(path) = config.ledger.clone() else {
        return Ok(None);
    };
    let opened = LedgerFile::open(&path, config.ledger_bytes, logger);
    opened
        .map(Some)
        .map_err(|source| SimulateError::Ledger { path, source })
}
