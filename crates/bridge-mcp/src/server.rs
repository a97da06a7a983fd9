//! The seam to one tool server, as one identity sees it.

use std::time::Duration;

use async_trait::async_trait;

use crate::listing::Listing;
use crate::{McpError, Outcome};

/// A tool server that has been opened for one identity.
#[async_trait]
pub trait ToolServer: Send + Sync {
    /// All its tools, as it tells them.
    ///
    /// Dropping the future gives up.
    ///
    /// # Errors
    /// When it does not answer, or not with a listing.
    async fn list(&self) -> Result<Listing, McpError>;

    /// Calls a tool by the server's own name for it. `arguments` is a JSON object and travels as it
    /// is written. The call takes at most `within`.
    ///
    /// Dropping the future cancels the call, and tells the server so.
    ///
    /// # Errors
    /// When there is no answer, or none that can be used. That a tool failed is an [`Outcome`].
    async fn call(
        &self,
        tool: &str,
        arguments: &str,
        within: Duration,
    ) -> Result<Outcome, McpError>;

    /// Waits until the server says that its tools are others now, or there is another reason to
    /// list them again. Dropping the future loses nothing.
    async fn changed(&self);

    /// Waits until the session has ended for good.
    async fn ended(&self);
}
