//! A new set of providers becomes a new generation, or stays away as a whole.

use std::sync::Arc;

use bridge_gateway::{Gateway, GatewayConfig};
use bridge_intercept::{Blueprint, ProviderSet, ProviderSpec};
use bridge_rpc::{ProviderSnapshot, ProviderWatch, Snapshot};
use bridge_telemetry::{ErrorChain, keys, wall_clock};
use jiff::Timestamp;
use parking_lot::Mutex;
use slog::{Logger, error};

use super::readiness::{Reason, State};

/// Turns snapshots into blueprints.
pub(super) struct Reload {
    gateway: Gateway,
    /// What stays the same when providers change.
    blueprint: Blueprint,
    limits: GatewayConfig,
    last_set: LastSet,
    logger: Logger,
}

/// What became of the last set of providers that came. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub(super) struct LastSet(Arc<Mutex<Option<RefusedSet>>>);

#[derive(Debug, Clone)]
struct RefusedSet {
    generation: u64,
    since: Option<Timestamp>,
    /// The first thing that is wrong with it.
    problem: String,
}

impl LastSet {
    /// It was refused, and the one before is in use.
    pub(super) fn trouble(&self) -> Option<Reason> {
        let refused = self.0.lock().clone()?;
        let text = format!(
            "set {} of providers was refused, the one before stays: {}",
            refused.generation, refused.problem
        );
        let reason = Reason::new(State::Degraded, "providers_refused", text);
        Some(Reason {
            since: refused.since,
            ..reason
        })
    }

    fn taken(&self) {
        *self.0.lock() = None;
    }

    fn refused(&self, generation: u64, problem: String) {
        let since = Timestamp::try_from(wall_clock()).ok();
        let since = since.and_then(|since| Timestamp::from_second(since.as_second()).ok());
        *self.0.lock() = Some(RefusedSet {
            generation,
            since,
            problem,
        });
    }
}

impl Reload {
    pub(super) fn new(
        gateway: Gateway,
        blueprint: Blueprint,
        limits: GatewayConfig,
        logger: &Logger,
    ) -> Self {
        Self {
            gateway,
            blueprint,
            limits,
            last_set: LastSet::default(),
            logger: logger.clone(),
        }
    }

    /// Tells what became of the last set.
    pub(super) fn last_set(&self) -> LastSet {
        self.last_set.clone()
    }

    /// Uses a set from now on if all of it is good; otherwise the one before stays.
    pub(super) fn take(&self, snapshot: &Snapshot) {
        let specs = snapshot.providers.iter().map(spec).collect();
        match ProviderSet::try_new(specs) {
            Ok(providers) => {
                let blueprint = Blueprint {
                    providers: Arc::new(providers),
                    ..self.blueprint.clone()
                };
                let limits = self.limits.clone();
                self.gateway.replace(Arc::new(blueprint), limits);
                self.blueprint.metrics.reloaded(snapshot.generation, true);
                self.last_set.taken();
            }
            Err(problems) => {
                for problem in &problems {
                    error!(self.logger, "set of providers refused, the one before stays";
                        keys::GENERATION => snapshot.generation,
                        keys::ERROR => ErrorChain(problem));
                }
                self.blueprint.metrics.reloaded(snapshot.generation, false);
                let first = problems
                    .first()
                    .map(|problem| ErrorChain(problem).to_string());
                self.last_set
                    .refused(snapshot.generation, first.unwrap_or_default());
            }
        }
    }

    /// Takes every set that comes.
    pub(super) async fn follow(self, mut watch: ProviderWatch) {
        while let Some(snapshot) = watch.changed().await {
            self.take(&snapshot);
        }
    }
}

fn spec(provider: &ProviderSnapshot) -> ProviderSpec {
    ProviderSpec {
        name: provider.name.clone(),
        provider_type: provider.provider_type.clone(),
        enabled: provider.enabled,
        base_url: provider.base_url.clone(),
        keys: provider.keys.clone(),
    }
}
