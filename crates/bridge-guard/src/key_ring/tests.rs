#![expect(
    clippy::disallowed_methods,
    reason = "any instant will do as the first"
)]

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn ring(keys: usize) -> KeyRing<usize> {
    KeyRing::try_new((0..keys).collect()).unwrap()
}

fn seen(ring: &KeyRing<usize>, preferred: Option<usize>, now: Instant) -> Vec<usize> {
    let mut walk = ring.walk(preferred.map(KeyId));
    std::iter::from_fn(|| walk.next(ring, now).map(|(_, key)| *key)).collect()
}

fn limit(ring: &KeyRing<usize>, key: usize, seconds: u64, now: Instant) -> bool {
    let told = Some(SECOND * u32::try_from(seconds).unwrap());
    ring.cool(KeyId(key), KeyFault::RateLimited, told, now)
}

#[test]
fn no_keys_and_the_same_key_twice_make_no_ring() {
    let made = |keys: &[&str]| KeyRing::try_new(keys.to_vec()).map(|ring| ring.keys().len());
    assert_eq!(made(&[]), Err(KeyRingError::Empty));
    assert_eq!(made(&["a"]), Ok(1));
    assert_eq!(made(&["a", "b"]), Ok(2));
    assert_eq!(
        made(&["a", "b", "a"]),
        Err(KeyRingError::Duplicate { position: 2 })
    );
}

#[test]
fn a_key_cools_until_its_time_is_over() {
    let (ring, now) = (ring(1), Instant::now());
    assert_eq!(ring.state(KeyId(0), now), KeyState::Valid);
    assert!(limit(&ring, 0, 5, now));
    let until = now + 5 * SECOND;
    let cooling = KeyState::Cooling {
        until,
        fault: KeyFault::RateLimited,
    };
    assert_eq!(ring.state(KeyId(0), now), cooling);
    assert_eq!(ring.state(KeyId(0), until - SECOND / 1_000), cooling);
    assert_eq!(ring.state(KeyId(0), until), KeyState::Valid);
}

#[test]
fn how_long_a_key_cools() {
    let check = |told: Option<Duration>, wait: Duration| {
        let (ring, now) = (ring(1), Instant::now());
        assert!(ring.cool(KeyId(0), KeyFault::RateLimited, told, now));
        assert_eq!(ring.exhausted(now), Exhausted::For { wait }, "{told:?}");
    };
    check(None, 60 * SECOND);
    check(Some(Duration::ZERO), 60 * SECOND);
    check(Some(SECOND / 1_000), SECOND / 1_000);
    check(Some(7 * SECOND), 7 * SECOND);
    check(Some(Duration::from_secs(86_400)), 3_600 * SECOND);
    check(Some(Duration::MAX), 3_600 * SECOND);
}

#[test]
fn the_later_end_stays_and_only_the_first_is_news() {
    let (ring, now) = (ring(1), Instant::now());
    assert!(limit(&ring, 0, 30, now));
    assert!(!limit(&ring, 0, 10, now + SECOND), "shorter");
    assert_eq!(ring.exhausted(now), Exhausted::For { wait: 30 * SECOND });
    assert!(!limit(&ring, 0, 60, now + SECOND), "longer");
    assert_eq!(ring.exhausted(now), Exhausted::For { wait: 61 * SECOND });
    assert!(limit(&ring, 0, 5, now + 61 * SECOND), "it was good again");
}

#[test]
fn a_walk_begins_at_the_first_and_skips_what_cools() {
    let (ring, now) = (ring(3), Instant::now());
    assert_eq!(seen(&ring, None, now), [0, 1, 2]);
    assert_eq!(seen(&ring, None, now), [0, 1, 2], "walks are independent");
    limit(&ring, 1, 60, now);
    assert_eq!(seen(&ring, None, now), [0, 2]);
    limit(&ring, 0, 5, now);
    assert_eq!(seen(&ring, None, now), [2]);
    limit(&ring, 2, 60, now);
    assert_eq!(seen(&ring, None, now), [0; 0]);
    assert_eq!(seen(&ring, None, now + 5 * SECOND), [0]);
}

