//! The seam that builds handlers.

use std::error::Error;
use std::hash::Hash;
use std::sync::Arc;

use async_trait::async_trait;

use crate::Generation;

/// Builds a handler for a key.
#[async_trait]
pub trait Factory: Send + Sync {
    /// What handlers are pooled under. It is hashed and compared under the pool's lock, so neither
    /// may call the pool.
    type Key: Eq + Hash + Clone + Send + Sync;
    /// What is pooled.
    type Handler: Send + Sync + 'static;
    /// Why there is no handler. All who waited for the build get the same one.
    type Error: Error + Send + Sync + 'static;

    /// Builds the handler of `key` from the configuration of `generation`, or a later one.
    ///
    /// The future is dropped when the caller that builds goes away; another one then begins
    /// afresh. It may call the pool, but not for the same key: that would wait for itself.
    ///
    /// # Errors
    ///
    /// When there can be no handler. The failure is told to those who wait and not kept.
    async fn build(
        &self,
        key: &Self::Key,
        generation: Generation,
    ) -> Result<Self::Handler, Self::Error>;
}

#[async_trait]
impl<F: Factory + ?Sized> Factory for Arc<F> {
    type Key = F::Key;
    type Handler = F::Handler;
    type Error = F::Error;

    async fn build(&self, key: &F::Key, generation: Generation) -> Result<F::Handler, F::Error> {
        (**self).build(key, generation).await
    }
}
