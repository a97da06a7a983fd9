//! May this call go on: limits, as values that take the time as an argument.
//!
//! [`Front`] stands before everything else a gateway does: how many requests run, of one caller and
//! in all, and how many of one caller came within the last second.
//!
//! Before the provider stand three more. [`Breakers`] stop asking what keeps failing. A [`KeyRing`]
//! keeps several keys in order of preference and lets those cool that were refused, and
//! [`Affinity`] remembers which of them a conversation began with. A [`RetryBudget`] keeps tries
//! after the first a small part of the traffic.
//!
//! ```
//! # use std::time::{Duration, Instant};
//! use bridge_guard::{CallerKey, Front, FrontLimits, FrontRefusal};
//!
//! # #[expect(clippy::disallowed_methods, reason = "an example has no other clock")]
//! # let now = Instant::now();
//! let front = Front::default();
//! let limits = FrontLimits { concurrency: Some(1), ..FrontLimits::default() };
//! let place = front.enter(|| CallerKey(1), &limits, now)?;
//! let refused = front.enter(|| CallerKey(2), &limits, now).unwrap_err();
//! assert_eq!(refused, FrontRefusal::Full { limit: 1 });
//! drop(place);
//! assert!(front.enter(|| CallerKey(2), &limits, now).is_ok());
//! # Ok::<_, FrontRefusal>(())
//! ```
//!
//! ```
//! # use std::time::Instant;
//! use bridge_guard::{KeyFault, KeyRing};
//!
//! # #[expect(clippy::disallowed_methods, reason = "an example has no other clock")]
//! # let now = Instant::now();
//! let ring = KeyRing::try_new(vec!["first", "second"])?;
//! let mut walk = ring.walk(None);
//! let (id, key) = walk.next(&ring, now).unwrap();
//! assert_eq!(*key, "first");
//! // The provider said that it was asked too often, and not when to come again.
//! ring.cool(id, KeyFault::RateLimited, None, now);
//! let (_, key) = walk.next(&ring, now).unwrap();
//! assert_eq!(*key, "second");
//! assert!(walk.next(&ring, now).is_none());
//! # Ok::<_, bridge_guard::KeyRingError>(())
//! ```
//!
//! # What it refuses to know
//!
//! Sockets, headers, credentials, statuses, logs and clocks. It never waits: who is refused may come
//! again, and that is the caller's matter.

mod affinity;
mod breaker;
mod breakers;
mod front;
mod key_ring;
mod retry_budget;

pub use affinity::Affinity;
pub use breaker::{BreakerConfig, BreakerState, Transition};
pub use breakers::{Breakers, Judgement, Place, Rejected, Ticket};
pub use front::{CallerKey, Front, FrontLimits, FrontPlace, FrontRefusal};
pub use key_ring::{Exhausted, KeyCounts, KeyFault, KeyId, KeyRing, KeyRingError, KeyState, Walk};
pub use retry_budget::{RetryBudget, RetryBudgetConfig};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
