//! What the gateway serves on, put together from two sides: providers come from the control plane,
//! everything else from the configuration. News of either begins a generation, or stays away as a
//! whole.

use std::sync::Arc;

use bridge_api::ProviderType;
use bridge_auth::HeaderPolicy;
use bridge_gateway::{Gateway, GatewayConfig};
use bridge_intercept::{Blueprint, InterceptConfig, ProviderSet, ProviderState, ToolsConfig};
use bridge_rpc::Snapshot;
use bridge_telemetry::{ErrorChain, ProviderFigures, ProviderStatus, keys};
use bridge_upstream::{Client, Dumps};
use parking_lot::Mutex;
use slog::{Logger, error};
use tokio::sync::watch;

use super::last_set::LastSet;
use super::provider_spec::spec;
use super::tools::CentralTools;

/// Begins the generations of one gateway. Cloning shares it.
#[derive(Clone)]
pub(super) struct Generations(Arc<Inner>);

struct Inner {
    gateway: Gateway,
    /// Held while a generation is begun, so that news of both sides come one after the other.
    parts: Mutex<Parts>,
    last_set: LastSet,
    /// The number of the last set of providers that came, taken or refused.
    seen: watch::Sender<u64>,
    logger: Logger,
}

struct Parts {
    blueprint: Blueprint,
    limits: GatewayConfig,
    client: Client,
    tools: CentralTools,
    /// How much is done with them; none while they are switched off.
    tools_config: Option<Arc<ToolsConfig>>,
    has_tool_servers: bool,
    /// There is nothing to serve with until the first providers have come.
    has_providers: bool,
}

/// What the configuration says of a generation.
pub(super) struct Habits {
    pub(super) limits: GatewayConfig,
    pub(super) engine: InterceptConfig,
    pub(super) policy: Arc<HeaderPolicy>,
    /// Connections to providers, if their settings are others now.
    pub(super) client: Option<Client>,
    pub(super) dumps: Option<Dumps>,
    pub(super) tools: Option<ToolsConfig>,
}

impl Generations {
    /// The blueprint's providers are not used: the first ones are still to come.
    pub(super) fn new(
        gateway: Gateway,
        blueprint: Blueprint,
        limits: GatewayConfig,
        client: Client,
        tools: (CentralTools, Option<ToolsConfig>),
        logger: &Logger,
    ) -> Self {
        let (tools, tools_config) = tools;
        Self(Arc::new(Inner {
            gateway,
            parts: Mutex::new(Parts {
                blueprint,
                limits,
                client,
                tools,
                tools_config: tools_config.map(Arc::new),
                has_tool_servers: false,
                has_providers: false,
            }),
            last_set: LastSet::default(),
            seen: watch::Sender::new(0),
            logger: logger.clone(),
        }))
    }

    /// Tells what became of the last set of providers.
    pub(super) fn last_set(&self) -> LastSet {
        self.0.last_set.clone()
    }

    /// Waits until the set of providers with this number has come, or a later one.
    pub(super) async fn until_seen(&self, number: u64) {
        let mut seen = self.0.seen.subscribe();
        // The sender lives as long as this.
        let _ignored = seen.wait_for(|seen| *seen >= number).await;
    }

    /// Uses a set of providers from now on, unless it contradicts itself: then the one before stays.
    /// A provider that cannot be used is marked and does not hurt the others. Says whether the set
    /// is used.
    pub(super) fn take(&self, snapshot: &Snapshot) -> bool {
        let is_taken = self.try_take(snapshot);
        self.0.seen.send_replace(snapshot.generation);
        is_taken
    }

    fn try_take(&self, snapshot: &Snapshot) -> bool {
        let specs = snapshot.providers.iter().map(spec).collect();
        let mut parts = self.0.parts.lock();
        match ProviderSet::try_new(specs) {
            Ok(providers) => {
                self.say_unusable(snapshot.generation, &providers);
                parts.blueprint.metrics.providers(figures(&providers));
                let providers = providers.keeping(&parts.blueprint.providers);
                parts.blueprint.providers = Arc::new(providers);
                parts.has_providers = true;
                parts.begin(&self.0.gateway);
                parts.blueprint.metrics.reloaded(snapshot.generation, true);
                self.0.last_set.taken();
                true
            }
            Err(problems) => {
                for problem in &problems {
                    error!(self.0.logger, "set of providers refused, the one before stays";
                        keys::GENERATION => snapshot.generation,
                        keys::ERROR => ErrorChain(problem));
                }
                parts.blueprint.metrics.reloaded(snapshot.generation, false);
                let first = problems.first().map(|one| ErrorChain(one).to_string());
                self.0
                    .last_set
                    .refused(snapshot.generation, first.unwrap_or_default());
                false
            }
        }
    }

