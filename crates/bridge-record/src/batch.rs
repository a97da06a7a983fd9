//! The recorder that gathers records into batches and delivers them until they are kept.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bridge_telemetry::task::{self, Task};
use bridge_telemetry::{Metrics, keys};
use parking_lot::Mutex;
use slog::{Logger, o};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use crate::delivery::{Delivery, weight};
use crate::{Record, RecordError, Recorder, Sink};

/// Settings of a [`Batcher`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatcherConfig {
    /// How many bytes of records may wait before new interceptions are refused. Default 64 MiB.
    pub waiting_bytes: usize,
    /// How many records a batch may hold. Default 4,096.
    pub batch_records: usize,
    /// How many bytes a batch may hold; one larger record travels alone. Default 8 MiB.
    pub batch_bytes: usize,
    /// How long the first record of a batch waits for others. Default 20 ms.
    pub linger: Duration,
}

impl Default for BatcherConfig {
    fn default() -> Self {
        Self {
            waiting_bytes: 64 << 20,
            batch_records: 4_096,
            batch_bytes: 8 << 20,
            linger: Duration::from_millis(20),
        }
    }
}

impl BatcherConfig {
    /// The longest run of records with these weights that fits into one batch: how many they are,
    /// and their weight. At least one, if there is one.
    pub(crate) fn fitting(&self, weights: impl Iterator<Item = usize>) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        for weight in weights.take(self.batch_records) {
            if count > 0 && bytes + weight > self.batch_bytes {
                break;
            }
            bytes += weight;
            count += 1;
        }
        (count, bytes)
    }
}

/// Gathers records and delivers them to a [`Sink`], in the order in which they came, until the
/// sink has them. Cloning shares the queue.
///
/// Records wait in memory: what waits is lost when the process is killed, and delivered by
/// [`Batcher::close`] when it stops cleanly. When more than [`BatcherConfig::waiting_bytes`] wait,
/// new interceptions are refused; those that were started may still add theirs.
#[derive(Clone)]
pub struct Batcher(Arc<Inner>);

struct Inner {
    queue: Mutex<Queue>,
    arrived: Notify,
    emptied: Notify,
    config: BatcherConfig,
    metrics: Metrics,
    delivery: Mutex<Option<Task<()>>>,
}

#[derive(Default)]
struct Queue {
    records: VecDeque<Record>,
    /// Of the records in the queue and those being delivered.
    bytes: usize,
    delivering: usize,
    is_closed: bool,
}

impl fmt::Debug for Batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl Batcher {
    /// Starts the task that delivers to `sink`.
    #[must_use]
    pub fn start_with(
        sink: Arc<dyn Sink>,
        config: BatcherConfig,
        metrics: Metrics,
        logger: &Logger,
    ) -> Self {
        let logger = logger.new(o!(keys::COMPONENT => "record"));
        let inner = Arc::new(Inner {
            queue: Mutex::default(),
            arrived: Notify::new(),
            emptied: Notify::new(),
            config,
            metrics,
            delivery: Mutex::new(None),
        });
        let delivery = Delivery::new(sink, inner.metrics.clone(), logger.clone());
        let work = deliver(Arc::clone(&inner), delivery);
        *inner.delivery.lock() = Some(task::spawn(&logger, "record delivery", work));
        Self(inner)
    }

    /// How many records are not yet kept by the sink.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let queue = self.0.queue.lock();
        queue.records.len() + queue.delivering
    }

    /// Waits until everything that was taken so far is kept, at most until `deadline`. Says how
    /// many records still wait.
    pub async fn flush(&self, deadline: Instant) -> usize {
        loop {
            let emptied = self.0.emptied.notified();
            let waiting = self.waiting();
            if waiting == 0 {
                return 0;
            }
            self.0.arrived.notify_one();
            if timeout_at(deadline, emptied).await.is_err() {
                return self.waiting();
            }
        }
    }

    /// Refuses new interceptions, delivers what waits, at most until `deadline`, and ends the
    /// task. Says how many records were left.
    pub async fn close(&self, deadline: Instant) -> usize {
        self.0.queue.lock().is_closed = true;
        let left = self.flush(deadline).await;
        drop(self.0.delivery.lock().take());
        left
    }
}

#[async_trait]
impl Recorder for Batcher {
    async fn start(&self, started: Record) -> Result<(), RecordError> {
        let weight = weight(&started);
        let limit_bytes = self.0.config.waiting_bytes;
        {
            let mut queue = self.0.queue.lock();
            if queue.is_closed {
                return Err(RecordError::Closed);
            }
            if queue.bytes + weight > limit_bytes {
                return Err(RecordError::Full {
                    waiting_bytes: queue.bytes,
                    limit_bytes,
                });
            }
            queue.push(started, weight);
        }
        self.0.arrived.notify_one();
        Ok(())
    }

    fn record(&self, record: Record) {
        let weight = weight(&record);
        self.0.queue.lock().push(record, weight);
        self.0.arrived.notify_one();
    }

    /// What is in memory is as safe as it gets here.
    async fn settle(&self) {}
}

impl Queue {
    fn push(&mut self, record: Record, weight: usize) {
        self.bytes += weight;
        self.records.push_back(record);
    }

    /// The longest run of records that fits into one batch, and its weight.
    fn take(&mut self, config: &BatcherConfig) -> (Vec<Record>, usize) {
        let (count, bytes) = config.fitting(self.records.iter().map(weight));
        self.delivering = count;
        (self.records.drain(..count).collect(), bytes)
    }
}

impl Inner {
    fn report(&self) {
        let queue = self.queue.lock();
        self.metrics
            .records_waiting(queue.records.len() + queue.delivering, queue.bytes);
    }

    fn delivered(&self, bytes: usize) {
        let is_empty = {
            let mut queue = self.queue.lock();
            queue.bytes -= bytes;
            queue.delivering = 0;
            queue.records.is_empty()
        };
        self.report();
        if is_empty {
            self.emptied.notify_waiters();
        }
    }
}

async fn deliver(inner: Arc<Inner>, delivery: Delivery) {
    loop {
        inner.arrived.notified().await;
        let is_closing = inner.queue.lock().is_closed;
        if !is_closing {
            sleep(inner.config.linger).await;
        }
        loop {
            let (batch, bytes) = inner.queue.lock().take(&inner.config);
            if batch.is_empty() {
                break;
            }
            inner.report();
            delivery.deliver(&batch).await;
            inner.delivered(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
