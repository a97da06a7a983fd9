#![expect(
    clippy::disallowed_methods,
    reason = "any instant will do as the first"
)]

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn config() -> BreakerConfig {
    BreakerConfig {
        failures: 2,
        interval: 10 * SECOND,
        open_for: 30 * SECOND,
        probes: 2,
    }
}

fn fail(breaker: &mut Breaker, now: Instant) -> Option<Transition> {
    breaker.failed(breaker.epoch(), config(), now)
}

fn succeed(breaker: &mut Breaker, now: Instant) -> Option<Transition> {
    breaker.succeeded(breaker.epoch(), config(), now)
}

fn opened(now: Instant) -> Breaker {
    let mut breaker = Breaker::new(now);
    assert_eq!(fail(&mut breaker, now), None);
    let moved = fail(&mut breaker, now).unwrap();
    assert_eq!(
        (moved.from, moved.to),
        (BreakerState::Closed, BreakerState::Open)
    );
    breaker
}

#[test]
fn it_goes_round_once() {
    let now = Instant::now();
    let mut breaker = opened(now);
    assert_eq!(breaker.admit(config(), now), Err(30 * SECOND));
    assert_eq!(breaker.admit(config(), now + 29 * SECOND), Err(SECOND));
    let later = now + 30 * SECOND;
    let moved = breaker.admit(config(), later).unwrap().unwrap();
    assert_eq!(
        (moved.from, moved.to),
        (BreakerState::Open, BreakerState::HalfOpen)
    );
    assert_eq!(breaker.admit(config(), later), Ok(None));
    assert_eq!(
        breaker.admit(config(), later),
        Err(30 * SECOND),
        "as many as may"
    );
    assert_eq!(succeed(&mut breaker, later), None);
    let moved = succeed(&mut breaker, later).unwrap();
    assert_eq!(
        (moved.from, moved.to),
        (BreakerState::HalfOpen, BreakerState::Closed)
    );
    assert_eq!(breaker.admit(config(), later), Ok(None));
    assert_eq!(fail(&mut breaker, later), None, "the count began anew");
}

#[test]
fn one_failure_in_the_trial_opens_it_again() {
    let now = Instant::now();
    let mut breaker = opened(now);
    let later = now + 30 * SECOND;
    assert!(breaker.admit(config(), later).is_ok());
    assert_eq!(succeed(&mut breaker, later), None);
    let moved = fail(&mut breaker, later).unwrap();
    assert_eq!(
        (moved.from, moved.to),
        (BreakerState::HalfOpen, BreakerState::Open)
    );
    assert_eq!(breaker.admit(config(), later + SECOND), Err(29 * SECOND));
}

#[test]
fn failures_count_in_a_row_and_for_a_while() {
    let now = Instant::now();
    let mut breaker = Breaker::new(now);
    assert_eq!(fail(&mut breaker, now), None);
    assert_eq!(succeed(&mut breaker, now), None);
    assert_eq!(fail(&mut breaker, now), None, "a success lay between");
    assert_eq!(
        fail(&mut breaker, now + 10 * SECOND),
        None,
        "the first is too old"
    );
    assert!(fail(&mut breaker, now + 19 * SECOND).is_some());

    let for_ever = BreakerConfig {
        interval: Duration::ZERO,
        ..config()
    };
    let mut breaker = Breaker::new(now);
    assert_eq!(breaker.failed(0, for_ever, now), None);
    assert!(breaker.failed(0, for_ever, now + 1_000 * SECOND).is_some());
}

#[test]
fn calls_that_left_before_it_moved_tell_nothing() {
    let now = Instant::now();
    let mut breaker = opened(now);
    let later = now + 30 * SECOND;
    assert!(breaker.admit(config(), later).is_ok());
    for _ in 0..5 {
        assert_eq!(breaker.failed(0, config(), later), None);
        assert_eq!(breaker.succeeded(0, config(), later), None);
        breaker.given_back(0);
    }
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert_eq!(breaker.admit(config(), later), Ok(None));
    assert!(breaker.admit(config(), later).is_err());
}

#[test]
fn a_call_that_told_nothing_makes_room_for_another() {
    let now = Instant::now();
    let mut breaker = opened(now);
    let later = now + 30 * SECOND;
    assert!(breaker.admit(config(), later).is_ok());
    assert!(breaker.admit(config(), later).is_ok());
    assert!(breaker.admit(config(), later).is_err());
    breaker.given_back(breaker.epoch());
    assert_eq!(breaker.admit(config(), later), Ok(None));
}

#[test]
fn a_trial_whose_calls_hang_does_not_last_for_ever() {
    let now = Instant::now();
    let mut breaker = opened(now);
    let later = now + 30 * SECOND;
    assert!(breaker.admit(config(), later).is_ok());
    assert!(breaker.admit(config(), later).is_ok());
    assert_eq!(breaker.admit(config(), later + 29 * SECOND), Err(SECOND));
    let much_later = later + 30 * SECOND;
    assert_eq!(breaker.admit(config(), much_later), Ok(None));
    assert_eq!(breaker.admit(config(), much_later), Ok(None));
    assert_eq!(breaker.admit(config(), much_later), Err(30 * SECOND));
}

#[test]
fn zero_means_one() {
    let now = Instant::now();
    let zero = BreakerConfig {
        failures: 0,
        probes: 0,
        ..config()
    };
    let mut breaker = Breaker::new(now);
    assert!(breaker.failed(0, zero, now).is_some());
    let later = now + 30 * SECOND;
    assert!(breaker.admit(zero, later).is_ok());
    assert!(breaker.admit(zero, later).is_err());
    assert!(breaker.succeeded(breaker.epoch(), zero, later).is_some());
}

proptest! {
    #[test]
    fn it_moves_along_the_drawn_arrows_only(
        deeds in prop::collection::vec((0_u8..4, 0_u32..40), 0..200),
    ) {
        let start = Instant::now();
        let mut breaker = Breaker::new(start);
        let (mut now, mut state) = (start, BreakerState::Closed);
        let mut out: Vec<u64> = Vec::new();
        for (deed, number) in deeds {
            let at = usize::try_from(number).unwrap() % out.len().max(1);
            let moved = match deed {
                0 => {
                    let admitted = breaker.admit(config(), now);
                    prop_assert!(admitted.is_ok() || state != BreakerState::Closed);
                    let moved = admitted.unwrap_or(None);
                    if admitted.is_ok() {
                        out.push(breaker.epoch());
                    }
                    moved
                }
                1 if at < out.len() => breaker.failed(out.swap_remove(at), config(), now),
                2 if at < out.len() => breaker.succeeded(out.swap_remove(at), config(), now),
                _ => {
                    now += SECOND * number;
                    None
                }
            };
            if let Some(moved) = moved {
                use BreakerState::{Closed, HalfOpen, Open};
                prop_assert_eq!(moved.from, state);
                prop_assert!(matches!(
                    (moved.from, moved.to),
                    (Closed | HalfOpen, Open) | (Open, HalfOpen) | (HalfOpen, Closed)
                ));
                state = moved.to;
            }
            prop_assert_eq!(breaker.state(), state);
        }
    }
}
