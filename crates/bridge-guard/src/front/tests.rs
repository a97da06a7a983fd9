//! Limits against a slow model, in any order of coming and going, and with threads.

use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "any instant does to begin with")]
fn start() -> Instant {
    Instant::now()
}

fn enter(
    front: &Front,
    caller: u64,
    limits: &FrontLimits,
    now: Instant,
) -> Result<FrontPlace, FrontRefusal> {
    front.enter(|| CallerKey(caller), limits, now)
}

fn rate(limit: u32) -> FrontLimits {
    FrontLimits {
        caller_rate: Some(limit),
        ..FrontLimits::default()
    }
}

/// How many of these requests of one caller are let in, each that many milliseconds after the start.
fn let_in(limit: u32, at: impl IntoIterator<Item = u64>) -> Vec<bool> {
    let (front, begin) = (Front::default(), start());
    at.into_iter()
        .map(|millis| {
            let now = begin + Duration::from_millis(millis);
            enter(&front, 1, &rate(limit), now).is_ok()
        })
        .collect()
}

#[test]
fn a_burst_is_let_in_up_to_the_limit() {
    assert_eq!(
        let_in(3, [0, 0, 0, 0, 999]),
        [true, true, true, false, false]
    );
}

#[test]
fn of_the_second_before_only_that_part_counts_which_is_no_second_ago() {
    // Four came in the first second. A quarter into the next, three of them count; a moment later
    // less than three do, and so on.
    let rows = [
        (0, true),
        (1, true),
        (2, true),
        (3, true),
        (4, false),
        (1_250, true),
        (1_251, true),
        (1_252, false),
        (1_500, false),
        (1_501, true),
        (1_999, true),
        (1_999, false),
    ];
    let told = let_in(4, rows.map(|(at, _)| at));
    assert_eq!(told, rows.map(|(_, is_in)| is_in));
    // After two seconds nothing counts.
    assert_eq!(
        let_in(1, [0, 2_000, 2_999, 4_500]),
        [true, true, false, true]
    );
}

#[test]
fn what_was_refused_does_not_count() {
    let mut at = vec![0];
    at.extend([10; 50]);
    at.push(2_000);
    let told = let_in(1, at);
    assert_eq!((told.first(), told.last()), (Some(&true), Some(&true)));
    assert_eq!(told.iter().filter(|is_in| **is_in).count(), 2);
}

#[test]
fn who_comes_evenly_is_never_refused() {
    let told = let_in(10, (0..200).map(|number| number * 101));
    assert!(told.iter().all(|is_in| *is_in), "{told:?}");
}

#[test]
fn callers_have_limits_of_their_own_and_all_share_one() {
    let (front, now) = (Front::default(), start());
    let limits = FrontLimits {
        concurrency: Some(3),
        caller_concurrency: Some(2),
        ..FrontLimits::default()
    };
    let first = enter(&front, 1, &limits, now).unwrap();
    let _second = enter(&front, 1, &limits, now).unwrap();
    let busy = enter(&front, 1, &limits, now).unwrap_err();
    assert_eq!(busy, FrontRefusal::CallerBusy { limit: 2 });
    let _third = enter(&front, 2, &limits, now).unwrap();
    let full = enter(&front, 3, &limits, now).unwrap_err();
    assert_eq!(full, FrontRefusal::Full { limit: 3 });
    assert_eq!((front.inside(), front.callers()), (3, 2));
    drop(first);
    assert!(enter(&front, 1, &limits, now).is_ok());
}

#[test]
fn nobody_is_asked_who_they_are_when_callers_have_no_limits() {
    let front = Front::default();
    let asked = || panic!("nobody needs to know");
    let place = front
        .enter(asked, &FrontLimits::default(), start())
        .unwrap();
    assert_eq!((front.inside(), front.callers()), (1, 0));
    drop(place);
    assert_eq!(front.inside(), 0);
}

#[test]
fn those_with_nothing_inside_make_room_and_the_others_stay() {
    let (front, now) = (Front::default(), start());
    let limits = FrontLimits {
        callers: 10,
        ..rate(1)
    };
    let inside: Vec<_> = (0..9)
        .map(|caller| enter(&front, caller, &limits, now).unwrap())
        .collect();
    for newcomer in 100..200 {
        drop(enter(&front, newcomer, &limits, now).unwrap());
        assert!(front.callers() <= 10);
    }
    // All nine are still known: they came in this second.
    for caller in 0..9 {
        let refused = enter(&front, caller, &limits, now).unwrap_err();
        assert_eq!(refused, FrontRefusal::TooFast { limit: 1 });
    }
    let _tenth = enter(&front, 300, &limits, now).unwrap();
    let refused = enter(&front, 301, &limits, now).unwrap_err();
    assert_eq!(refused, FrontRefusal::TooManyCallers { limit: 10 });
    assert_eq!(front.inside(), 10);
    drop(inside);
    assert!(enter(&front, 301, &limits, now).is_ok());
}

