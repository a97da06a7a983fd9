//! What may still be kept of a turn.

use crate::{WeaveError, WeaveLimits};

/// Counts down from the limits of a turn.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: WeaveLimits,
    bytes: usize,
    items: usize,
}

impl Budget {
    pub(crate) fn new(limits: WeaveLimits) -> Self {
        Self {
            limits,
            bytes: limits.bytes,
            items: limits.items,
        }
    }

    /// Takes room for this many bytes.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), WeaveError> {
        let limit = self.limits.bytes;
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or(WeaveError::TooLarge { limit })?;
        Ok(())
    }

    /// Gives back room for this many bytes that are not kept any more.
    pub(crate) fn give_back(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes).min(self.limits.bytes);
    }

    /// Takes room for one part of this many bytes.
    pub(crate) fn take_item(&mut self, bytes: usize) -> Result<(), WeaveError> {
        let limit = self.limits.items;
        let left = self.items.checked_sub(1);
        self.items = left.ok_or(WeaveError::TooMany { limit })?;
        self.take(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_beyond_the_limits() {
        let limits = WeaveLimits { bytes: 4, items: 2 };
        let mut budget = Budget::new(limits);
        assert_eq!(budget.take(3), Ok(()));
        assert_eq!(budget.take(2), Err(WeaveError::TooLarge { limit: 4 }));
        assert_eq!(budget.take_item(1), Ok(()));
        assert_eq!(budget.take_item(1), Err(WeaveError::TooLarge { limit: 4 }));
        assert_eq!(budget.take_item(0), Err(WeaveError::TooMany { limit: 2 }));
        budget.give_back(1);
        assert_eq!(budget.take(1), Ok(()));
        budget.give_back(usize::MAX);
        assert_eq!(budget.take(5), Err(WeaveError::TooLarge { limit: 4 }));
    }
}
