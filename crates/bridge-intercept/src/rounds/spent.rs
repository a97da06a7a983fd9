//! How much of its tools a turn has used up.

use tokio::time::Instant;

use crate::ToolsConfig;
use crate::transcript::Taken;

/// What a turn has spent. It grows until the turn is over.
#[derive(Debug, Default)]
pub(super) struct Spent {
    rounds: u32,
    calls: u32,
    /// When no further call is made. None until there was one.
    until: Option<Instant>,
    /// The limit that the model was told of. It may answer once more, without calls.
    told: Option<Limit>,
}

/// What came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Rounds(u32),
    Calls(u32),
    Time(u64),
}

/// A call, and whether it is made.
pub(super) struct Planned {
    pub(super) call: Taken,
    pub(super) refused: Option<Limit>,
}

impl Spent {
    /// When the turn's time for tools is over.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// The limit of which the model knows already, and which it must not meet again.
    pub(super) fn told(&self) -> Option<Limit> {
        self.told
    }

    /// Says which of a round's calls are made.
    pub(super) fn plan(&mut self, calls: Vec<Taken>, config: &ToolsConfig) -> Vec<Planned> {
        let now = Instant::now();
        let until = *self.until.get_or_insert(now + config.total_timeout);
        self.rounds = self.rounds.saturating_add(1);
        let all = if self.rounds > config.rounds {
            Some(Limit::Rounds(config.rounds))
        } else if now >= until {
            Some(Limit::Time(config.total_timeout.as_secs()))
        } else {
            None
        };
        let planned = calls.into_iter().map(|call| {
            let refused = all.or_else(|| {
                let is_spent = self.calls >= config.calls;
                self.calls = self.calls.saturating_add(1);
                is_spent.then_some(Limit::Calls(config.calls))
            });
            self.told = self.told.or(refused);
            Planned { call, refused }
        });
        planned.collect()
    }
}

impl Limit {
    /// For the model, in place of a result.
    pub(super) fn explanation(self) -> String {
        format!(
            "The tool was not run: {}. Do not call it again; answer with what you have.",
            self.what()
        )
    }

    /// For the client, when the model goes on all the same.
    pub(super) fn failure(self) -> String {
        format!(
            "the model went on calling central tools although {}",
            self.what()
        )
    }

    fn what(self) -> String {
        let (count, one, more) = match self {
            Self::Rounds(rounds) => (
                u64::from(rounds),
                "round of tool calls",
                "rounds of tool calls",
            ),
            Self::Calls(calls) => (u64::from(calls), "tool call", "tool calls"),
            Self::Time(seconds) => (seconds, "second for tool calls", "seconds for tool calls"),
        };
        let things = if count == 1 { one } else { more };
        format!("this turn has used up its {count} {things}")
    }
}

#[cfg(test)]
mod tests {
    use super::Limit;

    #[test]
    fn limits_of_one_are_told_in_the_singular() {
        let told = [
            (Limit::Rounds(1), "1 round of tool calls."),
            (Limit::Rounds(16), "16 rounds of tool calls."),
            (Limit::Calls(1), "1 tool call."),
            (Limit::Calls(64), "64 tool calls."),
            (Limit::Time(1), "1 second for tool calls."),
            (Limit::Time(600), "600 seconds for tool calls."),
        ];
        for (limit, end) in told {
            let explanation = limit.explanation();
            let said = format!("this turn has used up its {end}");
            assert!(explanation.contains(&said), "{explanation}");
        }
    }
}
