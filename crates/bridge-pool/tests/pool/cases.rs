//! Single stories, told one by one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bridge_pool::{Eviction, Lease, Pool, PoolConfig, PoolObserver, Refusal};
use parking_lot::Mutex;

use crate::works::{Caller, Makes, Order, Polled, Tool, Works};

struct Scene {
    works: Arc<Works>,
    pool: Pool<Makes>,
    start: Instant,
}

fn scene(config: PoolConfig) -> Scene {
    let works = Arc::<Works>::default();
    Scene {
        pool: Pool::new(config, Makes(Arc::clone(&works))),
        works,
        start: tokio::time::Instant::now().into_std(),
    }
}

impl Scene {
    /// A caller who has been polled once and waits.
    fn waiting(&self, key: u8) -> Caller {
        let mut caller = Caller::new(&self.pool, key, self.start);
        assert!(matches!(caller.poll(), Polled::Pending));
        caller
    }

    /// A lease, from a handler that is ready or from a build that succeeds at once.
    fn lease_at(&self, key: u8, seconds: u64) -> Lease<Tool> {
        let now = self.start + Duration::from_secs(seconds);
        let mut caller = Caller::new(&self.pool, key, now);
        match caller.poll() {
            Polled::Leased(lease) => return lease,
            Polled::Pending => {}
            Polled::Failed(_) | Polled::Closed | Polled::Panicked => panic!("no build"),
        }
        self.works.order(self.works.unordered()[0], Order::Succeed);
        leased(&mut caller)
    }
}

fn leased(caller: &mut Caller) -> Lease<Tool> {
    match caller.poll() {
        Polled::Leased(lease) => lease,
        Polled::Pending => panic!("still waits"),
        Polled::Failed(_) | Polled::Closed | Polled::Panicked => panic!("refused"),
    }
}

#[test]
fn a_handler_is_kept_until_it_is_old_however_much_it_is_used() {
    let scene = scene(PoolConfig::default());
    for seconds in [0, 400, 899] {
        assert_eq!(scene.lease_at(1, seconds).build, 1);
    }
    assert_eq!(scene.lease_at(1, 900).build, 2);
    assert_eq!(scene.works.alive(), [2]);
}

#[test]
fn keys_do_not_share() {
    let scene = scene(PoolConfig::default());
    assert_eq!(
        (scene.lease_at(1, 0).build, scene.lease_at(2, 0).build),
        (1, 2)
    );
}

#[test]
fn the_one_not_asked_for_longest_makes_room_and_its_lease_goes_on() {
    let scene = scene(PoolConfig {
        capacity: 2,
        ..PoolConfig::default()
    });
    let (first, second) = (scene.lease_at(1, 0), scene.lease_at(2, 0));
    drop(scene.lease_at(1, 0));
    drop(scene.lease_at(3, 0));
    assert_eq!(scene.works.alive(), [1, 2, 3], "the lease holds the second");
    assert_eq!(scene.pool.stats().crowded_out, 1);
    assert_eq!((first.build, second.build), (1, 2));
    drop((first, second));
    assert_eq!(scene.works.alive(), [1, 3]);
}

#[test]
fn a_sweep_takes_out_what_is_old_or_idle() {
    let scene = scene(PoolConfig {
        idle: Some(Duration::from_secs(60)),
        ..PoolConfig::default()
    });
    drop((scene.lease_at(1, 0), scene.lease_at(2, 30)));
    scene.pool.sweep(scene.start + Duration::from_secs(59));
    assert_eq!(scene.works.alive(), [1, 2]);
    scene.pool.sweep(scene.start + Duration::from_secs(60));
    assert_eq!(scene.works.alive(), [2]);
    scene.pool.sweep(scene.start + Duration::from_secs(1_000));
    assert_eq!(scene.works.alive(), [0_usize; 0]);
    let stats = scene.pool.stats();
    assert_eq!((stats.idle, stats.aged, stats.handlers), (1, 1, 0));
}

