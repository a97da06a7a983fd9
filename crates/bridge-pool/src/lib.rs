//! Ready handlers by key: time to live, capacity, single flight, generations, leases.
//!
//! Building a handler may be slow, so it is built once for each key and kept. Callers that come
//! together share one build. A new generation, eviction and age only keep a handler from being
//! handed out again: whoever holds a [`Lease`] goes on with it to the end.
//!
//! The pool never learns what a handler does. It opens no sockets, spawns nothing and knows no
//! clock: callers build, and bring the time.
//!
//! ```
//! # use std::{convert::Infallible, time::Instant};
//! use bridge_pool::{Factory, Generation, Pool, PoolConfig};
//!
//! struct Greeter;
//!
//! #[async_trait::async_trait]
//! impl Factory for Greeter {
//!     type Key = String;
//!     type Handler = String;
//!     type Error = Infallible;
//!
//!     async fn build(&self, key: &String, _: Generation) -> Result<String, Infallible> {
//!         Ok(format!("hello {key}"))
//!     }
//! }
//!
//! # async fn serve(now: Instant) -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(PoolConfig::default(), Greeter);
//! let lease = pool.acquire(&"ada".to_owned(), now).await?;
//! pool.advance(); // the next caller gets a new handler; this lease goes on
//! assert_eq!(*lease, "hello ada");
//! # Ok(())
//! # }
//! # #[expect(clippy::disallowed_methods, reason = "an example has no other clock")]
//! # let now = Instant::now();
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(serve(now)).unwrap();
//! ```

mod config;
mod error;
mod factory;
mod flight;
mod generation;
mod lease;
mod observer;
mod pool;
mod recency;
mod slot;

pub use config::PoolConfig;
pub use error::AcquireError;
pub use factory::Factory;
pub use generation::Generation;
pub use lease::Lease;
pub use observer::{Eviction, PoolObserver, PoolStats, Refusal};
pub use pool::Pool;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
