//! The use of a handler.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A handler in use. The handler lives at least as long as the lease does: eviction, a new
/// generation and the end of the pool only keep it from being handed out again.
///
/// Dropping the last lease of a handler that the pool no longer keeps drops the handler, there and
/// then.
#[must_use = "a lease that is dropped lets the handler go"]
pub struct Lease<H>(Arc<H>);

impl<H> Lease<H> {
    pub(crate) fn new(handler: Arc<H>) -> Self {
        Self(handler)
    }
}

impl<H> Deref for Lease<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.0
    }
}

impl<H: fmt::Debug> fmt::Debug for Lease<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.0).finish()
    }
}