#[test]
fn a_build_that_is_overtaken_serves_its_callers_and_nobody_else() {
    let scene = scene(PoolConfig::default());
    let (mut leader, mut waiter) = (scene.waiting(1), scene.waiting(1));
    assert_eq!(scene.pool.advance().number(), 2);
    let mut newcomer = scene.waiting(1);
    assert_eq!(scene.works.running(), [(1, 1, 1), (2, 1, 2)]);
    scene.works.order(1, Order::Succeed);
    assert_eq!(
        (leased(&mut leader).build, leased(&mut waiter).build),
        (1, 1)
    );
    assert_eq!(scene.pool.stats().unkept, 1);
    scene.works.order(2, Order::Succeed);
    assert_eq!(leased(&mut newcomer).generation, 2);
    assert_eq!(scene.lease_at(1, 0).build, 2);
}

#[test]
fn a_new_generation_may_keep_more_or_less() {
    let scene = scene(PoolConfig::default());
    let (first, second) = (scene.lease_at(1, 0), scene.lease_at(2, 0));
    let small = PoolConfig {
        capacity: 1,
        ttl: Duration::from_secs(10),
        ..PoolConfig::default()
    };
    assert_eq!(scene.pool.advance_with(small).number(), 2);
    assert_eq!((first.build, second.build), (1, 2), "leases go on");
    assert_eq!(scene.lease_at(1, 0).build, 3);
    assert_eq!(scene.lease_at(2, 0).build, 4);
    assert_eq!(scene.lease_at(1, 0).build, 5, "the second made room");
    assert_eq!(scene.lease_at(1, 10).build, 6, "the third is old");
    scene.pool.advance();
    assert_eq!(scene.lease_at(1, 10).build, 7);
    assert_eq!(scene.lease_at(1, 20).build, 8, "what was said last holds");
}

#[test]
fn a_waiter_of_an_abandoned_old_build_comes_to_the_new_one() {
    let scene = scene(PoolConfig::default());
    let (leader, mut waiter) = (scene.waiting(1), scene.waiting(1));
    scene.pool.advance();
    drop(leader);
    assert!(waiter.is_woken());
    assert!(matches!(waiter.poll(), Polled::Pending));
    assert_eq!(scene.works.running(), [(2, 1, 2)]);
}

#[test]
fn looking_again_has_an_end() {
    let scene = scene(PoolConfig::default());
    let mut leader = scene.waiting(1);
    let mut waiter = scene.waiting(1);
    for generation in 2..=4 {
        scene.pool.advance();
        drop(leader);
        leader = scene.waiting(1);
        assert!(waiter.is_woken());
        assert!(matches!(waiter.poll(), Polled::Pending));
        assert_eq!(scene.works.running()[0].2, generation);
    }
    // The third time it builds what it came for, though a newer generation has begun.
    assert_eq!(scene.works.running(), [(4, 1, 4), (5, 1, 3)]);
    scene.works.order(5, Order::Succeed);
    assert_eq!(leased(&mut waiter).generation, 3);
    assert_eq!(scene.pool.stats().unkept, 1);
    drop(leader);
}

#[test]
fn a_failure_is_told_to_all_who_wait_and_forgotten() {
    let scene = scene(PoolConfig::default());
    let mut callers = [scene.waiting(1), scene.waiting(1), scene.waiting(1)];
    scene.works.order(1, Order::Fail);
    for caller in &mut callers {
        assert!(caller.is_woken());
        assert!(matches!(caller.poll(), Polled::Failed(1)));
    }
    assert_eq!(scene.lease_at(1, 0).build, 2);
}

