//! Which configuration a handler was built from.

use std::fmt;

/// A counter of configurations. A handler of an older generation than the pool's is no longer
/// handed out to those who come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

impl Generation {
    /// The generation a pool begins with.
    pub const FIRST: Self = Self(1);

    /// Its number. They begin at 1 and grow by one.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
