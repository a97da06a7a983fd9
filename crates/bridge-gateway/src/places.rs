//! How many connections are open, and how many may be. The limit may change while they run.

use std::pin::pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The places for connections. Cloning shares them.
#[derive(Debug, Clone)]
pub(crate) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    count: Mutex<Count>,
    freed: Notify,
}

#[derive(Debug)]
struct Count {
    taken: usize,
    limit: usize,
}

/// The place of one open connection. Dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Place(Places);

impl Places {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            count: Mutex::new(Count { taken: 0, limit }),
            freed: Notify::new(),
        }))
    }

    /// From now on this many may be open. When more are, they stay, and further ones wait until
    /// enough of them have ended.
    pub(crate) fn limit_to(&self, limit: usize) {
        self.0.count.lock().limit = limit;
        self.0.freed.notify_waiters();
    }

    /// A place, if there is one now.
    pub(crate) fn try_take(&self) -> Option<Place> {
        let mut count = self.0.count.lock();
        if count.taken >= count.limit {
            return None;
        }
        count.taken += 1;
        Some(Place(self.clone()))
    }

    /// Waits for a place. Dropping the future takes none.
    pub(crate) async fn take(&self) -> Place {
        loop {
            let mut freed = pin!(self.0.freed.notified());
            // From here on no word is missed, so the place that is looked for next is not either.
            freed.as_mut().enable();
            if let Some(place) = self.try_take() {
                return place;
            }
            freed.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let inner = &self.0.0;
        inner.count.lock().taken -= 1;
        inner.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn a_limit_grows_and_shrinks_under_open_connections() {
        let places = Places::new(1);
        let first = places.try_take().unwrap();
        assert!(places.try_take().is_none());
        let mut waiting = pin!(places.take());
        assert!(poll(waiting.as_mut()).is_pending());
        places.limit_to(3);
        let second = waiting.await;
        let third = places.try_take().unwrap();
        places.limit_to(1);
        drop((first, second));
        assert!(places.try_take().is_none(), "the third is still open");
        drop(third);
        assert!(places.try_take().is_some());
    }

    #[tokio::test]
    async fn all_who_wait_hear_of_a_place_and_one_gets_it() {
        let places = Places::new(1);
        let place = places.try_take().unwrap();
        let mut waiting = [Box::pin(places.take()), Box::pin(places.take())];
        for one in &mut waiting {
            assert!(poll(one.as_mut()).is_pending());
        }
        drop(place);
        let [mut one, mut other] = waiting;
        let got = poll(one.as_mut());
        assert!(got.is_ready());
        assert!(poll(other.as_mut()).is_pending());
        drop(got);
        assert!(matches!(poll(other.as_mut()), Poll::Ready(_)));
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_place_to_others() {
        let places = Places::new(1);
        let place = places.try_take().unwrap();
        let mut gone = Box::pin(places.take());
        assert!(poll(gone.as_mut()).is_pending());
        drop(gone);
        drop(place);
        assert!(places.try_take().is_some());
    }
}
