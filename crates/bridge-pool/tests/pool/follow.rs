//! The pool does what the model does, whatever happens in whatever order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bridge_pool::{Lease, Pool, PoolConfig};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::{Asking, Count, Expected, Model};
use crate::works::{Caller, Makes, Order, Polled, Tool, Works};

#[derive(Debug, Clone)]
enum Deed {
    /// A caller comes. It does nothing before it is polled.
    Come {
        key: u8,
    },
    /// A caller is polled, woken or not.
    Poll(Index),
    /// A caller goes away.
    Leave(Index),
    /// A build is told how to end.
    Order(Index, Order),
    LetGo(Index),
    Pass {
        seconds: u64,
    },
    Advance,
    Sweep,
    Close,
}

fn deed() -> impl Strategy<Value = Deed> {
    let order = prop_oneof![
        4 => Just(Order::Succeed),
        1 => Just(Order::Fail),
        1 => Just(Order::Panic),
    ];
    prop_oneof![
        80 => (0..3_u8).prop_map(|key| Deed::Come { key }),
        120 => any::<Index>().prop_map(Deed::Poll),
        20 => any::<Index>().prop_map(Deed::Leave),
        60 => (any::<Index>(), order).prop_map(|(index, order)| Deed::Order(index, order)),
        40 => any::<Index>().prop_map(Deed::LetGo),
        20 => (1..5_u64).prop_map(|seconds| Deed::Pass { seconds }),
        15 => Just(Deed::Advance),
        8 => Just(Deed::Sweep),
        1 => Just(Deed::Close),
    ]
}

/// The pool and its model, side by side.
struct Pair {
    works: Arc<Works>,
    pool: Pool<Makes>,
    model: Model,
    start: Instant,
    now: u64,
    /// Those who wait, with the generation at their first poll.
    callers: Vec<(Asking, Option<u64>, Caller)>,
    come: usize,
    leases: Vec<Lease<Tool>>,
}

impl Pair {
    fn new(capacity: usize, ttl: u64, idle: Option<u64>) -> Self {
        let works = Arc::<Works>::default();
        let config = PoolConfig {
            capacity,
            ttl: Duration::from_secs(ttl),
            idle: idle.map(Duration::from_secs),
            ..PoolConfig::default()
        };
        Self {
            pool: Pool::new(config, Makes(Arc::clone(&works))),
            works,
            model: Model::new(capacity, ttl, idle),
            start: tokio::time::Instant::now().into_std(),
            now: 0,
            callers: Vec::new(),
            come: 0,
            leases: Vec::new(),
        }
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_secs(self.now)
    }

    fn apply(&mut self, deed: &Deed) {
        match deed {
            Deed::Come { key } => {
                self.come += 1;
                let asking = Asking {
                    id: self.come,
                    key: *key,
                    now: self.now,
                };
                let caller = Caller::new(&self.pool, *key, self.instant());
                self.callers.push((asking, None, caller));
            }
            Deed::Poll(index) if !self.callers.is_empty() => {
                self.poll(index.index(self.callers.len()));
            }
            Deed::Leave(index) if !self.callers.is_empty() => {
                let (asking, _, caller) = self.callers.remove(index.index(self.callers.len()));
                drop(caller);
                self.model.leave(asking.id);
            }
            Deed::Order(index, order) => {
                let builds = self.works.unordered();
                if !builds.is_empty() {
                    let build = *index.get(&builds);
                    self.works.order(build, *order);
                    self.model.order(build, *order);
                }
            }
            Deed::LetGo(index) if !self.leases.is_empty() => {
                let at = index.index(self.leases.len());
                drop(self.leases.swap_remove(at));
            }
            Deed::Pass { seconds } => self.now += seconds,
            Deed::Advance => {
                let generation = self.pool.advance();
                self.model.advance();
                assert_eq!(generation.number(), self.model.generation);
            }
            Deed::Sweep => {
                self.pool.sweep(self.instant());
                self.model.sweep(self.now);
            }
            Deed::Close => {
                self.pool.close();
                self.model.close();
            }
            Deed::Poll(_) | Deed::Leave(_) | Deed::LetGo(_) => {}
        }
        self.compare();
    }

