//! Turns of one to five rounds, in no dialect.

use proptest::prelude::*;
use serde_json::{Value, json};

/// What a provider answers in one turn, round by round. Every round but the last calls injected
/// tools and nothing of the client's.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) rounds: Vec<Round>,
    /// How the last round ends.
    pub(crate) end: End,
    /// How long the pieces are in which a stream tells it, in characters.
    pub(crate) piece: usize,
    /// Whether the provider says things between its events that are no part of the answer.
    pub(crate) is_chatty: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) parts: Vec<Part>,
    pub(crate) usage: Usage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) cached: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The model has said all that it wanted, or waits for results.
    Proper,
    /// It was not allowed to say more.
    Short,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Thought(String),
    /// Something that the provider did itself.
    Hosted(String),
    Call(Call),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) input: Value,
}

/// The tools of ours, and the client's.
pub(crate) const INJECTED: [&str; 2] = ["bmcp_s_a", "bmcp_s_b"];
pub(crate) const OWN: [&str; 2] = ["Read", "Bash"];

impl Call {
    pub(crate) fn is_injected(&self) -> bool {
        INJECTED.contains(&self.name.as_str())
    }

    /// What the tool says.
    pub(crate) fn result(&self) -> String {
        format!("result of {}", self.id)
    }
}

impl Part {
    pub(crate) fn call(&self) -> Option<&Call> {
        match self {
            Self::Call(call) => Some(call),
            Self::Text(_) | Self::Thought(_) | Self::Hosted(_) => None,
        }
    }
}

impl Round {
    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.parts.iter().filter_map(Part::call)
    }

    pub(crate) fn injected(&self) -> Vec<Call> {
        self.calls()
            .filter(|call| call.is_injected())
            .cloned()
            .collect()
    }

    pub(crate) fn own(&self) -> Vec<Call> {
        self.calls()
            .filter(|call| !call.is_injected())
            .cloned()
            .collect()
    }

    /// What the client may see of it.
    pub(crate) fn visible(&self) -> impl Iterator<Item = &Part> {
        let is_hidden = |part: &&Part| part.call().is_some_and(Call::is_injected);
        self.parts.iter().filter(move |part| !is_hidden(part))
    }
}

impl Turn {
    pub(crate) fn last(&self) -> &Round {
        self.rounds.last().unwrap()
    }

    /// How a round ends.
    pub(crate) fn end_of(&self, round: usize) -> End {
        if round + 1 == self.rounds.len() {
            self.end
        } else {
            End::Proper
        }
    }

    /// What the client sees of it.
    pub(crate) fn visible(&self) -> Vec<Part> {
        let parts = self.rounds.iter().flat_map(Round::visible);
        parts.cloned().collect()
    }

    pub(crate) fn sum(&self) -> Usage {
        let add = |sum: Usage, round: &Round| Usage {
            input: sum.input + round.usage.input,
            output: sum.output + round.usage.output,
            cached: sum.cached + round.usage.cached,
        };
        self.rounds.iter().fold(Usage::default(), add)
    }

    /// Providers give no id twice.
    pub(crate) fn rename_calls(&mut self, prefix: &str) {
        let parts = self.rounds.iter_mut().flat_map(|round| &mut round.parts);
        for part in parts {
            if let Part::Call(call) = part {
                call.id.insert_str(0, prefix);
            }
        }
    }

    /// A text in the pieces of a stream.
    pub(crate) fn pieces(&self, text: &str) -> Vec<String> {
        let characters: Vec<char> = text.chars().collect();
        let pieces = characters.chunks(self.piece);
        pieces.map(|piece| piece.iter().collect()).collect()
    }
}

pub(crate) fn turn() -> impl Strategy<Value = Turn> {
    let hidden = prop::collection::vec(round(0..6, Kind::Hidden), 0..5);
    let last = (
        round(0..6, Kind::Last),
        prop_oneof![4 => Just(End::Proper), 1 => Just(End::Short)],
    );
    (hidden, last, 1..9_usize, any::<bool>()).prop_map(
        |(mut rounds, (last, end), piece, is_chatty)| {
            rounds.push(last);
            if end == End::Short {
                // What a client does with calls of an answer that was cut is its own affair.
                let last = rounds.last_mut().unwrap();
                last.parts
                    .retain(|part| part.call().is_none_or(Call::is_injected));
            }
            let mut turn = Turn {
                rounds,
                end,
                piece,
                is_chatty,
            };
            name_calls(&mut turn);
            turn
        },
    )
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// With injected calls only.
    Hidden,
    /// With calls of both sorts or none.
    Last,
}

fn round(parts: std::ops::Range<usize>, kind: Kind) -> impl Strategy<Value = Round> {
    let tokens = || 0..1_000_000_u64;
    let usage = (tokens(), tokens(), tokens());
    let call = call(&INJECTED);
    (
        prop::collection::vec(part(kind), parts),
        usage,
        call,
        any::<prop::sample::Index>(),
    )
        .prop_map(move |(mut parts, (input, output, cached), call, at)| {
            let has_own = parts
                .iter()
                .filter_map(Part::call)
                .any(|call| !call.is_injected());
            match kind {
                Kind::Hidden => parts.insert(at.index(parts.len() + 1), Part::Call(call)),
                // Injected calls alone would have another round follow.
                Kind::Last if !has_own => parts.retain(|part| part.call().is_none()),
                Kind::Last => {}
            }
            Round {
                parts,
                usage: Usage {
                    input,
                    output,
                    cached,
                },
            }
        })
}

fn part(kind: Kind) -> BoxedStrategy<Part> {
    let text = "[\\PC\n\"\\\\]{0,20}";
    let words = prop_oneof![
        text.prop_map(Part::Text),
        "\\PC{1,20}".prop_map(Part::Thought),
        "[a-z]{1,8}".prop_map(Part::Hosted),
        call(&INJECTED).prop_map(Part::Call),
    ];
    match kind {
        Kind::Hidden => words.boxed(),
        Kind::Last => prop_oneof![3 => words, 1 => call(&OWN).prop_map(Part::Call)].boxed(),
    }
}

fn call(names: &'static [&'static str]) -> impl Strategy<Value = Call> {
    let input = prop_oneof![
        Just(json!({})),
        ("[\\PC\n\"\\\\]{0,20}", any::<u64>())
            .prop_map(|(text, number)| json!({"t": text, "n": [number]})),
    ];
    (prop::sample::select(names), input).prop_map(|(name, input)| Call {
        id: String::new(),
        name: name.to_owned(),
        input,
    })
}

/// Providers give every call an id of its own.
fn name_calls(turn: &mut Turn) {
    let parts = turn.rounds.iter_mut().flat_map(|round| &mut round.parts);
    let mut number = 0;
    for part in parts {
        if let Part::Call(call) = part {
            number += 1;
            call.id = format!("call_{number}");
        }
    }
}
