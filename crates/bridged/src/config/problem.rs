//! What is found while a configuration is read.

use std::fmt;

/// One thing to say about one place of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    path: String,
    text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}

/// Everything that is found, in the order of the configuration: problems make it unusable, warnings
/// do not.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What makes the configuration unusable.
    pub(crate) problems: Vec<Problem>,
    /// What works but should be changed.
    pub(crate) warnings: Vec<Problem>,
}

impl Findings {
    /// The place at `path` cannot be used.
    pub(crate) fn problem(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.problems.push(Problem {
            path: path.into(),
            text: text.into(),
        });
    }

    /// The place at `path` can be used but should be changed.
    pub(crate) fn warn(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.warnings.push(Problem {
            path: path.into(),
            text: text.into(),
        });
    }
}
