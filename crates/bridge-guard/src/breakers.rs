//! The breakers of one provider, and the tickets of calls that left.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::breaker::Breaker;
use crate::{BreakerConfig, BreakerState, Transition};

/// What has a breaker of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which route.
    pub route: &'static str,
    /// Which model. Whoever makes the place bounds its length.
    pub model: Arc<str>,
    /// Whose credential: what one caller's own key meets says nothing about the operator's.
    pub class: &'static str,
}

/// All breakers of one provider, at most as many as they may be.
///
/// A place of which nothing bad is known has no breaker at all, so that a provider in health costs
/// one look into an empty table. When there are too many, the one that tells the least is
/// forgotten: a closed one, and the oldest of these.
#[derive(Debug)]
pub struct Breakers {
    capacity: usize,
    known: Mutex<HashMap<Place, Breaker>>,
}

/// The breaker is open: the call must not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// How long until it is worth asking again.
    pub wait: Duration,
}

/// What a call says about the provider's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judgement {
    /// It answered, if only to refuse.
    Answered,
    /// It could not be reached, was overloaded, or broke off.
    Failed,
    /// Nothing: the call ended for a reason of ours or of the caller.
    Unknown,
}

/// Permission for one call. It is settled once; dropped unsettled, the call has told nothing.
#[must_use = "dropping a ticket says that nothing was learnt from the call"]
#[derive(Debug)]
pub struct Ticket {
    breakers: Arc<Breakers>,
    config: BreakerConfig,
    /// Absent once settled.
    place: Option<Place>,
    epoch: u64,
}

impl Breakers {
    /// Room for this many breakers, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            known: Mutex::default(),
        }
    }

    /// Asks whether a call to this place may leave. Tells also whether the breaker moved: it does
    /// when this is the first call that may try whether the trouble is over.
    ///
    /// # Errors
    /// When it may not.
    pub fn admit(
        self: &Arc<Self>,
        place: Place,
        config: BreakerConfig,
        now: Instant,
    ) -> Result<(Ticket, Option<Transition>), Rejected> {
        let mut known = self.known.lock();
        let (epoch, transition) = match known.get_mut(&place) {
            None => (0, None),
            Some(breaker) => {
                let moved = breaker
                    .admit(config, now)
                    .map_err(|wait| Rejected { wait })?;
                (breaker.epoch(), moved)
            }
        };
        let ticket = Ticket {
            breakers: Arc::clone(self),
            config,
            place: Some(place),
            epoch,
        };
        Ok((ticket, transition))
    }

    /// How the breaker of a place would meet a call now.
    #[must_use]
    pub fn state(&self, place: &Place, now: Instant) -> BreakerState {
        let known = self.known.lock();
        let breaker = known.get(place);
        breaker.map_or(BreakerState::Closed, |breaker| breaker.state_at(now))
    }

    /// The same of all places that have a breaker, in no order. The others are closed.
    #[must_use]
    pub fn list(&self, now: Instant) -> Vec<(Place, BreakerState)> {
        let known = self.known.lock();
        let all = known.iter();
        all.map(|(place, breaker)| (place.clone(), breaker.state_at(now)))
            .collect()
    }

    /// How many places have a breaker.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.lock().len()
    }

    /// Whether nothing bad is known of any place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn answered(&self, ticket: &Ticket, place: &Place, now: Instant) -> Option<Transition> {
        let mut known = self.known.lock();
        let breaker = known.get_mut(place)?;
        let moved = breaker.succeeded(ticket.epoch, ticket.config, now);
        if breaker.is_fresh() {
            known.remove(place);
        }
        moved
    }

    fn failed(&self, ticket: &Ticket, place: Place, now: Instant) -> Option<Transition> {
        let mut known = self.known.lock();
        if known.len() >= self.capacity && !known.contains_key(&place) {
            forget_one(&mut known);
        }
        let breaker = known.entry(place).or_insert_with(|| Breaker::new(now));
        breaker.failed(ticket.epoch, ticket.config, now)
    }

    fn given_back(&self, ticket: &Ticket, place: &Place) {
        if let Some(breaker) = self.known.lock().get_mut(place) {
            breaker.given_back(ticket.epoch);
        }
    }
}

fn forget_one(known: &mut HashMap<Place, Breaker>) {
    let least = known.iter().min_by_key(|(_, breaker)| breaker.weight());
    if let Some(place) = least.map(|(place, _)| place.clone()) {
        known.remove(&place);
    }
}

impl Ticket {
    /// Tells how the call went. Says whether the breaker moved.
    pub fn settle(mut self, judgement: Judgement, now: Instant) -> Option<Transition> {
        let place = self.place.take()?;
        match judgement {
            Judgement::Answered => self.breakers.answered(&self, &place, now),
            Judgement::Failed => self.breakers.failed(&self, place, now),
            Judgement::Unknown => {
                self.breakers.given_back(&self, &place);
                None
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.breakers.given_back(self, &place);
        }
    }
}

#[cfg(test)]
mod tests;
