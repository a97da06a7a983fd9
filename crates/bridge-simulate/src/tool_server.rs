//! A tool server: MCP over streamable HTTP, for trying out what calls tools.
//!
//! It speaks the revisions with sessions, from 2025-03-26 to 2025-11-25: clients that ask for
//! `server/discover` first are told that there is no such method and fall back.

mod call;
mod config;
mod http_face;
mod memory;
mod methods;
mod reply;
mod rpc;
mod session;
mod tool;
mod trouble;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::keys;
use bridge_telemetry::task::{self, Task};
use slog::{Logger, info, o};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

pub use self::config::{ToolAnswers, ToolServerConfig};
pub use self::memory::{ToolCallEnd, ToolCallSeen, ToolRequestSeen, ToolServerSeen};
pub use self::tool::{SimulatedTool, ToolAnswer};
pub use self::trouble::ToolTrouble;

use self::http_face::Server;
use crate::{SimulateError, listen};

/// A tool server that listens. Dropping it ends it and cuts all connections.
pub struct ToolServer {
    address: SocketAddr,
    server: Arc<Server>,
    stop: watch::Sender<Option<Instant>>,
    serving: Task<usize>,
}

impl ToolServer {
    /// Starts a tool server. It serves from the moment this returns.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(config: ToolServerConfig, logger: &Logger) -> Result<Self, SimulateError> {
        let logger = logger.new(o!(keys::COMPONENT => "simulate"));
        let address = config.listen;
        let failed = |source| SimulateError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        info!(logger, "simulated tool server listens"; "address" => %address);
        let server = Arc::new(Server::new(config));
        let (stop, stopping) = watch::channel(None);
        let serving = listen::serve(listener, Arc::clone(&server), stopping, logger.clone());
        let serving = task::spawn(&logger, "simulated tool server", serving);
        Ok(Self {
            address,
            server,
            stop,
            serving,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that clients are given.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// What it has seen until now.
    #[must_use]
    pub fn seen(&self) -> ToolServerSeen {
        self.server.memory.seen()
    }

    /// Waits until what it has seen is as wanted, and gives it back. It waits for ever when that
    /// never comes: give it a timeout. Dropping the future changes nothing.
    pub async fn wait_for(&self, is_wanted: impl FnMut(&ToolServerSeen) -> bool) -> ToolServerSeen {
        self.server.memory.wait_for(is_wanted).await
    }

    /// Has other tools from now on, and tells all open streams that the list has changed.
    pub fn change_tools(&self, tools: Vec<SimulatedTool>) {
        self.server.change_tools(tools);
    }

    /// Behaves otherwise from now on. What is being answered is not changed.
    pub fn change_trouble(&self, trouble: ToolTrouble) {
        self.server.change_trouble(trouble);
    }

    /// Forgets all sessions, as a restart does: their next requests are answered with 404, and
    /// their streams end.
    pub fn forget_sessions(&self) {
        self.server.sessions.forget_all();
    }

    /// Takes no further connections, ends all streams, lets running calls finish until `patience`
    /// has passed, and says how many connections were cut then. Dropping the future cuts at once.
    pub async fn shutdown(self, patience: Duration) -> usize {
        self.server.sessions.end_streams();
        self.stop.send_replace(Some(Instant::now() + patience));
        self.serving.join().await.unwrap_or(0)
    }
}

impl fmt::Debug for ToolServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
