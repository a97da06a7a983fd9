//! Many threads at once: no deadlock, no lost wake-up, no handler of an older generation.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bridge_pool::{Factory, Generation, Pool, PoolConfig};

/// A factory that gives way a few times, and now and then takes long enough to be given up.
struct Slow;

#[async_trait::async_trait]
impl Factory for Slow {
    type Key = u64;
    type Handler = u64;
    type Error = Infallible;

    async fn build(&self, _: &u64, generation: Generation) -> Result<u64, Infallible> {
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        Ok(generation.number())
    }
}

#[test]
fn many_threads_get_their_handlers() {
    let pool = Pool::new(
        PoolConfig {
            capacity: 3,
            ..PoolConfig::default()
        },
        Arc::new(Slow),
    );
    let generation = AtomicU64::new(1);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (pool, generation) = (&pool, &generation);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.enable_time().build().unwrap();
                runtime.block_on(come_and_go(pool, generation, thread));
            });
        }
    });
    let stats = pool.stats();
    assert_eq!(stats.building, 0);
    assert!(stats.handlers <= 3);
    assert_eq!(stats.failed, 0);
}

async fn come_and_go(pool: &Pool<Arc<Slow>>, generation: &AtomicU64, thread: u64) {
    for round in 0..500 {
        let key = (thread * 7 + round * 3) % 5;
        let now = tokio::time::Instant::now().into_std();
        let at_least = generation.load(Ordering::SeqCst);
        let acquiring = pool.acquire(&key, now);
        if round % 7 == 0 {
            // Given up at once, or after a step.
            let given_up = tokio::time::timeout(Duration::ZERO, acquiring).await;
            drop(given_up);
            continue;
        }
        let acquired = tokio::time::timeout(Duration::from_secs(60), acquiring).await;
        let lease = acquired.expect("somebody woke it").unwrap();
        assert!(*lease >= at_least, "{} is older than {at_least}", *lease);
        if round % 50 == thread {
            let advanced = pool.advance();
            generation.fetch_max(advanced.number(), Ordering::SeqCst);
        }
    }
}
