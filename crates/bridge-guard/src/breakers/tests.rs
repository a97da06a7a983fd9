#![expect(
    clippy::disallowed_methods,
    reason = "any instant will do as the first"
)]

use proptest::prelude::*;

use super::*;

fn place(model: &str) -> Place {
    Place {
        route: "/v1/messages",
        model: model.into(),
        class: "centralized",
    }
}

fn at_once() -> BreakerConfig {
    BreakerConfig {
        failures: 1,
        probes: 1,
        ..BreakerConfig::default()
    }
}

fn ticket(breakers: &Arc<Breakers>, place: &Place, now: Instant) -> Option<Ticket> {
    let admitted = breakers.admit(place.clone(), at_once(), now);
    admitted.ok().map(|(ticket, _)| ticket)
}

fn fail(breakers: &Arc<Breakers>, place: &Place, now: Instant) -> Option<Transition> {
    let ticket = ticket(breakers, place, now)?;
    ticket.settle(Judgement::Failed, now)
}

#[test]
fn places_are_apart() {
    let (breakers, now) = (Arc::new(Breakers::new(8)), Instant::now());
    let moved = fail(&breakers, &place("a"), now).unwrap();
    assert_eq!(moved.to, BreakerState::Open);
    let rejected = breakers.admit(place("a"), at_once(), now).unwrap_err();
    assert_eq!(rejected.wait, Duration::from_secs(30));
    let others = [
        place("b"),
        Place {
            route: "/v1/chat/completions",
            ..place("a")
        },
        Place {
            class: "byok",
            ..place("a")
        },
    ];
    for other in &others {
        assert!(ticket(&breakers, other, now).is_some(), "{other:?}");
    }
}

#[test]
fn nothing_is_kept_of_places_in_health() {
    let (breakers, now) = (Arc::new(Breakers::new(8)), Instant::now());
    let answered = ticket(&breakers, &place("a"), now).unwrap();
    assert_eq!(answered.settle(Judgement::Answered, now), None);
    drop(ticket(&breakers, &place("b"), now));
    assert!(breakers.is_empty());

    let patient = BreakerConfig::default();
    let (failing, _) = breakers.admit(place("a"), patient, now).unwrap();
    assert_eq!(failing.settle(Judgement::Failed, now), None);
    assert_eq!(breakers.len(), 1);
    let (answering, _) = breakers.admit(place("a"), patient, now).unwrap();
    assert_eq!(answering.settle(Judgement::Answered, now), None);
    assert!(breakers.is_empty());
}

#[test]
fn a_place_that_recovered_does_not_hear_of_the_trouble_again() {
    let (breakers, now) = (Arc::new(Breakers::new(8)), Instant::now());
    let hanging = ticket(&breakers, &place("a"), now).unwrap();
    fail(&breakers, &place("a"), now);
    let later = now + at_once().open_for;
    let probe = ticket(&breakers, &place("a"), later).unwrap();
    let moved = probe.settle(Judgement::Answered, later).unwrap();
    assert_eq!(moved.to, BreakerState::Closed);
    assert_eq!(hanging.settle(Judgement::Failed, later), None);
    assert_eq!(breakers.state(&place("a"), later), BreakerState::Closed);
}

#[test]
fn the_list_tells_how_calls_would_be_met() {
    let (breakers, now) = (Arc::new(Breakers::new(8)), Instant::now());
    fail(&breakers, &place("a"), now);
    assert_eq!(breakers.list(now), [(place("a"), BreakerState::Open)]);
    let later = now + at_once().open_for;
    assert_eq!(breakers.list(later), [(place("a"), BreakerState::HalfOpen)]);
}

#[test]
fn a_dropped_ticket_gives_its_place_back() {
    let (breakers, now) = (Arc::new(Breakers::new(8)), Instant::now());
    fail(&breakers, &place("a"), now);
    let later = now + at_once().open_for;
    let probe = ticket(&breakers, &place("a"), later);
    assert!(probe.is_some());
    assert!(ticket(&breakers, &place("a"), later).is_none());
    drop(probe);
    let probe = ticket(&breakers, &place("a"), later).unwrap();
    assert_eq!(probe.settle(Judgement::Unknown, later), None);
    assert!(ticket(&breakers, &place("a"), later).is_some());
}

#[test]
fn no_more_are_kept_than_may_be_and_open_ones_stay_the_longest() {
    let (breakers, now) = (Arc::new(Breakers::new(4)), Instant::now());
    fail(&breakers, &place("open"), now);
    let patient = BreakerConfig::default();
    for number in 0..100_u32 {
        let now = now + Duration::from_millis(u64::from(number));
        let other = place(&format!("model {number}"));
        let (ticket, _) = breakers.admit(other, patient, now).unwrap();
        assert_eq!(ticket.settle(Judgement::Failed, now), None);
        assert!(breakers.len() <= 4);
    }
    assert_eq!(breakers.state(&place("open"), now), BreakerState::Open);
}

/// How a call of the trial is settled; none when its ticket is dropped.
fn settled() -> impl Strategy<Value = Option<Judgement>> {
    prop_oneof![
        Just(None),
        Just(Some(Judgement::Answered)),
        Just(Some(Judgement::Failed)),
        Just(Some(Judgement::Unknown)),
    ]
}

proptest! {
    /// Calls come and go in any order, within one trial. Those that are out never are more than
    /// may be, and the breaker ends as those say that were heard before it moved.
    #[test]
    fn a_trial_admits_as_many_as_may_be(
        probes in 1_u32..5,
        deeds in prop::collection::vec(prop::option::of((any::<prop::sample::Index>(), settled())), 1..60),
    ) {
        let config = BreakerConfig {
            failures: 1,
            probes,
            ..BreakerConfig::default()
        };
        let (breakers, start) = (Arc::new(Breakers::new(8)), Instant::now());
        let (first, _) = breakers.admit(place("a"), config, start).unwrap();
        prop_assert!(first.settle(Judgement::Failed, start).is_some());
        let now = start + config.open_for;
        let (mut out, mut good) = (Vec::new(), 0);
        for deed in deeds {
            let Some((which, judgement)) = deed else {
                match breakers.admit(place("a"), config, now) {
                    Ok((ticket, _)) => out.push(ticket),
                    Err(_) => prop_assert_eq!(out.len() + good, usize::try_from(probes).unwrap()),
                }
                prop_assert!(out.len() + good <= usize::try_from(probes).unwrap());
                continue;
            };
            if out.is_empty() {
                continue;
            }
            let ticket = out.swap_remove(which.index(out.len()));
            let moved = match judgement {
                None => {
                    drop(ticket);
                    None
                }
                Some(judgement) => ticket.settle(judgement, now),
            };
            good += usize::from(judgement == Some(Judgement::Answered));
            if judgement == Some(Judgement::Failed) {
                prop_assert_eq!(moved.unwrap().to, BreakerState::Open);
                return Ok(());
            }
            if good == usize::try_from(probes).unwrap() {
                prop_assert_eq!(moved.unwrap().to, BreakerState::Closed);
                return Ok(());
            }
            prop_assert_eq!(moved, None);
        }
    }
}