#[test]
fn who_is_idle_is_forgotten_as_others_come() {
    let (front, begin) = (Front::default(), start());
    for caller in 0..1_000 {
        drop(enter(&front, caller, &rate(5), begin).unwrap());
    }
    assert_eq!(front.callers(), 1_000);
    let later = begin + Duration::from_secs(2);
    for caller in 1_000..2_000 {
        drop(enter(&front, caller, &rate(5), later).unwrap());
    }
    assert_eq!(
        front.callers(),
        1_000,
        "two were forgotten for each who came"
    );
}

#[test]
fn threads_never_see_more_inside_than_may_be() {
    let front = Front::default();
    let limits = FrontLimits {
        concurrency: Some(5),
        caller_concurrency: Some(2),
        ..FrontLimits::default()
    };
    let (begin, now) = (Barrier::new(4), start());
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (front, begin, limits) = (&front, &begin, &limits);
            scope.spawn(move || {
                begin.wait();
                let mut kept = Vec::new();
                for round in 0..2_000 {
                    kept.extend(enter(front, (thread + round) % 3, limits, now));
                    assert!(front.inside() <= 5);
                    if kept.len() > 1 {
                        drop(kept.swap_remove(0));
                    }
                }
            });
        }
    });
    assert_eq!(front.inside(), 0);
    let again: Vec<_> = (0..5)
        .map(|caller| enter(&front, caller, &limits, now))
        .collect();
    assert!(again.iter().all(Result::is_ok), "no place was lost");
}

/// What may happen at the door.
#[derive(Debug, Clone)]
enum Deed {
    Enter(u64),
    Drop(prop::sample::Index),
    Wait(u64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let one = prop_oneof![
        4 => (0..4_u64).prop_map(Deed::Enter),
        3 => any::<prop::sample::Index>().prop_map(Deed::Drop),
        1 => (0..700_u64).prop_map(Deed::Wait),
    ];
    prop::collection::vec(one, 0..200)
}

proptest! {
    /// Never more inside than may be, whatever is dropped when; who is refused is refused for a
    /// reason; and when all have left every place is free.
    #[test]
    fn places_are_neither_multiplied_nor_lost(
        deeds in deeds(),
        concurrency in 1..6_usize,
        caller_concurrency in 1..4_usize,
    ) {
        let (front, now) = (Front::default(), start());
        let limits = FrontLimits {
            concurrency: Some(concurrency),
            caller_concurrency: Some(caller_concurrency),
            ..FrontLimits::default()
        };
        let mut inside: Vec<(u64, FrontPlace)> = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Enter(caller) => {
                    let of_caller = inside.iter().filter(|(one, _)| *one == caller).count();
                    let wanted = if inside.len() == concurrency {
                        Some(FrontRefusal::Full { limit: concurrency })
                    } else {
                        (of_caller == caller_concurrency)
                            .then_some(FrontRefusal::CallerBusy { limit: caller_concurrency })
                    };
                    match enter(&front, caller, &limits, now) {
                        Ok(place) => {
                            prop_assert_eq!(wanted, None);
                            inside.push((caller, place));
                        }
                        Err(refusal) => prop_assert_eq!(wanted, Some(refusal)),
                    }
                }
                Deed::Drop(index) if !inside.is_empty() => {
                    drop(inside.swap_remove(index.index(inside.len())));
                }
                Deed::Drop(_) | Deed::Wait(_) => {}
            }
            prop_assert_eq!(front.inside(), inside.len());
        }
        drop(inside);
        prop_assert_eq!(front.inside(), 0);
        let all: Vec<_> = (10..)
            .take(concurrency)
            .map(|caller| enter(&front, caller, &limits, now))
            .collect();
        prop_assert!(all.iter().all(Result::is_ok));
    }

    /// Of one caller, at most `limit` are let in within each of their seconds, and so at most
    /// `limit` times one more than there are seconds in any span.
    #[test]
    fn no_span_has_more_than_its_seconds_and_one_allow(deeds in deeds(), limit in 1..9_u32) {
        let (front, mut now) = (Front::default(), start());
        let mut came: HashMap<u64, Vec<Instant>> = HashMap::new();
        for deed in deeds {
            match deed {
                Deed::Enter(caller) => {
                    if enter(&front, caller, &rate(limit), now).is_ok() {
                        came.entry(caller).or_default().push(now);
                    }
                }
                Deed::Wait(millis) => now += Duration::from_millis(millis),
                Deed::Drop(_) => {}
            }
        }
        for times in came.values() {
            for (from, begin) in times.iter().enumerate() {
                for (to, end) in times.iter().enumerate().skip(from) {
                    let seconds = end.duration_since(*begin).as_secs() + 1;
                    let most = u64::from(limit) * (seconds + 1);
                    prop_assert!((to - from + 1) as u64 <= most);
                }
            }
        }
    }
}