    fn poll(&mut self, at: usize) {
        let generation = self.model.generation;
        let (asking, began, caller) = &mut self.callers[at];
        let (asking, began) = (*asking, *began.get_or_insert(generation));
        let polled = caller.poll();
        let expected = self.model.poll(asking);
        let found = match &polled {
            Polled::Pending => Expected::Pending,
            Polled::Leased(lease) => Expected::Leased(lease.build),
            Polled::Failed(build) => Expected::Failed(*build),
            Polled::Closed => Expected::Closed,
            Polled::Panicked => Expected::Panicked,
        };
        assert_eq!(found, expected, "caller {}", asking.id);
        if found != Expected::Pending {
            self.callers.remove(at);
        }
        if let Polled::Leased(lease) = polled {
            assert!(
                lease.generation >= began,
                "a handler of an older generation"
            );
            assert_eq!(lease.key, asking.key);
            self.leases.push(lease);
        }
    }

    fn compare(&self) {
        assert_eq!(self.works.running(), self.model.running(), "running builds");
        let mut alive = self.model.alive();
        alive.extend(self.leases.iter().map(|lease| lease.build));
        alive.sort_unstable();
        alive.dedup();
        assert_eq!(self.works.alive(), alive, "living handlers");
        let stats = self.pool.stats();
        assert!(stats.handlers <= self.model.capacity);
        assert_eq!(stats.handlers, self.model.kept.len());
        assert_eq!(stats.building, self.model.open_flights());
        assert_eq!(stats.generation.number(), self.model.generation);
        let count = Count {
            hits: stats.hits,
            joined: stats.joined,
            built: stats.built,
            failed: stats.failed,
            unkept: stats.unkept,
            abandoned: stats.abandoned,
            crowded_out: stats.crowded_out,
            aged: stats.aged,
            idle: stats.idle,
            superseded: stats.superseded,
        };
        assert_eq!(count, self.model.count);
        self.compare_wakes();
    }

    /// Nobody sleeps who has something to do.
    fn compare_wakes(&self) {
        let is_woken = |id: &usize| {
            let caller = self.callers.iter().find(|(asking, _, _)| asking.id == *id);
            caller.unwrap().2.is_woken()
        };
        let (all, one) = self.model.must_wake();
        assert!(all.iter().all(is_woken), "one of {all:?} sleeps");
        for group in one {
            assert!(group.iter().any(is_woken), "all of {group:?} sleep");
        }
    }

    /// Everybody who is woken is polled and every build succeeds, as long as there is anything to
    /// do. Then everybody has an answer.
    fn settle(mut self) {
        for at in (0..self.callers.len()).rev() {
            self.poll(at);
        }
        while !self.callers.is_empty() {
            if let Some(build) = self.works.unordered().first() {
                self.works.order(*build, Order::Succeed);
                self.model.order(*build, Order::Succeed);
            }
            let woken = self
                .callers
                .iter()
                .position(|(_, _, caller)| caller.is_woken());
            self.poll(woken.expect("somebody is woken while somebody waits"));
            self.compare();
        }
        self.leases.clear();
        self.compare();
        self.pool.close();
        assert_eq!(self.works.alive(), [0_usize; 0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_pool_follows_its_model(
        capacity in 0..4_usize,
        ttl in prop::sample::select(vec![0, 6, 20_u64]),
        idle in prop::option::of(Just(4_u64)),
        deeds in prop::collection::vec(deed(), 0..120),
    ) {
        let mut pair = Pair::new(capacity, ttl, idle);
        for deed in &deeds {
            pair.apply(deed);
        }
        pair.settle();
    }
}
