//! What the pool should do, written as plainly as possible: lists that are searched, and callers
//! known by number.

use std::collections::BTreeMap;

use crate::works::Order;

/// How often a caller looks for a handler.
const ATTEMPTS: usize = 3;

pub(crate) struct Model {
    pub(crate) capacity: usize,
    pub(crate) ttl: u64,
    pub(crate) idle: Option<u64>,
    pub(crate) generation: u64,
    is_closed: bool,
    begun: usize,
    /// The one that was not asked for the longest comes first.
    pub(crate) kept: Vec<Kept>,
    flights: Vec<Flight>,
    /// How often each caller has looked.
    attempts: BTreeMap<usize, usize>,
    pub(crate) count: Count,
}

/// The counters that only grow.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) hits: u64,
    pub(crate) joined: u64,
    pub(crate) built: u64,
    pub(crate) failed: u64,
    pub(crate) unkept: u64,
    pub(crate) abandoned: u64,
    pub(crate) crowded_out: u64,
    pub(crate) aged: u64,
    pub(crate) idle: u64,
    pub(crate) superseded: u64,
}

pub(crate) struct Kept {
    key: u8,
    build: usize,
    built: u64,
    used: u64,
}

struct Flight {
    key: u8,
    generation: u64,
    /// Whether newcomers join it.
    is_open: bool,
    leader: Option<(usize, usize)>,
    order: Option<Order>,
    outcome: Option<Result<usize, usize>>,
    members: Vec<usize>,
}

/// A caller that has not got its answer.
#[derive(Clone, Copy)]
pub(crate) struct Asking {
    pub(crate) id: usize,
    pub(crate) key: u8,
    pub(crate) now: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Pending,
    Leased(usize),
    Failed(usize),
    Closed,
    Panicked,
}

impl Model {
    pub(crate) fn new(capacity: usize, ttl: u64, idle: Option<u64>) -> Self {
        Self {
            capacity,
            ttl,
            idle,
            generation: 1,
            is_closed: false,
            begun: 0,
            kept: Vec::new(),
            flights: Vec::new(),
            attempts: BTreeMap::new(),
            count: Count::default(),
        }
    }

    pub(crate) fn poll(&mut self, asking: Asking) -> Expected {
        loop {
            let at = match self.flight_of(asking.id) {
                Some(at) => at,
                None => match self.enter(asking) {
                    Ok(at) => at,
                    Err(answer) => return answer,
                },
            };
            let flight = &mut self.flights[at];
            match (flight.outcome, flight.leader) {
                (Some(outcome), _) => {
                    self.forget(asking.id);
                    return outcome.map_or_else(Expected::Failed, Expected::Leased);
                }
                (None, Some((leader, build))) if leader == asking.id => {
                    return self.end(at, build, asking);
                }
                (None, Some(_)) => return Expected::Pending,
                (None, None) => {}
            }
            let attempt = self.attempts.entry(asking.id).or_insert(1);
            let is_current = flight.generation == self.generation && !self.is_closed;
            if is_current || *attempt == ATTEMPTS {
                self.begun += 1;
                flight.leader = Some((asking.id, self.begun));
                flight.order = None;
                return Expected::Pending;
            }
            *attempt += 1;
            self.forget(asking.id);
        }
    }

    /// A running build is told how to end.
    pub(crate) fn order(&mut self, build: usize, order: Order) {
        let leads = |flight: &&mut Flight| flight.leader.is_some_and(|(_, led)| led == build);
        self.flights.iter_mut().find(leads).unwrap().order = Some(order);
    }

    /// A caller goes away.
    pub(crate) fn leave(&mut self, id: usize) {
        if let Some(at) = self.flight_of(id) {
            if self.flights[at]
                .leader
                .is_some_and(|(leader, _)| leader == id)
                && self.flights[at].outcome.is_none()
            {
                self.flights[at].leader = None;
                self.count.abandoned += 1;
            }
            self.forget(id);
        }
    }

    pub(crate) fn advance(&mut self) {
        if !self.is_closed {
            self.generation += 1;
            self.count.superseded += self.kept.len() as u64;
            self.clear();
        }
    }

    pub(crate) fn close(&mut self) {
        self.is_closed = true;
        self.clear();
    }

    pub(crate) fn sweep(&mut self, now: u64) {
        let keys: Vec<u8> = self.kept.iter().map(|kept| kept.key).collect();
        for key in keys {
            self.drop_worn(key, now);
        }
    }

