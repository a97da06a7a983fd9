//! Who waits for records to be safe.

use tokio::sync::oneshot;

use super::Queue;

/// Somebody who waits until a record is safe. Dropping the sender says that it cannot be made so.
#[derive(Debug)]
pub(super) struct Waiter {
    seq: u64,
    tell: oneshot::Sender<()>,
}

impl Queue {
    /// Waits for a record to be safe. Nothing when it is, or cannot be made so now.
    pub(in crate::journal) fn wait_for(&mut self, seq: u64) -> Option<oneshot::Receiver<()>> {
        if self.safe >= seq || self.trouble.is_some() || self.is_over {
            return None;
        }
        let (tell, told) = oneshot::channel();
        self.waiters.push_back(Waiter { seq, tell });
        Some(told)
    }

    /// Gives back those whose records need no writing any more.
    pub(super) fn release(&mut self) -> Vec<oneshot::Sender<()>> {
        let safe = self.safe;
        let served = self.waiters.iter().take_while(|waiter| waiter.seq <= safe);
        let served = served.count();
        self.waiters
            .drain(..served)
            .map(|waiter| waiter.tell)
            .collect()
    }
}

/// Tells those who were given back.
pub(in crate::journal) fn tell(served: Vec<oneshot::Sender<()>>) {
    for tell in served {
        // Whoever has gone away needs no telling.
        let _gone = tell.send(());
    }
}
