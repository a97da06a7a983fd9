//! The engine: one turn of an agent, from request to records.
//!
//! A [`Handler`] answers the requests of one identity. It finds the provider and the route
//! ([`Blueprint::plan`]), records that a request is about to leave, sends it, and hands back an
//! [`Answer`] whose body relays the provider's bytes unchanged while an observer listens. When that
//! body ends, breaks or is dropped, the rest is recorded.
//!
//! Streaming and blocking, all dialects and all failures take this one path. The engine answers no
//! HTTP errors itself: it returns an [`InterceptError`], and the gateway decides what a caller
//! reads. It knows no sockets, no listeners and no control plane.

mod admit;
mod aftercare;
mod answer_head;
mod bedrock;
mod blueprint;
mod client_hint;
mod credential;
mod cx;
mod error;
mod failover;
mod guard;
mod handler;
mod passthrough;
mod provider;
mod relay;
mod retry;
mod retry_after;
mod rounds;
mod sight;
mod tools;
mod transcript;
mod turn;

pub use bridge_guard::{BreakerConfig, KeyCounts, RetryBudgetConfig};
pub use bridge_record::{InterceptionId, Outcome};
pub use bridge_upstream::FailureClass;

pub use aftercare::{Aftercare, AftercareLimits, OnAbort};
pub use blueprint::{Blueprint, Cutoff, InterceptConfig};
pub use client_hint::ClientHint;
pub use cx::{Cx, FirewallMark};
pub use error::{InterceptError, Refused};
pub use handler::{Answer, Handler, Inbound, Plan};
pub use provider::{
    BedrockSpec, ListedProvider, MannersSpec, Provider, ProviderError, ProviderSet, ProviderSpec,
    ProviderState, SetError,
};
pub use relay::AnswerBody;
pub use retry::RetryConfig;
pub use retry_after::whole_seconds;
pub use tools::{HiddenTurns, MemoryLimits, Tools, ToolsConfig};
pub use transcript::Closing;
