//! The pool: acquire, advance, sweep, close.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::flight::{Flight, Outcome, Turn};
use crate::slot::{Found, Manner, Retired, Slots};
use crate::{
    AcquireError, Factory, Generation, Lease, PoolConfig, PoolObserver, PoolStats, Refusal,
};

/// How often one acquisition looks for a handler. It looks again when a new generation began while
/// it waited and the build it waited for was abandoned; the last time it builds what it came for.
const ATTEMPTS: usize = 3;

/// Ready handlers by key. Cloning shares it.
///
/// It spawns nothing and reads no clock: the caller that finds no handler builds it, others wait
/// for that build, and somebody calls [`sweep`](Self::sweep) now and then.
pub struct Pool<F: Factory>(Arc<Inner<F>>);

struct Inner<F: Factory> {
    observer: Option<Arc<dyn PoolObserver>>,
    factory: F,
    slots: Mutex<Slots<F::Key, F::Handler, F::Error>>,
}

impl<F: Factory> Pool<F> {
    /// An empty pool of the first generation.
    #[must_use]
    pub fn new(config: PoolConfig, factory: F) -> Self {
        Self(Arc::new(Inner {
            observer: config.observer.clone(),
            factory,
            slots: Mutex::new(Slots::new(config)),
        }))
    }

    /// The handler of a key, built if there is none that is young enough. `now` is the caller's
    /// time.
    ///
    /// At most one build of a key and generation runs at a time. Who comes while it runs gets its
    /// handler, or its failure. After [`advance`](Self::advance) has returned, nobody who comes
    /// gets a handler of an older generation; those who came before still get theirs.
    ///
    /// There is no deadline here, because there is no clock: put a timeout around the future.
    /// Dropping it is always safe. If it was building, the build is dropped and the next one who
    /// waits begins afresh; the same happens when the factory panics, and the panic goes to the
    /// caller who was building.
    ///
    /// # Errors
    ///
    /// When the build fails, or the pool is closed.
    pub async fn acquire(
        &self,
        key: &F::Key,
        now: Instant,
    ) -> Result<Lease<F::Handler>, AcquireError<F::Error>> {
        let mut attempt = 1;
        loop {
            let mut seat = match self.0.enter(key, now)? {
                Entered::Ready(lease) => return Ok(lease),
                Entered::Seat(seat) => seat,
            };
            match seat.turn().await {
                Turn::Done(outcome) => return self.0.served(outcome),
                Turn::Lead if attempt == ATTEMPTS || seat.is_current() => {
                    let outcome = seat.build(now).await;
                    return self.0.served(outcome);
                }
                // What would be built now is not what the pool hands out any more.
                Turn::Lead => attempt += 1,
            }
        }
    }

    /// Begins a new generation: handlers and builds of older ones are not handed out to those who
    /// come from now on. Leases go on, and builds serve those who wait for them. A closed pool
    /// stays as it is.
    pub fn advance(&self) -> Generation {
        self.begin_generation(None)
    }

    /// The same, and from now on the pool keeps what this configuration says. Its observer stays
    /// the one that it was made with.
    pub fn advance_with(&self, config: PoolConfig) -> Generation {
        self.begin_generation(Some(config))
    }

    fn begin_generation(&self, config: Option<PoolConfig>) -> Generation {
        let (generation, retired) = self.0.slots.lock().advance(config);
        self.0.tell_evicted(retired);
        generation
    }

    /// Takes handlers out that are too old or were not asked for long enough. Without it they
    /// would stay until somebody asks for them.
    pub fn sweep(&self, now: Instant) {
        let retired = self.0.slots.lock().sweep(now);
        self.0.tell_evicted(retired);
    }

    /// Hands out nothing more. Leases go on, and builds serve those who wait for them.
    pub fn close(&self) {
        let retired = self.0.slots.lock().close();
        self.0.tell_evicted(retired);
    }

    /// Numbers for the operator.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.0.slots.lock().stats()
    }
}

impl<F: Factory> Clone for Pool<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: Factory> fmt::Debug for Pool<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("config", self.0.slots.lock().config())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// What comes of looking under a key.
enum Entered<'a, F: Factory> {
    Ready(Lease<F::Handler>),
    Seat(Seat<'a, F>),
}

