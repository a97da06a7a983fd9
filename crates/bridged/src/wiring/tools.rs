//! Central tools: the way to tool servers, who hears of their changes, and how they end.

mod authority;
mod way_out;

use std::sync::Arc;
use std::time::Duration;

use bridge_intercept::{HiddenTurns, Tools, ToolsConfig};
use bridge_mcp::{Catalogues, Figures, McpConfig};
use bridge_rpc::{Channel, RemoteToolServers, TokenChange, ToolServerSet, ToolServerWatch};
use bridge_telemetry::{Metrics, ToolServerFigures, keys};
use bridge_upstream::Client;
use slog::{Logger, info, o};
use tokio::sync::watch;
use tokio::time::timeout;

use self::authority::ControlPlaneTools;
use self::way_out::WayOut;
use super::reload::Generations;

/// How long the embedded control plane may take to say whether there are tool servers.
const FIRST_SET: Duration = Duration::from_secs(5);

/// What handlers get their tools from. Cloning shares it. It outlives reloads: sessions and
/// remembered turns belong to callers and not to settings.
#[derive(Clone)]
pub(super) struct CentralTools {
    catalogues: Catalogues,
    memory: HiddenTurns,
    authority: Arc<ControlPlaneTools>,
    way_out: Arc<WayOut>,
}

impl CentralTools {
    /// Asks and opens nothing yet.
    pub(super) fn new(
        channel: &Channel,
        client: Client,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Self {
        let remote = RemoteToolServers::new(channel);
        let authority = Arc::new(ControlPlaneTools::new(remote, component(logger)));
        let way_out = Arc::new(WayOut::new(client));
        let exchange = Arc::clone(&way_out) as _;
        let asked = Arc::clone(&authority) as _;
        let config = McpConfig::default();
        Self {
            // It names the component by itself.
            catalogues: Catalogues::new(exchange, asked, config, metrics, logger),
            memory: HiddenTurns::new(metrics.clone()),
            authority,
            way_out,
        }
    }

    /// For handlers with these limits.
    pub(super) fn for_handlers(&self, config: Arc<ToolsConfig>) -> Tools {
        Tools {
            config,
            catalogues: self.catalogues.clone(),
            memory: self.memory.clone(),
        }
    }

    /// From now on tool servers are reached over these connections.
    pub(super) fn connect_over(&self, client: Client) {
        self.way_out.replace(client);
    }

    /// Whether tool servers may be spoken to from now on. Where they may not, sessions with them end
    /// at once, also those of callers who are here.
    pub(super) fn switch(&self, is_on: bool) {
        if self.authority.switch(is_on) {
            self.all_ask_again();
        }
    }

    /// What may be used has changed for everybody.
    pub(super) fn all_ask_again(&self) {
        self.catalogues.all_ask_again();
    }

    /// How tool servers are, for all callers who are here.
    pub(super) fn figures(&self) -> Figures {
        self.catalogues.figures()
    }

    /// Brings the gauges up to date.
    pub(super) fn measure(&self, metrics: &Metrics) {
        let figures = self.figures();
        let servers = figures.servers.into_iter().map(|server| ToolServerFigures {
            server: Arc::from(server.name),
            open: server.open,
            opening: server.opening,
            failing: server.down,
            without_credential: server.without_credential,
            tools: server.tools,
        });
        metrics.tool_servers(figures.catalogues, figures.listened_to, servers);
    }

    /// Takes leave of all tool servers, for twelve seconds at most, and no longer when somebody is
    /// in a hurry: a session that nobody ends is ended by its server. Nothing may need them any
    /// more.
    pub(super) async fn close(&self, mut hurried: watch::Receiver<bool>) {
        tokio::select! {
            () = self.catalogues.close() => {}
            // Nobody can hurry any more when the sender has gone.
            Ok(_) = hurried.wait_for(|hurried| *hurried) => {}
        }
    }
}

/// Waits until the embedded control plane has said whether there are tool servers, so that the
/// first request of all finds them. Without an answer requests have no tools until it comes.
pub(super) async fn first(generations: &Generations, watch: &mut ToolServerWatch) {
    if let Ok(Some(set)) = timeout(FIRST_SET, watch.changed()).await {
        generations.tool_servers(set.has_servers);
    }
}

/// Hears of changes: a set that differs, and users whose tokens are others.
pub(super) async fn follow(
    generations: Generations,
    tools: CentralTools,
    mut watch: ToolServerWatch,
    logger: Logger,
) {
    let logger = component(&logger);
    let mut changes = watch.token_changes();
    loop {
        tokio::select! {
            set = watch.changed() => match set {
                Some(set) => say(&logger, set, generations.tool_servers(set.has_servers)),
                None => return,
            },
            change = changes.next() => match change {
                Some(TokenChange::Of(actor)) => tools.catalogues.ask_again(&actor),
                Some(TokenChange::OfAnybody) => tools.catalogues.all_ask_again(),
                None => return,
            },
        }
    }
}

fn component(logger: &Logger) -> Logger {
    logger.new(o!(keys::COMPONENT => "tools"))
}

fn say(logger: &Logger, set: ToolServerSet, is_other_generation: bool) {
    info!(logger, "tool servers changed"; keys::GENERATION => set.generation,
        "has_servers" => set.has_servers, "new_handlers" => is_other_generation);
}
