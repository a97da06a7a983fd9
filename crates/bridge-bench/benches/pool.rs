//! Leases of handlers that are ready.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bridge_pool::{Factory, Generation, Pool, PoolConfig};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};

struct Numbers;

#[async_trait]
impl Factory for Numbers {
    type Key = u64;
    type Handler = u64;
    type Error = Infallible;

    async fn build(&self, key: &u64, _: Generation) -> Result<u64, Infallible> {
        Ok(*key)
    }
}

/// A pool that holds handlers for so many keys.
fn filled(runtime: &Runtime, keys: u64, now: Instant) -> Pool<Numbers> {
    let pool = Pool::new(PoolConfig::default(), Numbers);
    for key in 0..keys {
        let lease = runtime.block_on(pool.acquire(&key, now));
        black_box(lease).ok();
    }
    pool
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no other clock")]
fn now() -> Instant {
    Instant::now()
}

fn leases(criterion: &mut Criterion) {
    let Ok(runtime) = Builder::new_current_thread().build() else {
        return;
    };
    let now = now();
    for keys in [1, 5000] {
        let pool = filled(&runtime, keys, now);
        criterion.bench_function(&format!("pool/ready handler of {keys}"), |bencher| {
            let mut key = 0;
            bencher.iter(|| {
                key = (key + 1) % keys;
                runtime.block_on(pool.acquire(black_box(&key), now)).ok()
            });
        });
    }
    let pool = filled(&runtime, 5000, now);
    let mut then = now;
    criterion.bench_function("pool/build into a full pool", |bencher| {
        let mut key = 5000;
        bencher.iter(|| {
            key += 1;
            then += Duration::from_micros(1);
            runtime.block_on(pool.acquire(black_box(&key), then)).ok()
        });
    });
}

criterion_group!(benches, leases);
criterion_main!(benches);