type Refused<F> = AcquireError<<F as Factory>::Error>;

impl<F: Factory> Inner<F> {
    fn enter<'a>(&'a self, key: &'a F::Key, now: Instant) -> Result<Entered<'a, F>, Refused<F>> {
        let mut retired = Vec::new();
        let found = self.slots.lock().find(key, now, &mut retired);
        self.tell_evicted(retired);
        match found {
            Found::Ready(handler) => {
                self.tell(|observer| observer.hit());
                Ok(Entered::Ready(Lease::new(handler)))
            }
            Found::Flight(flight, manner) => {
                let seat = Seat {
                    inner: self,
                    key,
                    flight,
                    state: SeatState::Waiting(None),
                };
                if manner == Manner::Joined {
                    self.tell(|observer| observer.joined());
                }
                Ok(Entered::Seat(seat))
            }
            Found::Closed => {
                self.tell(|observer| observer.refused(Refusal::Closed));
                Err(AcquireError::Closed)
            }
        }
    }

    fn served(
        &self,
        outcome: Outcome<F::Handler, F::Error>,
    ) -> Result<Lease<F::Handler>, Refused<F>> {
        outcome.map(Lease::new).map_err(|error| {
            self.tell(|observer| observer.refused(Refusal::Failed));
            AcquireError::Build(error)
        })
    }

    fn tell(&self, event: impl FnOnce(&dyn PoolObserver)) {
        if let Some(observer) = &self.observer {
            event(observer.as_ref());
        }
    }

    fn tell_evicted(&self, retired: Retired<F::Handler>) {
        for (handler, reason) in retired {
            drop(handler);
            self.tell(|observer| observer.evicted(reason));
        }
    }
}

/// A caller's part in a build. Dropping it gives the part up.
struct Seat<'a, F: Factory> {
    inner: &'a Inner<F>,
    key: &'a F::Key,
    flight: Arc<Flight<F::Handler, F::Error>>,
    state: SeatState,
}

#[derive(Clone, Copy)]
enum SeatState {
    Waiting(Option<u64>),
    Leading,
    Building,
    Over,
}

impl<F: Factory> Seat<'_, F> {
    /// Waits until there is an outcome or nobody leads.
    async fn turn(&mut self) -> Turn<F::Handler, F::Error> {
        let mut ticket = None;
        let turn = poll_fn(|cx| {
            let polled = self.flight.poll_turn(&mut ticket, cx);
            self.state = SeatState::Waiting(ticket);
            polled
        });
        let turn = turn.await;
        self.state = match &turn {
            Turn::Lead => SeatState::Leading,
            Turn::Done(_) => SeatState::Over,
        };
        turn
    }

    fn is_current(&self) -> bool {
        let generation = self.flight.generation();
        self.inner.slots.lock().is_current(generation)
    }

    /// Builds for all who wait.
    async fn build(mut self, now: Instant) -> Outcome<F::Handler, F::Error> {
        let generation = self.flight.generation();
        self.state = SeatState::Building;
        let built = self.inner.factory.build(self.key, generation).await;
        let outcome = built.map(Arc::new).map_err(Arc::new);
        let mut retired = Vec::new();
        // Out of the slot first, so that nobody joins a build that is over.
        self.inner.slots.lock().land(
            self.key,
            &self.flight,
            outcome.as_ref().ok(),
            now,
            &mut retired,
        );
        self.state = SeatState::Over;
        self.flight.land(outcome.clone());
        if outcome.is_ok() {
            self.inner.tell(|observer| observer.built());
        }
        self.inner.tell_evicted(retired);
        outcome
    }
}

impl<F: Factory> Drop for Seat<'_, F> {
    fn drop(&mut self) {
        match self.state {
            SeatState::Over => return,
            SeatState::Leading | SeatState::Building => self.flight.hand_over(),
            SeatState::Waiting(ticket) => self.flight.leave(ticket),
        }
        let was_building = matches!(self.state, SeatState::Building);
        let mut slots = self.inner.slots.lock();
        slots.leave(self.key, &self.flight, was_building);
    }
}
