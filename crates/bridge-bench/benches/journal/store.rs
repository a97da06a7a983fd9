//! An embedded store behind a writer thread that commits whatever waits at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bridge_record::Record;
use parking_lot::{Condvar, Mutex};
use redb::{Database, TableDefinition};
use tokio::sync::oneshot;
use tokio::time::Instant;

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");

#[derive(Clone)]
pub(crate) struct Store(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
}

#[derive(Default)]
struct Queue {
    records: Vec<Record>,
    waiters: Vec<oneshot::Sender<()>>,
}

impl Store {
    /// The writer ends with the process.
    pub(crate) fn open(path: &Path, interval: Duration) -> Self {
        let database = Database::create(path).unwrap();
        let shared: Arc<Shared> = Arc::default();
        let its = Arc::clone(&shared);
        std::thread::spawn(move || run(&its, &database, interval));
        Self(shared)
    }

    pub(crate) async fn make_safe(&self, record: Record) {
        let (tell, told) = oneshot::channel();
        {
            let mut queue = self.0.queue.lock();
            queue.records.push(record);
            queue.waiters.push(tell);
        }
        self.0.work.notify_one();
        told.await.unwrap();
    }

    pub(crate) fn add(&self, record: Record) {
        self.0.queue.lock().records.push(record);
    }
}

fn run(shared: &Shared, database: &Database, interval: Duration) {
    let mut next = 0;
    let mut last = Instant::now();
    loop {
        let taken = {
            let mut queue = shared.queue.lock();
            loop {
                let rest = interval.saturating_sub(last.elapsed());
                match (queue.waiters.is_empty(), rest.is_zero()) {
                    (true, _) => shared.work.wait(&mut queue),
                    (false, true) => break std::mem::take(&mut *queue),
                    (false, false) => {
                        shared.work.wait_for(&mut queue, rest);
                    }
                }
            }
        };
        last = Instant::now();
        commit(database, &taken.records, &mut next);
        for waiter in taken.waiters {
            let _gone = waiter.send(());
        }
    }
}

fn commit(database: &Database, records: &[Record], next: &mut u64) {
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(RECORDS).unwrap();
        for record in records {
            let payload = serde_json::to_vec(record).unwrap();
            table.insert(*next, payload.as_slice()).unwrap();
            *next += 1;
        }
    }
    transaction.commit().unwrap();
}
