//! How much a turn may do with tools of ours.

use std::time::Duration;

use bridge_api::UsageTold;

/// Limits and habits of turns with injected tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolsConfig {
    /// Models whose requests are left alone: patterns on the model as it was asked for, in which
    /// `*` stands for anything. Default `*haiku*`, what agents use for titles and summaries.
    pub skip_models: Vec<String>,
    /// What the client is told of tokens at the end of a turn of several rounds. Default: the sum.
    pub usage: UsageTold,
    /// How many answers of one turn may call tools. Calls of a further one are answered with an
    /// error, and that answer is the last. Default 16.
    pub rounds: u32,
    /// How many calls of one turn are made. Default 64.
    pub calls: u32,
    /// How many calls of one answer run at once. Default 8.
    pub at_once: usize,
    /// How long one call may take. Default 60 s.
    pub call_timeout: Duration,
    /// How long after its first call a turn may make further ones. Default 10 min.
    pub total_timeout: Duration,
    /// How much of a result the model gets, in bytes. Default 256 KiB.
    pub result_bytes: usize,
    /// How long the first request of a caller waits for tool servers. Default 3 s.
    pub open_timeout: Duration,
    /// What is remembered of turns for the requests after them. Default: as
    /// [`MemoryLimits::default`] has it; none: nothing.
    pub memory: Option<MemoryLimits>,
}

/// How much is remembered of hidden turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Turns of one caller. Default 256.
    pub turns: usize,
    /// Their bytes. Default 8 MiB.
    pub bytes: usize,
    /// How long one is remembered after its conversation last asked for it. Default 1 h.
    pub age: Duration,
}

impl Default for ToolsConfig {
    fn default() -> Self {
        Self {
            skip_models: vec!["*haiku*".to_owned()],
            usage: UsageTold::default(),
            rounds: 16,
            calls: 64,
            at_once: 8,
            call_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(600),
            result_bytes: 256 << 10,
            open_timeout: Duration::from_secs(3),
            memory: Some(MemoryLimits::default()),
        }
    }
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            turns: 256,
            bytes: 8 << 20,
            age: Duration::from_secs(3_600),
        }
    }
}

impl ToolsConfig {
    /// Whether requests for this model are left alone.
    pub(super) fn skips(&self, model: &str) -> bool {
        let mut patterns = self.skip_models.iter();
        patterns.any(|pattern| matches(pattern, model))
    }
}

/// Whether a text is of a pattern in which `*` stands for anything. Upper and lower case are the
/// same: providers' names of models differ in it.
fn matches(pattern: &str, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let pattern = pattern.to_ascii_lowercase();
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        let Some(at) = left.find(part) else {
            return false;
        };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        };
        check("*haiku*", "claude-haiku-4-5", true);
        check("*haiku*", "Claude-3-5-HAIKU", true);
        check("*haiku*", "claude-opus-4", false);
        check("gpt-*-mini", "gpt-5-mini", true);
        check("gpt-*-mini", "gpt-5-mini-high", false);
        check("gpt-*-mini", "gpt-mini", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("exact", "exact", true);
        check("exact", "exactly", false);
        check("*", "", true);
        check("", "x", false);
        check("ab*ba", "aba", false);
    }
}
