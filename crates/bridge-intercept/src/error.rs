//! Why a request got no answer of a provider.

use std::time::Duration;

use bridge_api::{DialectId, EnvelopeError};
use bridge_auth::AuthError;
use bridge_guard::Exhausted;
use bridge_record::RecordError;
use bridge_upstream::{FailureClass, UpstreamError};

use crate::{Provider, ProviderError};

/// What happened instead of an answer. `respond` in the gateway turns it into one.
#[derive(Debug, thiserror::Error)]
pub enum InterceptError {
    /// No provider or no route of that name.
    #[error("route not supported")]
    NotFound,
    /// The route does not take this method.
    #[error("method not allowed")]
    Method {
        /// The methods it takes.
        allow: &'static str,
    },
    /// The operator has switched the provider off.
    #[error("provider is disabled")]
    Disabled {
        /// Its name.
        provider: String,
    },
    /// The provider cannot be built from its settings. Why is for the operator, who can ask the
    /// gateway for it.
    #[error("provider cannot be used")]
    Unusable {
        /// Its name.
        provider: String,
        /// Why.
        #[source]
        reason: ProviderError,
    },
    /// The gateway cannot sign requests to the provider: mostly it has no credentials.
    #[error("request to the provider cannot be signed")]
    Unsigned {
        /// Its name.
        provider: String,
        /// Why.
        #[source]
        source: UpstreamError,
    },
    /// Nobody tells which model is behind an inference profile of Bedrock.
    #[error("inference profile cannot be resolved: {0}")]
    Profile(String),
    /// The body cannot be understood.
    #[error("request body not understood")]
    Body(#[source] EnvelopeError),
    /// The body's encoding cannot be undone.
    #[error("request body cannot be decoded")]
    Encoding(#[source] bridge_stream::DecodeError),
    /// The body's encoding is unknown.
    #[error("request body has an unknown encoding")]
    UnknownEncoding,
    /// Decoded, the body is larger than bodies may be.
    #[error("request body is larger than {limit} bytes when decoded")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The provider would answer later and elsewhere, unseen by the gateway.
    #[error("background request")]
    Background,
    /// The operator has given no key for the provider, and the caller brought none.
    #[error("provider has no key")]
    NoKey {
        /// Its name.
        provider: String,
    },
    /// Every key of the provider is used too often, as the provider says.
    #[error("all keys are rate limited")]
    KeysCooling {
        /// Its name.
        provider: String,
        /// When the first of them may be used again.
        wait: Duration,
    },
    /// The provider knows none of the keys that it was given.
    #[error("all keys were refused")]
    KeysRefused {
        /// Its name.
        provider: String,
    },
    /// The provider kept failing here, and is left alone for a while.
    #[error("breaker is open")]
    BreakerOpen {
        /// Its name.
        provider: String,
        /// How long until it is worth asking again.
        wait: Duration,
    },
    /// The provider takes only the caller's own credential, and there was none.
    #[error("own credential required")]
    OwnKeyRequired {
        /// Its name.
        provider: String,
    },
    /// The caller may not use this model, or nobody can tell.
    #[error("model use not permitted")]
    Permit(#[source] AuthError),
    /// Nothing can be recorded now, so nothing may leave.
    #[error("interception cannot be recorded")]
    Record(#[source] RecordError),
    /// The provider could not be reached or did not answer.
    #[error("provider did not answer")]
    Upstream(#[source] UpstreamError),
    /// A turn with injected tools cannot go on. The text is for its caller.
    #[error("{0}")]
    Tools(String),
    /// It happened after injected tools had run, so that the turn must not be tried again.
    #[error("turn failed after injected tools had run")]
    AfterTools(#[source] Box<Self>),
    /// The provider's answer is none: nothing at all, or something that is no API's.
    #[error("provider answered with {what} and status {status}")]
    NotAnAnswer {
        /// What it was instead.
        what: String,
        /// Under which status.
        status: u16,
    },
}

impl InterceptError {
    /// No key of the provider is left.
    pub(crate) fn exhausted(provider: &Provider, exhausted: Exhausted) -> Self {
        let provider = provider.name.to_string();
        match exhausted {
            Exhausted::For { wait } => Self::KeysCooling { provider, wait },
            Exhausted::Unauthorized => Self::KeysRefused { provider },
        }
    }

    /// There is no answer for this reason.
    pub(crate) fn unreached(provider: &str, error: UpstreamError) -> Self {
        if let UpstreamError::Unsigned(_) = error {
            return Self::Unsigned {
                provider: provider.to_owned(),
                source: error,
            };
        }
        Self::Upstream(error)
    }

    /// A closed name, for logs and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Method { .. } => "method",
            Self::Disabled { .. } => "disabled",
            Self::Unusable { .. } => "unusable",
            Self::Unsigned { .. } => "unsigned",
            Self::Profile(_) => "inference_profile",
            Self::Body(_) => "body",
            Self::Encoding(_) | Self::UnknownEncoding => "encoding",
            Self::TooLarge { .. } => "too_large",
            Self::Background => "background",
            Self::NoKey { .. } => "no_key",
            Self::KeysCooling { .. } => "keys_cooling",
            Self::KeysRefused { .. } => "keys_refused",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::OwnKeyRequired { .. } => "own_key_required",
            Self::Permit(_) => "permit",
            Self::Record(_) => "record",
            Self::Upstream(cause) => match cause.class() {
                FailureClass::NeverSent => "upstream_never_sent",
                FailureClass::TimedOut => "upstream_timed_out",
                FailureClass::BrokenOff => "upstream_broken_off",
            },
            Self::Tools(_) => "tools",
            Self::AfterTools(error) => error.kind(),
            Self::NotAnAnswer { .. } => "not_an_answer",
        }
    }
}

/// A failure, and the dialect in whose shape the caller expects to read it.
#[derive(Debug)]
pub struct Refused {
    /// What happened.
    pub error: InterceptError,
    /// The shape; none when the path names no provider.
    pub dialect: Option<DialectId>,
}
