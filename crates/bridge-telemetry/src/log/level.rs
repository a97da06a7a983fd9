//! Which lines are logged, and how that changes while the process runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use slog::{Drain, Level, Never, OwnedKVList, Record};

/// Changes the level of a running process. Cloning shares it.
///
/// There are two levels: the configured one, and the one in force. Somebody who looks into something
/// sets the one in force by hand; it holds until it is reset, or until the configured one becomes
/// another.
#[derive(Debug, Clone)]
pub struct LevelSwitch(Arc<Levels>);

#[derive(Debug)]
struct Levels {
    in_force: AtomicUsize,
    configured: AtomicUsize,
}

impl LevelSwitch {
    pub(super) fn new(configured: Level) -> Self {
        Self(Arc::new(Levels {
            in_force: AtomicUsize::new(configured.as_usize()),
            configured: AtomicUsize::new(configured.as_usize()),
        }))
    }

    /// The lowest level that is logged now.
    #[must_use]
    pub fn in_force(&self) -> Level {
        level(&self.0.in_force)
    }

    /// The level that the configuration names.
    #[must_use]
    pub fn configured(&self) -> Level {
        level(&self.0.configured)
    }

    /// Logs this level and all above from now on.
    pub fn set(&self, level: Level) {
        self.0.in_force.store(level.as_usize(), Ordering::Relaxed);
    }

    /// Goes back to the configured level.
    pub fn reset(&self) {
        self.set(self.configured());
    }

    /// The configuration was read again and names this level. The same as before changes nothing,
    /// so that a level which was set by hand outlives a reload for other reasons; another one is in
    /// force from now on.
    pub fn configure(&self, level: Level) {
        let before = self.0.configured.swap(level.as_usize(), Ordering::Relaxed);
        if before != level.as_usize() {
            self.set(level);
        }
    }

    /// A drain that passes lines at or above the level in force.
    pub(super) fn before<D>(&self, inner: D) -> AtSwitch<D> {
        AtSwitch {
            inner,
            switch: self.clone(),
        }
    }
}

fn level(held: &AtomicUsize) -> Level {
    Level::from_usize(held.load(Ordering::Relaxed)).unwrap_or(Level::Info)
}

/// Passes lines at or above the level of a switch.
pub(super) struct AtSwitch<D> {
    inner: D,
    switch: LevelSwitch,
}

impl<D: Drain<Ok = (), Err = Never>> Drain for AtSwitch<D> {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if self.is_enabled(record.level()) {
            self.inner.log(record, values)
        } else {
            Ok(())
        }
    }

    fn is_enabled(&self, level: Level) -> bool {
        level.as_usize() <= self.switch.0.in_force.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_by_hand_holds_until_the_configuration_says_something_new() {
        let switch = LevelSwitch::new(Level::Info);
        let seen = |switch: &LevelSwitch| (switch.in_force(), switch.configured());
        switch.set(Level::Trace);
        assert_eq!(seen(&switch), (Level::Trace, Level::Info));
        switch.configure(Level::Info);
        assert_eq!(seen(&switch), (Level::Trace, Level::Info));
        switch.reset();
        assert_eq!(seen(&switch), (Level::Info, Level::Info));
        switch.set(Level::Trace);
        switch.configure(Level::Warning);
        assert_eq!(seen(&switch), (Level::Warning, Level::Warning));
    }
}
