//! Answers that are owed to a server: it may ask, too, and may take its time to hear the answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many questions of one server may be open. Further ones are not heard: a server that asks and
/// takes no answers would pile up both.
const MOST: usize = 32;

/// The answers that one server is owed. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct Owed(Arc<AtomicUsize>);

/// An answer on its way. Dropping it says that it is owed no more.
pub(super) struct Paying(Owed);

impl Owed {
    /// The server asks. Whether it may.
    pub(super) fn ask(&self) -> bool {
        let add = |owed: usize| (owed < MOST).then_some(owed + 1);
        self.update(add)
    }

    /// An answer is on its way.
    pub(super) fn pay(&self) -> Paying {
        Paying(self.clone())
    }

    /// What an earlier session asked is not answered in another one.
    pub(super) fn forget(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    fn update(&self, change: impl FnMut(usize) -> Option<usize>) -> bool {
        let order = Ordering::SeqCst;
        self.0.fetch_update(order, order, change).is_ok()
    }
}

impl Drop for Paying {
    fn drop(&mut self) {
        // After another session was opened there may be nothing left to pay.
        self.0.update(|owed| owed.checked_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_owed_and_no_more() {
        let owed = Owed::default();
        assert!((0..MOST).all(|_| owed.ask()) && !owed.ask());
        let paying = owed.pay();
        assert!(!owed.ask());
        drop(paying);
        assert!(owed.ask() && !owed.ask());
        owed.forget();
        drop(owed.pay());
        assert!((0..MOST).all(|_| owed.ask()) && !owed.ask());
    }
}