#[test]
fn a_panic_goes_to_its_own_caller_and_the_next_one_builds() {
    let scene = scene(PoolConfig::default());
    let (mut first, mut second) = (scene.waiting(1), scene.waiting(1));
    scene.works.order(1, Order::Panic);
    assert!(matches!(first.poll(), Polled::Panicked));
    assert!(second.is_woken());
    assert!(matches!(second.poll(), Polled::Pending));
    scene.works.order(2, Order::Succeed);
    assert_eq!(leased(&mut second).build, 2);
}

#[test]
fn a_build_that_nobody_wants_any_more_leaves_nothing_behind() {
    let scene = scene(PoolConfig::default());
    for key in 0..100 {
        drop((scene.waiting(key), scene.waiting(key)));
    }
    assert_eq!(scene.pool.stats().building, 0);
    assert_eq!(scene.works.running(), []);
}

#[test]
fn a_pool_that_keeps_nothing_still_shares_builds() {
    for (capacity, ttl) in [(0, Duration::MAX), (5, Duration::ZERO)] {
        let scene = scene(PoolConfig {
            capacity,
            ttl,
            ..PoolConfig::default()
        });
        let mut callers: Vec<_> = (0..16).map(|_| scene.waiting(1)).collect();
        scene.works.order(1, Order::Succeed);
        let leases: Vec<_> = callers.iter_mut().map(leased).collect();
        assert!(leases.iter().all(|lease| lease.build == 1));
        drop((callers, leases));
        assert_eq!(scene.works.alive(), [0_usize; 0]);
        assert_eq!(scene.lease_at(1, 0).build, 2);
    }
}

#[test]
fn a_closed_pool_refuses_those_who_come_and_serves_those_who_wait() {
    let scene = scene(PoolConfig::default());
    let kept = scene.lease_at(2, 0);
    let mut waiting = scene.waiting(1);
    scene.pool.close();
    let generation = scene.pool.advance();
    assert_eq!(generation.number(), 1);
    assert!(matches!(
        Caller::new(&scene.pool, 2, scene.start).poll(),
        Polled::Closed
    ));
    scene.works.order(2, Order::Succeed);
    assert_eq!(leased(&mut waiting).build, 2);
    drop(kept);
    assert_eq!(scene.works.alive(), [0_usize; 0]);
}

#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Diary {
    fn note(&self, line: String) {
        self.0.lock().push(line);
    }
}

impl PoolObserver for Diary {
    fn hit(&self) {
        self.note("hit".to_owned());
    }

    fn joined(&self) {
        self.note("joined".to_owned());
    }

    fn built(&self) {
        self.note("built".to_owned());
    }

    fn evicted(&self, reason: Eviction) {
        self.note(format!("{reason:?}"));
    }

    fn refused(&self, reason: Refusal) {
        self.note(format!("{reason:?}"));
    }
}

#[test]
fn an_observer_is_told_everything() {
    let diary = Arc::<Diary>::default();
    let scene = scene(PoolConfig {
        capacity: 1,
        observer: Some(Arc::clone(&diary) as Arc<dyn PoolObserver>),
        ..PoolConfig::default()
    });
    let check = |expected: &[&str]| {
        let told = std::mem::take(&mut *diary.0.lock());
        assert_eq!(told, expected);
    };
    drop(scene.lease_at(1, 0));
    check(&["built"]);
    drop(scene.lease_at(1, 0));
    check(&["hit"]);
    drop(scene.lease_at(2, 0));
    check(&["built", "CrowdedOut"]);
    drop(scene.lease_at(2, 900));
    check(&["Aged", "built"]);
    scene.pool.advance();
    check(&["Superseded"]);
    let (mut first, mut second) = (scene.waiting(1), scene.waiting(1));
    scene.works.order(4, Order::Fail);
    assert!(matches!(first.poll(), Polled::Failed(4)));
    assert!(matches!(second.poll(), Polled::Failed(4)));
    check(&["joined", "Failed", "Failed"]);
    scene.pool.close();
    assert!(matches!(
        Caller::new(&scene.pool, 1, scene.start).poll(),
        Polled::Closed
    ));
    check(&["Closed"]);
}
