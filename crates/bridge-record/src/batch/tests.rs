//! The batcher against sinks that fail, refuse and wait.

use tokio::sync::Semaphore;

use super::*;
use crate::sample::{ended, prompt, started};
use crate::{DeliverError, RecordId, Rejected};

/// Keeps what is delivered, one permit a batch; fails as often as told.
struct Shelf {
    kept: Mutex<Vec<Vec<RecordId>>>,
    failures: Mutex<usize>,
    permits: Semaphore,
}

impl Shelf {
    fn new(failures: usize, permits: usize) -> Arc<Self> {
        let (kept, failures) = (Mutex::default(), Mutex::new(failures));
        Arc::new(Self {
            kept,
            failures,
            permits: Semaphore::new(permits),
        })
    }

    fn ids(&self) -> Vec<RecordId> {
        self.kept.lock().concat()
    }
}

#[async_trait]
impl Sink for Shelf {
    async fn deliver(&self, records: &[Record]) -> Result<Vec<Rejected>, DeliverError> {
        self.permits.acquire().await.unwrap().forget();
        let mut failures = self.failures.lock();
        if *failures > 0 {
            *failures -= 1;
            self.permits.add_permits(1);
            return Err(DeliverError("away".into()));
        }
        self.kept
            .lock()
            .push(records.iter().map(|record| record.id).collect());
        Ok(Vec::new())
    }
}

fn batcher(shelf: &Arc<Shelf>, config: BatcherConfig) -> Batcher {
    let sink = Arc::clone(shelf) as Arc<dyn Sink>;
    Batcher::start_with(
        sink,
        config,
        Metrics::default(),
        &bridge_telemetry::discard(),
    )
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

#[tokio::test(start_paused = true)]
async fn records_arrive_in_order_and_in_few_batches() {
    let shelf = Shelf::new(0, 100);
    let batcher = batcher(&shelf, BatcherConfig::default());
    let mut sent = Vec::new();
    for _ in 0..50 {
        let first = started();
        let last = ended(first.interception);
        sent.extend([first.id, last.id]);
        batcher.start(first).await.unwrap();
        batcher.record(last);
    }
    assert_eq!(batcher.flush(soon()).await, 0);
    assert_eq!(shelf.ids(), sent);
    assert_eq!(shelf.kept.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_not_kept_comes_again_whole() {
    let shelf = Shelf::new(7, 100);
    let batcher = batcher(&shelf, BatcherConfig::default());
    let first = started();
    let sent = vec![first.id];
    batcher.start(first).await.unwrap();
    assert_eq!(batcher.flush(soon()).await, 0);
    assert_eq!(shelf.ids(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_new_interceptions_and_takes_the_rest_of_old_ones() {
    let shelf = Shelf::new(0, 0);
    let config = BatcherConfig {
        waiting_bytes: 4_096,
        ..BatcherConfig::default()
    };
    let batcher = batcher(&shelf, config);
    let first = started();
    let interception = first.interception;
    batcher.start(first).await.unwrap();
    batcher.record(prompt(interception, 4_000));
    let refused = batcher.start(started()).await.unwrap_err();
    assert!(
        matches!(
            refused,
            RecordError::Full {
                limit_bytes: 4_096,
                ..
            }
        ),
        "{refused}"
    );
    batcher.record(ended(interception));

    shelf.permits.add_permits(10);
    assert_eq!(batcher.flush(soon()).await, 0);
    assert_eq!(shelf.ids().len(), 3);
    batcher.start(started()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn batches_keep_to_their_limits() {
    let shelf = Shelf::new(0, 100);
    let config = BatcherConfig {
        batch_bytes: 3_000,
        batch_records: 4,
        ..BatcherConfig::default()
    };
    let batcher = batcher(&shelf, config);
    let first = started();
    let interception = first.interception;
    batcher.start(first).await.unwrap();
    batcher.record(prompt(interception, 10_000));
    for _ in 0..9 {
        batcher.record(prompt(interception, 1));
    }
    assert_eq!(batcher.flush(soon()).await, 0);
    let sizes: Vec<_> = shelf.kept.lock().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 1, 4, 4, 1]);
}

#[tokio::test(start_paused = true)]
async fn closing_delivers_what_waits_and_refuses_what_comes() {
    let shelf = Shelf::new(0, 100);
    let batcher = batcher(&shelf, BatcherConfig::default());
    let first = started();
    batcher.start(first).await.unwrap();
    assert_eq!(batcher.close(soon()).await, 0);
    assert_eq!(shelf.ids().len(), 1);
    assert_eq!(batcher.start(started()).await, Err(RecordError::Closed));
}

#[tokio::test(start_paused = true)]
async fn closing_says_what_could_not_be_delivered() {
    let shelf = Shelf::new(usize::MAX, 100);
    let batcher = batcher(&shelf, BatcherConfig::default());
    batcher.start(started()).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    assert_eq!(batcher.close(deadline).await, 1);
}
