//! The current set of providers, and notice of its changes.

use std::fmt;
use std::sync::Arc;

use bridge_proto::v1::{WatchProvidersRequest, WatchProvidersResponse};
use bridge_telemetry::task::{self, Task};
use slog::{debug, warn};
use tokio::sync::watch;

use crate::subscribe::follow;
use crate::{Channel, Snapshot};

/// Follows the control plane's set of providers. The last set stays while the stream is broken.
/// Dropping it ends the stream.
pub struct ProviderWatch {
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    _following: Task<()>,
}

impl fmt::Debug for ProviderWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProviderWatch")
            .field(&self.current())
            .finish()
    }
}

impl ProviderWatch {
    /// Subscribes as soon as there is a connection.
    #[must_use]
    pub fn start(channel: &Channel) -> Self {
        let (sender, snapshots) = watch::channel(None);
        let logger = channel.logger();
        let work = follow(
            channel.clone(),
            "WatchProviders",
            logger.clone(),
            |wire| async move {
                let request = WatchProvidersRequest {
                    takes_every_type: true,
                };
                wire.configurator().watch_providers(request).await
            },
            {
                let logger = logger.clone();
                move |message: Option<WatchProvidersResponse>| {
                    // The last set stays while the stream is broken.
                    let Some(message) = message else { return };
                    match message.providers {
                        Some(set) => publish(&sender, set.into(), &logger),
                        None => warn!(logger, "a message without a set of providers was ignored"),
                    }
                }
            },
        );
        Self {
            snapshots,
            _following: task::spawn(logger, "provider watch", work),
        }
    }

    /// The last set that arrived, or nothing when none has.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        self.snapshots.borrow().clone()
    }

    /// Waits for a set that differs from the one before and gives it, or nothing when none will
    /// come because the control plane refuses this gateway for good. The first set that arrives is
    /// such a change. Sets that follow each other closely may arrive as one. Dropping the future
    /// loses none.
    pub async fn changed(&mut self) -> Option<Arc<Snapshot>> {
        self.snapshots.changed().await.ok()?;
        self.snapshots.borrow_and_update().clone()
    }
}

/// A stream that was opened again begins with a set that is mostly the one before.
fn publish(sender: &watch::Sender<Option<Arc<Snapshot>>>, new: Snapshot, logger: &slog::Logger) {
    sender.send_if_modified(|current| {
        if current.as_deref() == Some(&new) {
            return false;
        }
        debug!(logger, "set of providers arrived";
            bridge_telemetry::keys::GENERATION => new.generation);
        *current = Some(Arc::new(new));
        true
    });
}
