//! The reference control plane: users, keys, providers and records in SQLite, gRPC for gateways, REST for operators.

pub mod api;
