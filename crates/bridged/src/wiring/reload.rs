//! A new set of providers becomes a new generation, or stays away as a whole.

use std::sync::Arc;

use bridge_gateway::{Gateway, GatewayConfig};
use bridge_intercept::{Blueprint, ProviderSet, ProviderSpec};
use bridge_rpc::{ProviderSnapshot, ProviderWatch, Snapshot};
use bridge_telemetry::{ErrorChain, keys};
use slog::{Logger, error};

/// Turns snapshots into blueprints.
pub(super) struct Reload {
    gateway: Gateway,
    /// What stays the same when providers change.
    blueprint: Blueprint,
    limits: GatewayConfig,
    logger: Logger,
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
            logger: logger.clone(),
        }
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
            }
            Err(problems) => {
                for problem in &problems {
                    error!(self.logger, "set of providers refused, the one before stays";
                        keys::GENERATION => snapshot.generation,
                        keys::ERROR => ErrorChain(problem));
                }
                self.blueprint.metrics.reloaded(snapshot.generation, false);
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
