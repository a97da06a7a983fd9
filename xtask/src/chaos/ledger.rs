//! What the simulated provider says it was asked and finished: its ledger file, read.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::kept::Counts;
use crate::Outcome;

/// A request that reached the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Nothing when it was refused.
    pub(super) answer: Option<Answered>,
}

/// An answer as the provider means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) response_id: String,
    pub(super) counts: Counts,
    pub(super) tools: usize,
}

/// The whole ledger.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By the hash of the prompt.
    pub(super) asked: HashMap<String, Vec<Asked>>,
    /// By the id of the answer: how often it was finished, and how often it broke off.
    pub(super) ends: HashMap<String, (usize, usize)>,
}

impl Ledger {
    pub(super) fn read(path: &Path) -> Outcome<Self> {
        Self::parse(&fs::read_to_string(path)?)
    }

    /// Reads whole lines; one that is being written is left out.
    pub(super) fn parse(text: &str) -> Outcome<Self> {
        let mut ledger = Self::default();
        let whole = text.rfind('\n').and_then(|end| text.get(..end));
        for line in whole.unwrap_or_default().lines() {
            ledger.take(&serde_json::from_str(line)?)?;
        }
        Ok(ledger)
    }

    fn take(&mut self, line: &Value) -> Outcome {
        let text = |name: &str| line.get(name).and_then(Value::as_str);
        let needed = |name: &str| {
            let found = text(name).map(str::to_owned);
            found.ok_or_else(|| format!("the provider's ledger tells no {name}"))
        };
        match text("event") {
            Some("asked") => {
                let tools = line.get("tools").and_then(Value::as_u64);
                let tools = usize::try_from(tools.unwrap_or_default())?;
                let answer = text("response_id").map(|id| Answered {
                    response_id: id.to_owned(),
                    counts: Counts::of(line),
                    tools,
                });
                let asked = self.asked.entry(needed("prompt_sha256")?).or_default();
                asked.push(Asked { answer });
            }
            Some("ended") => {
                let ends = self.ends.entry(needed("response_id")?).or_default();
                match line.get("finished").and_then(Value::as_bool) {
                    Some(true) => ends.0 += 1,
                    Some(false) | None => ends.1 += 1,
                }
            }
            Some("full") => return Err("the provider's ledger is full".into()),
            Some(_) | None => return Err("a line of the provider's ledger is unknown".into()),
        }
        Ok(())
    }

    /// Whether the provider wrote this answer to its last byte.
    pub(super) fn is_finished(&self, response_id: &str) -> bool {
        self.ends.get(response_id).is_some_and(|ends| ends.0 > 0)
    }

    pub(super) fn requests(&self) -> usize {
        self.asked.values().map(Vec::len).sum()
    }

    pub(super) fn finished(&self) -> usize {
        self.ends.values().map(|ends| ends.0).sum()
    }

    /// Answers that were begun and are not over.
    pub(super) fn running(&self) -> usize {
        let begun = self.asked.values().flatten();
        let begun = begun.filter(|asked| asked.answer.is_some()).count();
        let ended: usize = self.ends.values().map(|ends| ends.0 + ends.1).sum();
        begun.saturating_sub(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_are_read() {
        let text = concat!(
            "{\"event\":\"asked\",\"dialect\":\"chat\",\"stream\":true,\"prompt_sha256\":\"p\",",
            "\"response_id\":\"r\",\"input\":1,\"output\":2,\"cache_read\":3,\"cache_write\":4,",
            "\"tools\":1}\n",
            "{\"event\":\"asked\",\"prompt_sha256\":\"q\",\"status\":429}\n",
            "{\"event\":\"ended\",\"response_id\":\"r\",\"finished\":true}\n",
            "{\"event\":\"ended\",\"respon",
        );
        let ledger = Ledger::parse(text).unwrap();
        let answer = ledger.asked["p"][0].answer.as_ref().unwrap();
        assert_eq!((answer.response_id.as_str(), answer.tools), ("r", 1));
        assert_eq!(answer.counts.shown(), "1/2/3/4");
        assert_eq!(ledger.asked["q"][0].answer, None);
        assert!(ledger.is_finished("r") && !ledger.is_finished("s"));
        assert_eq!(
            (ledger.requests(), ledger.finished(), ledger.running()),
            (2, 1, 0)
        );
        assert!(Ledger::parse("{\"event\":\"full\"}\n").is_err());
        assert!(Ledger::parse("{\"event\":\"asked\"}\n").is_err());
    }
}