    fn say_unusable(&self, generation: u64, providers: &ProviderSet) {
        for provider in providers.list() {
            if let Some(reason) = provider.error() {
                error!(self.0.logger, "provider cannot be used";
                    keys::GENERATION => generation,
                    keys::PROVIDER => &*provider.name,
                    keys::ERROR => ErrorChain(reason));
            }
        }
    }

    /// Uses these habits from now on. Says the number of the generation, if one could begin.
    pub(super) fn adopt(&self, habits: Habits) -> Option<u64> {
        let mut parts = self.0.parts.lock();
        parts.limits = habits.limits;
        parts.blueprint.config = habits.engine;
        parts.blueprint.policy = habits.policy;
        parts.blueprint.dumps = habits.dumps;
        if let Some(client) = habits.client {
            parts.blueprint.exchange = Arc::new(client.clone());
            parts.tools.connect_over(client.clone());
            parts.client = client;
        }
        parts.tools.switch(habits.tools.is_some());
        parts.tools_config = habits.tools.map(Arc::new);
        parts.take_tools();
        parts.has_providers.then(|| parts.begin(&self.0.gateway))
    }

    /// There are other tool servers now, or none any more. The catalogues that there are ask again,
    /// so that sessions with servers that stay are not opened anew; with the first server and after
    /// the last one a generation begins besides, of handlers with tools or without. Says whether one
    /// began.
    pub(super) fn tool_servers(&self, has_servers: bool) -> bool {
        let mut parts = self.0.parts.lock();
        // Also after the last one: what is open of it ends at once.
        parts.tools.all_ask_again();
        if parts.has_tool_servers == has_servers {
            return false;
        }
        parts.has_tool_servers = has_servers;
        parts.take_tools();
        let begins = parts.has_providers;
        if begins {
            parts.begin(&self.0.gateway);
        }
        begins
    }

    /// What handlers get their tools from.
    pub(super) fn tools(&self) -> CentralTools {
        self.0.parts.lock().tools.clone()
    }

    /// Brings the gauges of keys, breakers and tool servers up to date.
    pub(super) fn measure(&self) {
        let (providers, metrics, tools) = {
            let parts = self.0.parts.lock();
            let blueprint = &parts.blueprint;
            let tools = parts.tools.clone();
            let metrics = blueprint.metrics.clone();
            (Arc::clone(&blueprint.providers), metrics, tools)
        };
        providers.measure(&metrics);
        tools.measure(&metrics);
    }

    /// What writes exchanges to files, if anything does.
    pub(super) fn dumps(&self) -> Option<Dumps> {
        self.0.parts.lock().blueprint.dumps.clone()
    }

    /// Clears away what has grown old: handlers, and connections that wait.
    pub(super) fn sweep(&self) {
        self.0.gateway.sweep();
        let client = self.0.parts.lock().client.clone();
        client.sweep();
    }
}

impl Parts {
    /// Handlers that are built from now on have tools if there are any.
    fn take_tools(&mut self) {
        let config = self.tools_config.as_ref().filter(|_| self.has_tool_servers);
        let tools = config.map(|config| self.tools.for_handlers(Arc::clone(config)));
        self.blueprint.tools = tools;
    }

    fn begin(&self, gateway: &Gateway) -> u64 {
        gateway.replace(Arc::new(self.blueprint.clone()), self.limits.clone())
    }
}

fn figures(providers: &ProviderSet) -> Vec<ProviderFigures> {
    let list = providers.list().into_iter();
    let figures = list.map(|provider| ProviderFigures {
        name: Arc::clone(&provider.name),
        kind: provider
            .provider_type
            .map_or("unknown", ProviderType::as_str),
        status: match provider.state {
            ProviderState::Enabled(_) => ProviderStatus::Enabled,
            ProviderState::Disabled => ProviderStatus::Disabled,
            ProviderState::Error(_) => ProviderStatus::Error,
        },
    });
    figures.collect()
}
