//! Conversations of several turns: what was hidden of each comes back in every request that follows.

use std::sync::Arc;

use bridge_api::{HiddenTurn, UsageTold};
use proptest::prelude::*;

use super::said::{Said, spoken, without_thoughts};
use super::turn::{Call, End, Part, Turn, turn};
use super::{MODES, VOICES};

/// What the provider knows after a turn, and what the client says then.
pub(super) fn told(turn: &Turn) -> Vec<Said> {
    let is_mixed = turn.end == End::Proper && !turn.last().own().is_empty();
    let mut said = Vec::new();
    for (number, round) in turn.rounds.iter().enumerate() {
        let is_last = number + 1 == turn.rounds.len();
        // Calls that are not made are forgotten.
        let is_made =
            |part: &&Part| !is_last || is_mixed || !part.call().is_some_and(Call::is_injected);
        said.extend(round.parts.iter().filter(is_made).cloned().map(Said::Model));
        let answered = match (is_last, is_mixed) {
            (false, _) => round.injected(),
            (true, true) => [round.injected(), round.own()].concat(),
            (true, false) => Vec::new(),
        };
        said.extend(answered.iter().map(|call| Said::Result {
            id: call.id.clone(),
            text: call.result(),
        }));
    }
    if !is_mixed {
        said.push(Said::User("go on".to_owned()));
    }
    said
}

/// Whether clients of every dialect have something to say again of the turn.
fn is_heard(turn: &Turn) -> bool {
    turn.visible().iter().any(|part| match part {
        Part::Text(text) => !text.trim().is_empty(),
        Part::Call(_) => true,
        Part::Thought(_) | Part::Hosted(_) => false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_turn_comes_back(mut turns in prop::collection::vec(turn(), 2..4)) {
        prop_assume!(turns.iter().all(is_heard));
        for (number, turn) in turns.iter_mut().enumerate() {
            turn.rename_calls(&format!("{number}_"));
        }
        for voice in &VOICES {
            for mode in MODES {
                let mut request = voice.request.to_owned();
                let mut hidden: Vec<Arc<HiddenTurn>> = Vec::new();
                let mut expected = (voice.history)(voice.request).unwrap();
                for turn in &turns {
                    let woven = voice.weave_on(&request, &hidden, turn, mode, UsageTold::Sum);
                    let first = (voice.history)(&woven.requests[0]).unwrap();
                    let plain = |said: Vec<Said>| {
                        let said = spoken(voice.is_merged, said);
                        if voice.is_merged { without_thoughts(said) } else { said }
                    };
                    prop_assert_eq!(plain(first), plain(expected.clone()), "{}", &woven.requests[0]);
                    let message = voice.read(&woven.answer, mode).unwrap();
                    request = (voice.next)(&request, &message);
                    hidden.extend(woven.hidden.map(Arc::new));
                    expected.extend(told(turn));
                }
            }
        }
    }
}
