//! What providers do wrong.

mod breaks;
mod refusals;

use self::breaks::BREAKS;
use self::refusals::REFUSALS;
use super::play::refusal;
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
    deed: Deed,
}

/// What is at its address.
enum Deed {
    /// A refusal with this status and these headers.
    Refuses(&'static str, &'static str),
    /// Something else.
    Makes(fn(&Voice, Manner) -> Site),
}

impl Fault {
    pub(super) fn site(&self, voice: &Voice, manner: Manner) -> Site {
        match self.deed {
            Deed::Refuses(status, headers) => refusal(voice, status, headers),
            Deed::Makes(site) => site(voice, manner),
        }
    }
}

const fn fault(name: &'static str, does: &'static str, site: fn(&Voice, Manner) -> Site) -> Fault {
    Fault {
        name,
        does,
        asked: 1,
        deed: Deed::Makes(site),
    }
}

const fn refuses(
    name: &'static str,
    does: &'static str,
    status: &'static str,
    headers: &'static str,
) -> Fault {
    Fault {
        name,
        does,
        asked: 1,
        deed: Deed::Refuses(status, headers),
    }
}

/// It is looked at when a caller comes again.
const fn again(fault: Fault) -> Fault {
    Fault { asked: 2, ..fault }
}

/// All of them, in the order of the table.
pub(super) fn faults() -> Vec<&'static Fault> {
    BREAKS.iter().chain(REFUSALS).collect()
}
