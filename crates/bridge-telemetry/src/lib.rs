//! Logs, metrics, traces and tasks: the one crate that knows how a gateway is observed.
//!
//! Loggers are arguments. A process makes one with [`Logging::start`] and hands it down; a library
//! user who wants silence makes a discarding one:
//!
//! ```
//! use bridge_telemetry::{ErrorChain, discard};
//! use slog::{info, warn};
//!
//! let logger = discard();
//! info!(logger, "gateway started"; "address" => "127.0.0.1:4000");
//!
//! let error = std::io::Error::other("disk is full");
//! warn!(logger, "batch not stored"; "error" => ErrorChain(&error));
//! ```
//!
//! This crate opens no connection and knows neither requests nor providers: others tell it what
//! happened through the methods of [`Metrics`].

mod chain;
mod clock;
pub mod keys;
mod log;
mod metrics;
mod parts;
pub mod task;
pub mod trace;

pub use chain::ErrorChain;
pub use clock::wall_clock;
pub use log::{LevelSwitch, LogConfig, LogFormat, LogLosses, Logging, ParseLogError, discard};
pub use metrics::{
    Aliases, AuthResult, BreakerLevel, BreakerName, CallOutcome, CredentialClass, Described,
    Exposition, HiddenTurnFate, JournalFigures, KeyRingFigures, KeyTrouble, LabelLimits, Metrics,
    OutcomeLabel, ProviderFigures, ProviderStatus, Readiness, Running, Subject, Tally, TokenKind,
    ToolServerFigures,
};
pub use parts::{Part, Parts};
