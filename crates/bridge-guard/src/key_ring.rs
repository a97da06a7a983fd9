//! Several keys of one provider, in the order of preference.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a key cools when the provider names no time, or none that lies ahead.
const USUAL_COOLING: Duration = Duration::from_secs(60);

/// How long a key cools at most. Nothing is dead for ever, whatever a provider says.
const LONGEST_COOLING: Duration = Duration::from_secs(3_600);

/// Keys with their health. The first is used while it is good, the others when it is not.
///
/// Nothing is permanent: a key that was refused cools, and is used again when its time is over.
/// Walks are independent of each other and share what is known of the keys.
#[derive(Debug)]
pub struct KeyRing<K> {
    keys: Vec<K>,
    /// As long as `keys`.
    cooling: Mutex<Vec<Option<Cooling>>>,
}

/// Which key of its ring. It means nothing to another ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(usize);

impl KeyId {
    /// Its position: the first key has zero.
    #[must_use]
    pub fn position(self) -> usize {
        self.0
    }
}

/// Why the provider would not take a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyFault {
    /// Too often.
    RateLimited,
    /// It does not know the key, or no longer.
    Unauthorized,
}

impl KeyFault {
    /// A word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// How a key is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It may be used.
    Valid,
    /// It is left alone until then.
    Cooling {
        /// When it may be used again.
        until: Instant,
        /// Why it cools.
        fault: KeyFault,
    },
}

/// How many keys are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyCounts {
    /// May be used.
    pub valid: usize,
    /// Were used too often.
    pub rate_limited: usize,
    /// Were not known to the provider.
    pub unauthorized: usize,
}

/// What it means that no key is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// At least one key is good again after a while.
    For {
        /// The shortest such while. Zero when one has become good meanwhile.
        wait: Duration,
    },
    /// The provider refused every key as unknown.
    Unauthorized,
}

/// Why keys make no ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// There is none.
    #[error("no keys provided")]
    Empty,
    /// One stands there twice, which would be asked twice for nothing.
    #[error("duplicate key at position {position}")]
    Duplicate {
        /// Where the second one stands, from zero.
        position: usize,
    },
}

#[derive(Debug, Clone, Copy)]
struct Cooling {
    until: Instant,
    fault: KeyFault,
}

impl<K: PartialEq> KeyRing<K> {
    /// A ring of these keys, all of them good.
    ///
    /// # Errors
    /// When there is no key, or one twice.
    pub fn try_new(keys: Vec<K>) -> Result<Self, KeyRingError> {
        if keys.is_empty() {
            return Err(KeyRingError::Empty);
        }
        let again = |(position, key)| keys.iter().take(position).any(|before| before == key);
        let duplicate = keys.iter().enumerate().position(again);
        if let Some(position) = duplicate {
            return Err(KeyRingError::Duplicate { position });
        }
        let cooling = Mutex::new(vec![None; keys.len()]);
        Ok(Self { keys, cooling })
    }
}

impl<K> KeyRing<K> {
    /// All keys, whatever their health.
    #[must_use]
    pub fn keys(&self) -> &[K] {
        &self.keys
    }

    /// Goes from key to key. `preferred` comes first while it is good.
    #[must_use]
    pub fn walk(&self, preferred: Option<KeyId>) -> Walk {
        Walk {
            preferred,
            begun_with: None,
            next: 0,
        }
    }

    /// Lets a key cool: for as long as the provider said, a minute when it said nothing or nothing
    /// that lies ahead, an hour at most. One that cools for longer already goes on doing so.
    ///
    /// Says whether the key was good until now.
    pub fn cool(&self, id: KeyId, fault: KeyFault, told: Option<Duration>, now: Instant) -> bool {
        let wait = told
            .filter(|wait| !wait.is_zero())
            .unwrap_or(USUAL_COOLING)
            .min(LONGEST_COOLING);
        let until = now + wait;
        let mut all = self.cooling.lock();
        let Some(place) = all.get_mut(id.0) else {
            return false;
        };
        let before = place.filter(|cooling| cooling.until > now);
        if before.is_none_or(|cooling| cooling.until < until) {
            *place = Some(Cooling { until, fault });
        }
        before.is_none()
    }

    /// How a key is.
    #[must_use]
    pub fn state(&self, id: KeyId, now: Instant) -> KeyState {
        let all = self.cooling.lock();
        let place = all.get(id.0).copied().flatten();
        match place.filter(|cooling| cooling.until > now) {
            None => KeyState::Valid,
            Some(Cooling { until, fault }) => KeyState::Cooling { until, fault },
        }
    }

    /// How many keys are in which state.
    #[must_use]
    pub fn counts(&self, now: Instant) -> KeyCounts {
        let mut counts = KeyCounts::default();
        for place in self.cooling.lock().iter() {
            match place.filter(|cooling| cooling.until > now) {
                None => counts.valid += 1,
                Some(cooling) => match cooling.fault {
                    KeyFault::RateLimited => counts.rate_limited += 1,
                    KeyFault::Unauthorized => counts.unauthorized += 1,
                },
            }
        }
        counts
    }

    /// What it means that a walk found no further key.
    ///
    /// A key that the provider did not know is tried again in a while too, but nobody should wait
    /// for that: it counts only when there is no other.
    #[must_use]
    pub fn exhausted(&self, now: Instant) -> Exhausted {
        let all = self.cooling.lock();
        let waits = all.iter().filter_map(|place| match place {
            None => Some(Duration::ZERO),
            Some(cooling) => match cooling.fault {
                KeyFault::RateLimited => Some(cooling.until.saturating_duration_since(now)),
                KeyFault::Unauthorized => (cooling.until <= now).then_some(Duration::ZERO),
            },
        });
        waits
            .min()
            .map_or(Exhausted::Unauthorized, |wait| Exhausted::For { wait })
    }

    fn is_valid(&self, id: KeyId, now: Instant) -> bool {
        self.state(id, now) == KeyState::Valid
    }
}

/// The way of one call along the keys. It never goes back, so it ends.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    preferred: Option<KeyId>,
    /// The preferred key, once it was used.
    begun_with: Option<KeyId>,
    next: usize,
}

impl Walk {
    /// The next key that is good now.
    pub fn next<'a, K>(&mut self, ring: &'a KeyRing<K>, now: Instant) -> Option<(KeyId, &'a K)> {
        if let Some(id) = self.preferred.take()
            && let Some(key) = ring.keys.get(id.0)
            && ring.is_valid(id, now)
        {
            self.begun_with = Some(id);
            return Some((id, key));
        }
        while let Some(key) = ring.keys.get(self.next) {
            let id = KeyId(self.next);
            self.next += 1;
            if self.begun_with != Some(id) && ring.is_valid(id, now) {
                return Some((id, key));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
