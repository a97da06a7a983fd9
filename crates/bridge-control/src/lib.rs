//! The reference control plane: users, keys, providers and records in SQLite, gRPC for gateways, REST for operators.

pub mod api;
mod control;
mod error;
mod key;
mod operate;
pub mod record;
mod rest;
mod service;
pub mod store;
mod validate;

pub use control::{ControlConfig, ControlServer, ServeError};
pub use error::ControlError;
