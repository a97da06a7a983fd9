//! Handlers and the key they are pooled under.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bridge_auth::ActorId;
use bridge_intercept::Handler;
use bridge_pool::{Factory, Generation};

use crate::terms::Terms;

/// Whose handler it is. Two keys of one user have two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HandlerKey {
    /// The user.
    pub initiator: ActorId,
    /// The key that was presented.
    pub api_key_id: String,
}

/// Builds handlers from the current terms.
#[derive(Debug)]
pub(crate) struct HandlerFactory {
    terms: ArcSwap<Terms>,
}

impl HandlerFactory {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            terms: ArcSwap::from_pointee(terms),
        }
    }

    pub(crate) fn terms(&self) -> Arc<Terms> {
        self.terms.load_full()
    }

    pub(crate) fn replace(&self, terms: Terms) {
        self.terms.store(Arc::new(terms));
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
        let terms = self.terms();
        let blueprint = terms.blueprint.as_ref().ok_or(NoBlueprint)?;
        Ok(Handler::new(
            Arc::clone(blueprint),
            key.initiator,
            key.api_key_id.clone(),
        ))
    }
}
