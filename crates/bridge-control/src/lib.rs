//! The reference control plane: users, keys, providers, tool servers and records in SQLite, gRPC for gateways,
//! REST for operators.
//!
//! A [`ControlServer`] stands over a [`store::Store`]. Gateways speak the contract of
//! `bridge-proto` with it, over whatever connections it is given; operators call its REST API; a
//! host program may call the same operations itself:
//!
//! ```
//! use std::sync::Arc;
//!
//! use bridge_auth::Secret;
//! use bridge_control::api::{NewKey, NewUser};
//! use bridge_control::{ControlConfig, ControlServer, store::SqliteStore};
//! # use bridge_telemetry::{Metrics, discard};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("control.db");
//!
//! let store = Arc::new(SqliteStore::open(path)?);
//! let config = ControlConfig::new(Secret::new("operator-token".to_owned()));
//! let control = ControlServer::new(store, config, Metrics::default(), &discard());
//!
//! let new = NewUser { username: "ada".to_owned(), ..NewUser::default() };
//! control.create_user(new).await?;
//! let key = NewKey { user: "ada".to_owned(), ..NewKey::default() };
//! let credential = control.create_key(key).await?.secret;
//!
//! let router = control.rest(); // for axum::serve, on a listener of its own
//! let gateways = tokio_stream::empty::<std::io::Result<tokio::io::DuplexStream>>();
//! control.serve_gateways(gateways, async {}).await?;
//! # drop((credential, router));
//! # Ok(())
//! # }
//! ```
//!
//! It must never learn how a gateway works: it knows the contract and nothing of routes, pools or
//! dialects.
//!
//! What it promises:
//! - A batch of records that was answered is on the disk. A repeat changes nothing.
//! - Keys are stored as SHA-256 of their secret. Keys of providers, and secrets in their settings,
//!   are stored in the clear, in a file that only its owner may read; no call ever shows one.
//! - Tokens of users for tool servers, and secrets of these, are stored encrypted, under a key that
//!   is not in the store.
//! - Word of a revoked key or a suspended user is on its way to every watching gateway before the
//!   operator has the answer.
//! - Bad input is refused with the name of the field, never with its contents.
//!
//! With the feature `suite`, `store_suite!` gives the cases that another store has to pass.

pub mod api;
mod control;
mod error;
mod gateway_key;
mod gateways;
mod key;
#[cfg(test)]
mod log_lines;
mod oauth;
mod operate;
pub mod record;
mod renewal;
mod rest;
mod sealing;
mod service;
pub mod store;
mod told;
mod tool_server;
mod validate;

pub use control::{ControlConfig, ControlServer, ServeError};
pub use error::ControlError;
pub use gateways::{IdentityError, ListenConfig, TlsIdentity};
pub use operate::providers::PutProvider;
pub use rest::behind_admin_token;
pub use sealing::{SealingError, SealingKey};
