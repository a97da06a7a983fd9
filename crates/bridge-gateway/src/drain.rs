//! Stop accepting, let running requests finish, then cut.

use std::sync::Arc;

use tokio::sync::watch;

/// The owner's side: begins the drain.
#[derive(Debug, Clone)]
pub struct Drain(Arc<watch::Sender<bool>>);

/// The side of those who are drained.
#[derive(Debug, Clone)]
pub struct DrainSignal(watch::Receiver<bool>);

impl Default for Drain {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Drain {
    /// From now on nothing new is taken.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// A signal for someone who is to be drained.
    #[must_use]
    pub fn signal(&self) -> DrainSignal {
        DrainSignal(self.0.subscribe())
    }
}

impl DrainSignal {
    /// Whether the drain has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the drain begins. Dropping the future changes nothing.
    pub async fn begun(&mut self) {
        // The owner going away is an order to stop, too.
        let _ignored = self.0.wait_for(|has_begun| *has_begun).await;
    }
}
