//! Provider dialects as data and pure functions: routes, request facts, stream observers, error
//! bodies.
//!
//! A gateway relays bytes unchanged; this crate tells it what they mean. [`route`] says where a
//! path leads, [`Envelope`] finds its way in a request without rebuilding it,
//! [`DialectId::facts`] reads what is worth recording, and an [`Observer`] listens to the answer.
//!
//! ```
//! use bridge_api::{AnswerEnd, DialectId, Envelope, EnvelopeLimits, Observer, ObserverLimits};
//!
//! let body = bytes::Bytes::from_static(br#"{"model":"m-1","input":"hello","stream":false}"#);
//! let envelope = Envelope::parse(body, &EnvelopeLimits::default())?;
//! let facts = DialectId::OpenAiResponses.facts(&envelope);
//! assert_eq!((facts.model.as_str(), facts.prompt.as_deref()), ("m-1", Some("hello")));
//!
//! let mut observer = Observer::new(DialectId::OpenAiResponses, ObserverLimits::default());
//! let answer = br#"{"id":"r-1","status":"completed","output":[],"usage":{"input_tokens":9}}"#;
//! observer.whole(answer);
//! let seen = observer.finish();
//! assert_eq!((seen.response_id.as_str(), seen.end), ("r-1", AnswerEnd::Complete));
//! # Ok::<_, bridge_api::EnvelopeError>(())
//! ```
//!
//! It refuses to know HTTP clients, time and identity. The names of a provider's JSON fields stay
//! inside that dialect's folder.

mod anthropic;
mod bedrock;
mod dialect;
mod envelope;
mod facts;
mod failure;
mod json;
mod observe;
mod openai_chat;
mod openai_responses;
mod provider;
mod route;
mod tools;
mod weave;

pub use bedrock::{
    BedrockEvent, BedrockModel, BedrockModels, BedrockRequest, bedrock_event, bedrock_exception,
    bedrock_failure, bedrock_profile_model, bedrock_profile_path, bedrock_request,
};
pub use dialect::DialectId;
pub use envelope::{Envelope, EnvelopeError, EnvelopeLimits};
pub use facts::{RequestFacts, SessionHints};
pub use failure::{
    ApiFailure, FailureKind, ProviderFailure, error_body, error_event, ping, read_error,
};
pub use observe::{
    AnswerEnd, Observed, Observer, ObserverLimits, Thought, ThoughtSource, ToolCall, ToolKind,
    Usage,
};
pub use provider::{Format, ProviderType, is_valid_provider_name};
pub use route::{Route, RouteError, RouteKind, error_dialect, route};
pub use tools::{
    BadInput, InjectedCall, Offer, ResourceBody, ToolContent, ToolResult, ToolSpec, ToolSpecError,
    Toolbox, Withheld, offer, withheld,
};
pub use weave::{
    HiddenTurn, RoundEnd, UsageTold, Weave, WeaveConfig, WeaveError, WeaveLimits, splice,
};
