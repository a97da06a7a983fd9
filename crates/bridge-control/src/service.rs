//! The gRPC side, for gateways.

mod authorize;
mod configure;
mod record;
mod session;

use std::future::Future;
use std::pin::Pin;

use bridge_telemetry::{ErrorChain, keys};
use futures_core::Stream;
use slog::error;
use tokio::sync::watch;
use tonic::Status;

use crate::control::ControlServer;
use crate::store::StoreError;

/// All four services over one control plane.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) control: ControlServer,
    /// Becomes true when the server shuts down; watch streams end then.
    pub(crate) closing: watch::Receiver<bool>,
}

/// What a watch answers with.
type Watch<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Service {
    /// Ready when the server shuts down.
    fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closing = self.closing.clone();
        async move {
            // An error means that the server is gone, which is the end as well.
            let _end = closing.wait_for(|closing| *closing).await;
        }
    }

    /// The store did not answer: says nothing of what was asked, and may be tried again.
    fn unavailable(&self, cause: &StoreError) -> Status {
        error!(self.control.0.logger, "store did not answer"; keys::ERROR => ErrorChain(cause));
        Status::unavailable("store unavailable")
    }
}
