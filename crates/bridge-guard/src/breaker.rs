//! One circuit breaker: closed, open until, half open.

use std::time::{Duration, Instant};

/// When a breaker opens and how it closes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// How many failures in a row open it. Default 5, at least 1.
    pub failures: u32,
    /// How long failures are counted from the first of them; zero is for ever. Default 10 s.
    pub interval: Duration,
    /// How long it stays open. Default 30 s.
    pub open_for: Duration,
    /// How many calls may try whether it is over, and how many of them must go well. Default 3, at
    /// least 1.
    pub probes: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures: 5,
            interval: Duration::from_secs(10),
            open_for: Duration::from_secs(30),
            probes: 3,
        }
    }
}

/// The three states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Calls leave.
    Closed,
    /// A few calls leave, to see whether it is over.
    HalfOpen,
    /// No call leaves.
    Open,
}

impl BreakerState {
    /// A word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// A breaker moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// How it was.
    pub from: BreakerState,
    /// How it is.
    pub to: BreakerState,
}

/// The machine. Which calls it hears of is decided by the epoch: those that left before it last
/// moved tell nothing about now.
#[derive(Debug)]
pub(crate) struct Breaker {
    phase: Phase,
    epoch: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed {
        failures: u32,
        /// When the first of them was.
        since: Instant,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        admitted: u32,
        successes: u32,
        /// When the calls that are admitted now began to be counted.
        since: Instant,
    },
}

impl Breaker {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Closed {
                failures: 0,
                since: now,
            },
            epoch: 0,
        }
    }

    fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// How it would meet a call now.
    pub(crate) fn state_at(&self, now: Instant) -> BreakerState {
        match self.phase {
            Phase::Open { until } if now >= until => BreakerState::HalfOpen,
            Phase::Closed { .. } | Phase::Open { .. } | Phase::HalfOpen { .. } => self.state(),
        }
    }

    /// How often it has moved.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether it knows nothing that a new one would not.
    pub(crate) fn is_fresh(&self) -> bool {
        self.epoch == 0 && matches!(self.phase, Phase::Closed { failures: 0, .. })
    }

    /// Which of two to forget first: closed ones, and then those that have been as they are for
    /// longer.
    pub(crate) fn weight(&self) -> (bool, Instant) {
        match self.phase {
            Phase::Closed { since, .. } => (false, since),
            Phase::HalfOpen { since, .. } => (true, since),
            Phase::Open { until } => (true, until),
        }
    }

    /// Asks whether a call may leave.
    ///
    /// # Errors
    /// When not: how long until it is worth asking again.
    pub(crate) fn admit(
        &mut self,
        config: BreakerConfig,
        now: Instant,
    ) -> Result<Option<Transition>, Duration> {
        match self.phase {
            Phase::Closed { .. } => Ok(None),
            Phase::Open { until } if now < until => Err(until.saturating_duration_since(now)),
            Phase::Open { .. } => Ok(Some(self.move_to(first_probe(now)))),
            Phase::HalfOpen {
                admitted,
                successes,
                since,
            } => {
                let until = since + config.open_for;
                self.phase = if admitted < config.probes.max(1) {
                    Phase::HalfOpen {
                        admitted: admitted + 1,
                        successes,
                        since,
                    }
                } else if now >= until {
                    // The earlier ones are still out. A provider that has become well must not
                    // wait for them.
                    Phase::HalfOpen {
                        admitted: 1,
                        successes,
                        since: now,
                    }
                } else {
                    return Err(until.saturating_duration_since(now));
                };
                Ok(None)
            }
        }
    }

    /// A call that left in this epoch went well.
    pub(crate) fn succeeded(
        &mut self,
        epoch: u64,
        config: BreakerConfig,
        now: Instant,
    ) -> Option<Transition> {
        match &mut self.phase {
            _ if epoch != self.epoch => None,
            Phase::Closed { failures, .. } => {
                *failures = 0;
                None
            }
            Phase::Open { .. } => None,
            Phase::HalfOpen { successes, .. } => {
                *successes += 1;
                let is_over = *successes >= config.probes.max(1);
                is_over.then(|| {
                    self.move_to(Phase::Closed {
                        failures: 0,
                        since: now,
                    })
                })
            }
        }
    }

    /// A call that left in this epoch failed.
    pub(crate) fn failed(
        &mut self,
        epoch: u64,
        config: BreakerConfig,
        now: Instant,
    ) -> Option<Transition> {
        let open = Phase::Open {
            until: now + config.open_for,
        };
        match &mut self.phase {
            _ if epoch != self.epoch => None,
            Phase::Closed { failures, since } => {
                let is_old = !config.interval.is_zero() && now >= *since + config.interval;
                if *failures == 0 || is_old {
                    (*failures, *since) = (0, now);
                }
                *failures += 1;
                let is_enough = *failures >= config.failures.max(1);
                is_enough.then(|| self.move_to(open))
            }
            Phase::Open { .. } => None,
            Phase::HalfOpen { .. } => Some(self.move_to(open)),
        }
    }

    /// Of a call that left in this epoch nothing will be known. Another may leave in its place.
    pub(crate) fn given_back(&mut self, epoch: u64) {
        if let Phase::HalfOpen { admitted, .. } = &mut self.phase
            && epoch == self.epoch
        {
            *admitted = admitted.saturating_sub(1);
        }
    }

    fn move_to(&mut self, phase: Phase) -> Transition {
        let from = self.state();
        self.phase = phase;
        self.epoch += 1;
        Transition {
            from,
            to: self.state(),
        }
    }
}

fn first_probe(now: Instant) -> Phase {
    Phase::HalfOpen {
        admitted: 1,
        successes: 0,
        since: now,
    }
}

#[cfg(test)]
mod tests;