#[test]
fn a_walk_sees_what_others_learn_and_never_goes_back() {
    let (ring, now) = (ring(3), Instant::now());
    limit(&ring, 0, 5, now);
    let mut walk = ring.walk(None);
    assert_eq!(walk.next(&ring, now).unwrap().1, &1);
    limit(&ring, 2, 5, now);
    let later = now + 5 * SECOND;
    assert_eq!(
        walk.next(&ring, now + SECOND),
        None,
        "another call met a limit"
    );
    assert_eq!(walk.next(&ring, later), None, "the end is the end");
    assert_eq!(seen(&ring, None, later), [0, 1, 2]);
}

#[test]
fn the_preferred_key_comes_first_and_once() {
    let (ring, now) = (ring(3), Instant::now());
    assert_eq!(seen(&ring, Some(2), now), [2, 0, 1]);
    assert_eq!(seen(&ring, Some(0), now), [0, 1, 2]);
    assert_eq!(seen(&ring, Some(9), now), [0, 1, 2], "of another ring");
    limit(&ring, 2, 5, now);
    assert_eq!(seen(&ring, Some(2), now), [0, 1]);
}

#[test]
fn what_is_told_when_no_key_is_left() {
    let (ring, now) = (ring(3), Instant::now());
    let unknown = |key| ring.cool(KeyId(key), KeyFault::Unauthorized, None, now);
    assert_eq!(
        ring.exhausted(now),
        Exhausted::For {
            wait: Duration::ZERO
        }
    );
    unknown(0);
    unknown(1);
    unknown(2);
    assert_eq!(ring.exhausted(now), Exhausted::Unauthorized);
    let counts = ring.counts(now);
    assert_eq!(
        (counts.valid, counts.rate_limited, counts.unauthorized),
        (0, 0, 3)
    );
    limit(&ring, 1, 300, now);
    assert_eq!(ring.exhausted(now), Exhausted::For { wait: 300 * SECOND });
    let counts = ring.counts(now + 60 * SECOND);
    assert_eq!(
        (counts.valid, counts.rate_limited, counts.unauthorized),
        (2, 1, 0)
    );
}

/// One key of the reference model: when it is good again, and why it cools.
type Kept = Option<(u64, KeyFault)>;

#[derive(Debug, Clone)]
enum Deed {
    Cool {
        key: usize,
        is_limit: bool,
        told: u64,
    },
    Wait(u64),
    Walk(Option<usize>),
}

fn deed(keys: usize) -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0..keys, any::<bool>(), 0_u64..200).prop_map(|(key, is_limit, told)| Deed::Cool {
            key,
            is_limit,
            told
        }),
        (0_u64..100).prop_map(Deed::Wait),
        prop::option::of(0..keys).prop_map(Deed::Walk),
    ]
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(deeds in prop::collection::vec(deed(4), 0..60)) {
        let (ring, start) = (ring(4), Instant::now());
        let mut model: [Kept; 4] = [None; 4];
        let mut clock = 0;
        for deed in deeds {
            let now = start + SECOND * u32::try_from(clock).unwrap();
            match deed {
                Deed::Wait(seconds) => clock += seconds,
                Deed::Cool { key, is_limit, told } => {
                    let fault = if is_limit { KeyFault::RateLimited } else { KeyFault::Unauthorized };
                    let until = clock + if told == 0 { 60 } else { told };
                    let before = model[key].filter(|(until, _)| *until > clock);
                    let told = Some(Duration::from_secs(told));
                    prop_assert_eq!(ring.cool(KeyId(key), fault, told, now), before.is_none());
                    if before.is_none_or(|(before, _)| before < until) {
                        model[key] = Some((until, fault));
                    }
                }
                Deed::Walk(preferred) => {
                    let is_good = |key: &usize| model[*key].is_none_or(|(until, _)| until <= clock);
                    let mut order: Vec<usize> = preferred.into_iter().chain(0..4).filter(is_good).collect();
                    let mut met = Vec::new();
                    order.retain(|key| !met.contains(key) && { met.push(*key); true });
                    prop_assert_eq!(seen(&ring, preferred, now), order.clone());
                    prop_assert_eq!(ring.counts(now).valid, order.len());
                }
            }
        }
    }
}
