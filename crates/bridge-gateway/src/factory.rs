//! Handlers and the key they are pooled under.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use bridge_auth::ActorId;
use bridge_intercept::{Blueprint, Handler};
use bridge_pool::{Factory, Generation};

/// Whose handler it is. Two keys of one user have two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HandlerKey {
    /// The user.
    pub initiator: ActorId,
    /// The key that was presented.
    pub api_key_id: String,
}

/// Builds handlers from the current blueprint.
#[derive(Debug, Default)]
pub(crate) struct HandlerFactory {
    blueprint: ArcSwapOption<Blueprint>,
}

impl HandlerFactory {
    pub(crate) fn blueprint(&self) -> Option<Arc<Blueprint>> {
        self.blueprint.load_full()
    }

    pub(crate) fn replace(&self, blueprint: Arc<Blueprint>) {
        self.blueprint.store(Some(blueprint));
    }
}

/// There are no providers yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no providers loaded")]
pub(crate) struct NoBlueprint;

#[async_trait]
impl Factory for HandlerFactory {
    type Key = HandlerKey;
    type Handler = Handler;
    type Error = NoBlueprint;

    async fn build(&self, key: &HandlerKey, _: Generation) -> Result<Handler, NoBlueprint> {
        let blueprint = self.blueprint().ok_or(NoBlueprint)?;
        Ok(Handler::new(
            blueprint,
            key.initiator,
            key.api_key_id.clone(),
        ))
    }
}