    /// The builds that run, with key and generation, in order.
    pub(crate) fn running(&self) -> Vec<(usize, u8, u64)> {
        let open = self
            .flights
            .iter()
            .filter(|flight| flight.outcome.is_none());
        let mut running: Vec<_> = open
            .filter_map(|flight| Some((flight.leader?.1, flight.key, flight.generation)))
            .collect();
        running.sort_unstable();
        running
    }

    pub(crate) fn open_flights(&self) -> usize {
        self.flights.iter().filter(|flight| flight.is_open).count()
    }

    /// The handlers that live besides the leased ones.
    pub(crate) fn alive(&self) -> Vec<usize> {
        let waited_for = self
            .flights
            .iter()
            .filter_map(|flight| flight.outcome?.ok());
        self.kept
            .iter()
            .map(|kept| kept.build)
            .chain(waited_for)
            .collect()
    }

    /// Callers of whom all must have been woken, and groups of whom one must have been.
    pub(crate) fn must_wake(&self) -> (Vec<usize>, Vec<&[usize]>) {
        let (mut all, mut one) = (Vec::new(), Vec::new());
        for flight in &self.flights {
            match (flight.outcome, flight.leader) {
                (Some(_), _) => all.extend(&flight.members),
                (None, Some((leader, _))) if flight.order.is_some() => all.push(leader),
                (None, Some(_)) => {}
                (None, None) => one.push(flight.members.as_slice()),
            }
        }
        (all, one)
    }

    fn enter(&mut self, asking: Asking) -> Result<usize, Expected> {
        if self.is_closed {
            return Err(Expected::Closed);
        }
        self.drop_worn(asking.key, asking.now);
        if let Some(at) = self.kept.iter().position(|kept| kept.key == asking.key) {
            let mut kept = self.kept.remove(at);
            kept.used = kept.used.max(asking.now);
            let build = kept.build;
            self.kept.push(kept);
            self.count.hits += 1;
            return Err(Expected::Leased(build));
        }
        let is_open = |flight: &Flight| flight.is_open && flight.key == asking.key;
        if let Some(at) = self.flights.iter().position(is_open) {
            self.flights[at].members.push(asking.id);
            self.count.joined += 1;
            return Ok(at);
        }
        self.flights.push(Flight {
            key: asking.key,
            generation: self.generation,
            is_open: true,
            leader: None,
            order: None,
            outcome: None,
            members: vec![asking.id],
        });
        Ok(self.flights.len() - 1)
    }

    /// The leader looks whether its build has ended.
    fn end(&mut self, at: usize, build: usize, asking: Asking) -> Expected {
        let flight = &mut self.flights[at];
        match flight.order {
            None => return Expected::Pending,
            Some(Order::Panic) => {
                self.leave(asking.id);
                return Expected::Panicked;
            }
            Some(Order::Fail) => {
                flight.outcome = Some(Err(build));
                self.count.failed += 1;
            }
            Some(Order::Succeed) => {
                flight.outcome = Some(Ok(build));
                self.count.built += 1;
                if flight.is_open && self.capacity > 0 && self.ttl > 0 {
                    self.kept.push(Kept {
                        key: asking.key,
                        build,
                        built: asking.now,
                        used: asking.now,
                    });
                } else {
                    self.count.unkept += 1;
                }
            }
        }
        self.flights[at].is_open = false;
        if self.kept.len() > self.capacity {
            self.kept.remove(0);
            self.count.crowded_out += 1;
        }
        let outcome = self.flights[at].outcome.unwrap();
        self.forget(asking.id);
        outcome.map_or_else(Expected::Failed, Expected::Leased)
    }

    fn flight_of(&self, id: usize) -> Option<usize> {
        self.flights
            .iter()
            .position(|flight| flight.members.contains(&id))
    }

    fn forget(&mut self, id: usize) {
        for flight in &mut self.flights {
            flight.members.retain(|member| *member != id);
        }
        self.flights.retain(|flight| !flight.members.is_empty());
    }

    fn drop_worn(&mut self, key: u8, now: u64) {
        let Some(at) = self.kept.iter().position(|kept| kept.key == key) else {
            return;
        };
        let kept = &self.kept[at];
        if now.saturating_sub(kept.built) >= self.ttl {
            self.count.aged += 1;
        } else if self
            .idle
            .is_some_and(|idle| now.saturating_sub(kept.used) >= idle)
        {
            self.count.idle += 1;
        } else {
            return;
        }
        self.kept.remove(at);
    }

    fn clear(&mut self) {
        self.kept.clear();
        for flight in &mut self.flights {
            flight.is_open = false;
        }
    }
}
