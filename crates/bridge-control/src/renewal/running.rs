//! How many tokens are being got anew.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use uuid::Uuid;

use crate::oauth::PATIENCE;

/// So many tokens for one tool server are got anew at once: an authorization server that comes back
/// is not asked by everybody in the same moment, and one that hangs holds so many connections.
const AT_ONCE: usize = 32;
/// How long the last ones are waited for: a little longer than an authorization server may take.
const SETTLING: Duration = Duration::from_secs(10);

/// Renewals that have begun. Those of one tool server do not wait for those of another.
#[derive(Debug, Default)]
pub(super) struct Running {
    lanes: Mutex<HashMap<Uuid, Arc<Semaphore>>>,
    count: watch::Sender<usize>,
}

/// A renewal that has begun; it has ended when this is dropped.
#[derive(Debug)]
pub(super) struct Begun(watch::Sender<usize>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Running {
    pub(super) fn begin(&self) -> Begun {
        self.count.send_modify(|count| *count += 1);
        Begun(self.count.clone())
    }

    /// Waits until this server's tokens may be asked for, as long as an authorization server may take;
    /// nothing when it takes longer.
    pub(super) async fn lane(&self, server: Uuid) -> Option<OwnedSemaphorePermit> {
        let lane = {
            let mut lanes = self.lanes.lock();
            // Nobody is in those, or waits for them.
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
            let new = || Arc::new(Semaphore::new(AT_ONCE));
            Arc::clone(lanes.entry(server).or_insert_with(new))
        };
        timeout(PATIENCE, lane.acquire_owned()).await.ok()?.ok()
    }

    /// Waits until none runs, ten seconds at most.
    pub(super) async fn settle(&self) {
        let mut count = self.count.subscribe();
        let ended = count.wait_for(|count| *count == 0);
        let _either = timeout(SETTLING, ended).await;
    }
}
