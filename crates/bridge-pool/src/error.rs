//! Why there is no handler.

use std::error::Error;
use std::sync::Arc;

/// A handler could not be had.
#[derive(Debug, thiserror::Error)]
pub enum AcquireError<E: Error + 'static> {
    /// The factory failed. The next acquisition tries again.
    #[error("handler could not be built")]
    Build(#[source] Arc<E>),
    /// The pool was closed before the acquisition could begin a build.
    #[error("pool is closed")]
    Closed,
}
