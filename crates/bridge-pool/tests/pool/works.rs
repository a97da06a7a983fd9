//! A factory that does as it is told, and callers that are polled by hand.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use bridge_pool::{AcquireError, Factory, Generation, Lease, Pool};
use parking_lot::Mutex;

/// What a build is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Succeed,
    Fail,
    Panic,
}

/// Builds and handlers by the number of the build, from 1.
#[derive(Default)]
pub(crate) struct Works {
    begun: Mutex<usize>,
    running: Mutex<BTreeMap<usize, Job>>,
    alive: Mutex<BTreeMap<usize, u64>>,
}

struct Job {
    key: u8,
    generation: u64,
    order: Option<Order>,
    waker: Option<Waker>,
}

/// A handler that tells when it is dropped.
pub(crate) struct Tool {
    pub(crate) build: usize,
    pub(crate) key: u8,
    pub(crate) generation: u64,
    works: Arc<Works>,
}

#[derive(Debug, thiserror::Error)]
#[error("build {0} broke")]
pub(crate) struct Broke(pub(crate) usize);

pub(crate) struct Makes(pub(crate) Arc<Works>);

#[async_trait::async_trait]
impl Factory for Makes {
    type Key = u8;
    type Handler = Tool;
    type Error = Broke;

    async fn build(&self, key: &u8, generation: Generation) -> Result<Tool, Broke> {
        let running = self.0.begin(*key, generation.number());
        let build = running.build;
        let order = poll_fn(|cx| self.0.poll_order(build, cx)).await;
        match order {
            Order::Succeed => Ok(self.0.tool(build, *key, generation.number())),
            Order::Fail => Err(Broke(build)),
            // Without the noise of a real panic.
            Order::Panic => resume_unwind(Box::new("told to")),
        }
    }
}

/// Ends the job however the build ends.
struct Running<'a> {
    works: &'a Works,
    build: usize,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.works.running.lock().remove(&self.build);
    }
}

impl Works {
    fn begin(&self, key: u8, generation: u64) -> Running<'_> {
        let mut begun = self.begun.lock();
        *begun += 1;
        let mut running = self.running.lock();
        let twin = |job: &&Job| (job.key, job.generation) == (key, generation);
        assert_eq!(
            running.values().find(twin).map(|job| job.key),
            None,
            "a second build of the same key and generation"
        );
        running.insert(
            *begun,
            Job {
                key,
                generation,
                order: None,
                waker: None,
            },
        );
        Running {
            works: self,
            build: *begun,
        }
    }

    fn poll_order(&self, build: usize, cx: &Context<'_>) -> Poll<Order> {
        let mut running = self.running.lock();
        let job = running.get_mut(&build).unwrap();
        job.waker = Some(cx.waker().clone());
        job.order.map_or(Poll::Pending, Poll::Ready)
    }

    fn tool(self: &Arc<Self>, build: usize, key: u8, generation: u64) -> Tool {
        self.alive.lock().insert(build, generation);
        let works = Arc::clone(self);
        Tool {
            build,
            key,
            generation,
            works,
        }
    }

    /// Tells a running build how to end.
    pub(crate) fn order(&self, build: usize, order: Order) {
        let waker = {
            let mut running = self.running.lock();
            let job = running.get_mut(&build).unwrap();
            job.order = Some(order);
            job.waker.take()
        };
        waker.unwrap().wake();
    }

    /// The builds that run, with key and generation.
    pub(crate) fn running(&self) -> Vec<(usize, u8, u64)> {
        let running = self.running.lock();
        running
            .iter()
            .map(|(build, job)| (*build, job.key, job.generation))
            .collect()
    }

    /// The builds that have not been told how to end.
    pub(crate) fn unordered(&self) -> Vec<usize> {
        let running = self.running.lock();
        let open = running.iter().filter(|(_, job)| job.order.is_none());
        open.map(|(build, _)| *build).collect()
    }

    /// The handlers that live, by their builds.
    pub(crate) fn alive(&self) -> Vec<usize> {
        self.alive.lock().keys().copied().collect()
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let was_alive = self.works.alive.lock().remove(&self.build);
        assert_eq!(was_alive, Some(self.generation), "dropped twice");
    }
}

type Acquired = Result<Lease<Tool>, AcquireError<Broke>>;

/// A caller whose future is polled by hand.
pub(crate) struct Caller {
    future: Pin<Box<dyn Future<Output = Acquired>>>,
    alarm: Arc<Alarm>,
}

#[derive(Default)]
struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What came of polling a caller.
pub(crate) enum Polled {
    Pending,
    Leased(Lease<Tool>),
    Failed(usize),
    Closed,
    Panicked,
}

impl Caller {
    pub(crate) fn new(pool: &Pool<Makes>, key: u8, now: Instant) -> Self {
        let pool = pool.clone();
        Self {
            future: Box::pin(async move { pool.acquire(&key, now).await }),
            alarm: Arc::default(),
        }
    }

    /// Whether it was woken since it was polled.
    pub(crate) fn is_woken(&self) -> bool {
        self.alarm.0.load(Ordering::SeqCst)
    }

    pub(crate) fn poll(&mut self) -> Polled {
        self.alarm.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.alarm));
        let mut cx = Context::from_waker(&waker);
        let future = self.future.as_mut();
        match catch_unwind(AssertUnwindSafe(|| future.poll(&mut cx))) {
            Ok(Poll::Pending) => Polled::Pending,
            Ok(Poll::Ready(Ok(lease))) => Polled::Leased(lease),
            Ok(Poll::Ready(Err(AcquireError::Build(error)))) => Polled::Failed(error.0),
            Ok(Poll::Ready(Err(AcquireError::Closed))) => Polled::Closed,
            Err(_) => Polled::Panicked,
        }
    }
}
