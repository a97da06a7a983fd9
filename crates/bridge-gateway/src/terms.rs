//! What requests are served on: the providers and limits of one generation, replaced as a whole.

use std::sync::Arc;

use bridge_intercept::Blueprint;

use crate::GatewayConfig;

/// One generation. A request takes it when it arrives and keeps it to its end.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Counts from one, and up with each replacement.
    pub(crate) generation: u64,
    /// Limits of the HTTP face.
    pub(crate) limits: GatewayConfig,
    /// Providers and habits of the engine; nothing until the first ones have come.
    pub(crate) blueprint: Option<Arc<Blueprint>>,
}

impl Terms {
    /// The first generation: limits, and nobody to ask.
    pub(crate) fn first(limits: GatewayConfig) -> Self {
        Self {
            generation: 1,
            limits,
            blueprint: None,
        }
    }

    /// The generation after this one.
    pub(crate) fn next(&self, limits: GatewayConfig, blueprint: Arc<Blueprint>) -> Self {
        Self {
            generation: self.generation + 1,
            limits,
            blueprint: Some(blueprint),
        }
    }
}
