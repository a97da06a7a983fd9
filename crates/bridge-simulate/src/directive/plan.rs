//! The directives of all rounds of a turn: what an agent or a gateway asks for after tools have
//! answered may be answered by a plan, too.

use super::{DirectiveError, Directives};

/// How many rounds a plan may have, so that a slip of the finger costs no machine.
pub(super) const MOST_ROUNDS: u64 = 10_000;

/// Directives, parted by `then` into those of one round after another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan(Vec<Directives>);

impl Default for Plan {
    fn default() -> Self {
        Self(vec![Directives::default()])
    }
}

impl Plan {
    /// Adds what stands in a prompt.
    pub(crate) fn read_prompt(&mut self, prompt: &str) -> Result<(), DirectiveError> {
        super::in_prompt(prompt, |text| self.read_one(text))?;
        self.check()
    }

    /// Adds what stands in a header.
    pub(crate) fn read_header(&mut self, value: &str) -> Result<(), DirectiveError> {
        super::in_header(value, |text| self.read_one(text))?;
        self.check()
    }

    /// Whether it says anything of later rounds.
    pub(crate) fn is_for_rounds(&self) -> bool {
        self.0.len() > 1 || self.0.iter().any(|it| it.rounds.is_some())
    }

    /// What is ordered for the round after so many others, if anything is.
    pub(crate) fn of_round(mut self, rounds: usize) -> Option<Directives> {
        let mut left = rounds;
        let found = self.0.iter().position(|directives| {
            let lasts = directives.rounds.unwrap_or(1);
            let is_it = left < lasts;
            left = left.saturating_sub(lasts);
            is_it
        });
        found.map(|at| self.0.swap_remove(at))
    }

    /// What is ordered for the first round.
    pub(crate) fn first(self) -> Directives {
        self.of_round(0).unwrap_or_default()
    }

    fn read_one<'t>(&mut self, text: &'t str) -> Result<&'t str, DirectiveError> {
        let word = super::word(text);
        if word == "then" {
            if self.0.len() as u64 >= MOST_ROUNDS {
                return Err(DirectiveError::TooMuch {
                    name: word.to_owned(),
                    most: MOST_ROUNDS,
                });
            }
            self.0.push(Directives::default());
            return Ok(text.get(word.len()..).unwrap_or_default());
        }
        match self.0.last_mut() {
            Some(last) => last.read_one(text),
            // There is always one.
            None => Ok(""),
        }
    }

    fn check(&self) -> Result<(), DirectiveError> {
        self.0.iter().try_for_each(Directives::check)
    }
}
