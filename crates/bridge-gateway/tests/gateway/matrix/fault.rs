//! What providers do wrong.

mod breaks;
mod refusals;

use self::breaks::BREAKS;
use self::refusals::REFUSALS;
use super::site::Site;
use super::voice::{Manner, Voice};

/// One way to fail.
pub(super) struct Fault {
    /// A name for it, unique.
    pub(super) name: &'static str,
    /// What the provider does, as a sentence.
    pub(super) does: &'static str,
    /// How often it is asked. The last time is looked at.
    pub(super) asked: usize,
    site: fn(&Voice, Manner) -> Site,
}

impl Fault {
    pub(super) fn site(&self, voice: &Voice, manner: Manner) -> Site {
        (self.site)(voice, manner)
    }
}

const fn fault(name: &'static str, does: &'static str, site: fn(&Voice, Manner) -> Site) -> Fault {
    Fault {
        name,
        does,
        asked: 1,
        site,
    }
}

/// One that is looked at when a caller comes again.
const fn again(name: &'static str, does: &'static str, site: fn(&Voice, Manner) -> Site) -> Fault {
    Fault {
        asked: 2,
        ..fault(name, does, site)
    }
}

/// All of them, in the order of the table.
pub(super) fn faults() -> Vec<&'static Fault> {
    BREAKS.iter().chain(REFUSALS).collect()
}
