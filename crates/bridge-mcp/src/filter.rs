//! Which of a server's tools are let through.

use regex_lite::{Regex, RegexBuilder};

/// How much memory one pattern may take when it has been read, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// Patterns on the names that a server gives its tools. They are searched for anywhere in the name;
/// letters count as they are written.
#[derive(Debug)]
pub(crate) struct Filter {
    allow: Vec<Regex>,
    deny: Vec<Regex>,
}

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is no pattern: {why}")]
pub struct FilterError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

impl Filter {
    pub(crate) fn try_new(allow: &[String], deny: &[String]) -> Result<Self, FilterError> {
        Ok(Self {
            allow: allow
                .iter()
                .map(|text| pattern(text))
                .collect::<Result<_, _>>()?,
            deny: deny
                .iter()
                .map(|text| pattern(text))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether a tool of this name is let through: it matches none of the patterns that deny, and
    /// one of those that allow if there are any.
    pub(crate) fn passes(&self, name: &str) -> bool {
        let matches = |patterns: &[Regex]| patterns.iter().any(|pattern| pattern.is_match(name));
        !matches(&self.deny) && (self.allow.is_empty() || matches(&self.allow))
    }
}

fn pattern(text: &str) -> Result<Regex, FilterError> {
    let mut builder = RegexBuilder::new(text);
    let built = builder.size_limit(LARGEST_PATTERN).build();
    built.map_err(|error| FilterError {
        pattern: text.to_owned(),
        why: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allow: &[&str], deny: &[&str], passing: &[&str], stopped: &[&str]) {
        let owned = |patterns: &[&str]| -> Vec<String> {
            patterns.iter().map(|text| (*text).to_owned()).collect()
        };
        let filter = Filter::try_new(&owned(allow), &owned(deny)).unwrap();
        for name in passing {
            assert!(filter.passes(name), "{name} with {allow:?} and {deny:?}");
        }
        for name in stopped {
            assert!(!filter.passes(name), "{name} with {allow:?} and {deny:?}");
        }
    }

    #[test]
    fn patterns_are_searched_for_and_deny_wins() {
        check(&[], &[], &["anything", ""], &[]);
        check(
            &["^ask_question$"],
            &[],
            &["ask_question"],
            &["ask_questions"],
        );
        check(&["list"], &[], &["list", "relist_all"], &["List", "get"]);
        check(&[], &["delete"], &["list"], &["delete", "undelete"]);
        check(&["_"], &["^x"], &["a_b"], &["x_b", "ab", "xab"]);
        check(&["é"], &[], &["café"], &["cafe"]);
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_told() {
        for bad in ["\\", "+", "(", "a{99999999}"] {
            let error = Filter::try_new(&[bad.to_owned()], &[]).unwrap_err();
            assert_eq!(error.pattern, bad);
            assert!(!error.why.is_empty());
        }
    }
}
