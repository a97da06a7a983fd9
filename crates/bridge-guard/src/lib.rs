//! May this call go on: limits, as values that take the time as an argument.
//!
//! [`Front`] stands before everything else a gateway does: how many requests run, of one caller and
//! in all, and how many of one caller came within the last second.
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
//! # What it refuses to know
//!
//! Sockets, headers, credentials, statuses, logs and clocks. It never waits: who is refused may come
//! again, and that is the caller's matter.

mod front;

pub use front::{CallerKey, Front, FrontLimits, FrontPlace, FrontRefusal};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
