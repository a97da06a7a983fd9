//! The way out to tool servers: that of providers, whichever it is now.

use async_trait::async_trait;
use bridge_upstream::{Client, Endpoint, Exchange, Outbound, Reply, UpstreamError};
use parking_lot::Mutex;

/// The gateway's connections. A reload may bring others; sessions with tool servers outlive it, and
/// their next requests keep to the new rules.
pub(super) struct WayOut(Mutex<Client>);

impl WayOut {
    pub(super) fn new(client: Client) -> Self {
        Self(Mutex::new(client))
    }

    pub(super) fn replace(&self, client: Client) {
        let before = std::mem::replace(&mut *self.0.lock(), client);
        drop(before);
    }
}

#[async_trait]
impl Exchange for WayOut {
    async fn exchange(&self, to: &Endpoint, request: Outbound) -> Result<Reply, UpstreamError> {
        let client = self.0.lock().clone();
        client.exchange(to, request).await
    }
}
