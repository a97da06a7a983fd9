//! How an exchange with a provider can fail.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bridge_aws::SignError;

use crate::{AddressKind, ProxyProblem};

/// What a failure means for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Nothing of the request reached the provider: trying elsewhere is safe.
    NeverSent,
    /// The provider took too long. It may have done the work.
    TimedOut,
    /// The connection broke, or what came back was no HTTP. The provider may have done the work.
    BrokenOff,
}

impl FailureClass {
    /// A word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverSent => "never_sent",
            Self::TimedOut => "timed_out",
            Self::BrokenOff => "broken_off",
        }
    }
}

/// Why there is no answer, or only a part of one.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The provider's host name has no address.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// No address of the provider accepts connections.
    #[error("cannot connect to {authority}")]
    Connect {
        /// Host and port.
        authority: String,
        /// What the last attempt said.
        #[source]
        source: io::Error,
    },
    /// The provider's certificate or the handshake is not good.
    #[error("no TLS session with {authority}")]
    Tls {
        /// Host and port.
        authority: String,
        /// What the handshake said.
        #[source]
        source: io::Error,
    },
    /// There is no way through the proxy.
    #[error("no way to {authority} through the proxy {proxy}")]
    Proxy {
        /// Host and port of the provider.
        authority: String,
        /// Host and port of the proxy.
        proxy: String,
        /// Why not.
        #[source]
        source: ProxyProblem,
    },
    /// The provider's host leads to an address that may not be connected to.
    #[error(
        "the host {host:?} of provider {provider:?} leads to {address}, which is {kind}: if that is \
         meant, put it into allowed_private of the provider or into egress.allowed_private"
    )]
    Egress {
        /// The provider.
        provider: String,
        /// The host in its base URL.
        host: String,
        /// Where it leads.
        address: IpAddr,
        /// What kind of address that is.
        kind: AddressKind,
    },
    /// The provider does not speak HTTP/2, and nothing else is wanted.
    #[error("{authority} does not speak HTTP/2: set the provider's http_version to auto or 1.1")]
    NoHttp2 {
        /// Host and port.
        authority: String,
    },
    /// The other end of a new connection does not speak HTTP/2 after all.
    #[error("{authority} does not begin to speak HTTP/2")]
    NoSettings {
        /// Host and port.
        authority: String,
        /// What it did instead.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The provider says that it has not looked at the request.
    #[error("{authority} turned the request away without looking at it")]
    Unprocessed {
        /// Host and port.
        authority: String,
        /// How it said so.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Name, connection and TLS together took too long.
    #[error("{authority} did not accept a connection within {} ms", after.as_millis())]
    ConnectTimeout {
        /// Host and port.
        authority: String,
        /// The limit.
        after: Duration,
    },
    /// The request is not one that can be sent.
    #[error("request cannot be sent")]
    InvalidRequest(#[source] http::Error),
    /// The request cannot be signed: mostly there is nothing to sign with.
    #[error("request cannot be signed")]
    Unsigned(#[source] SignError),
    /// A credential was about to be sent to a host it is not bound to.
    #[error("credential is bound to {bound}, not to {authority}")]
    WrongDestination {
        /// Where it may go.
        bound: String,
        /// Where it was to go.
        authority: String,
    },
    /// The head of the answer did not come in time.
    #[error("no answer within {} ms", after.as_millis())]
    HeadTimeout {
        /// The limit.
        after: Duration,
    },
    /// The whole exchange took too long.
    #[error("no end of the answer within {} ms", after.as_millis())]
    TotalTimeout {
        /// The limit.
        after: Duration,
    },
    /// The connection broke before the head of the answer, or what came was no HTTP.
    #[error("connection broke before an answer")]
    NoHead(#[source] Box<dyn Error + Send + Sync>),
    /// The answer stopped in the middle for too long.
    #[error("answer was silent for {} ms", after.as_millis())]
    IdleTimeout {
        /// The limit.
        after: Duration,
    },
    /// The connection broke in the middle of the answer.
    #[error("connection broke in the middle of the answer")]
    BodyBroken(#[source] Box<dyn Error + Send + Sync>),
}

impl UpstreamError {
    /// Whether the same request may fare better a little later. What can never be sent cannot, and
    /// who signs has tried again already.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::InvalidRequest(_)
            | Self::WrongDestination { .. }
            | Self::Unsigned(_)
            | Self::Egress { .. }
            | Self::NoHttp2 { .. }
            | Self::Proxy {
                source: ProxyProblem::Credential,
                ..
            } => false,
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Proxy { .. }
            | Self::NoSettings { .. }
            | Self::Unprocessed { .. }
            | Self::ConnectTimeout { .. }
            | Self::HeadTimeout { .. }
            | Self::NoHead(_)
            | Self::IdleTimeout { .. }
            | Self::TotalTimeout { .. }
            | Self::BodyBroken(_) => true,
        }
    }

    /// A closed word for what happened, for metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "resolve",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Proxy { .. } => "proxy",
            Self::Egress { .. } => "egress",
            Self::NoHttp2 { .. } | Self::NoSettings { .. } => "no_http2",
            Self::Unprocessed { .. } => "unprocessed",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::InvalidRequest(_) => "invalid_request",
            Self::Unsigned(_) => "unsigned",
            Self::WrongDestination { .. } => "wrong_destination",
            Self::HeadTimeout { .. } => "head_timeout",
            Self::TotalTimeout { .. } => "total_timeout",
            Self::NoHead(_) => "no_head",
            Self::IdleTimeout { .. } => "idle_timeout",
            Self::BodyBroken(_) => "body_broken",
        }
    }

    /// What the failure means for the request.
    #[must_use]
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Proxy { .. }
            | Self::Egress { .. }
            | Self::NoHttp2 { .. }
            | Self::NoSettings { .. }
            | Self::Unprocessed { .. }
            | Self::ConnectTimeout { .. }
            | Self::InvalidRequest(_)
            | Self::Unsigned(_)
            | Self::WrongDestination { .. } => FailureClass::NeverSent,
            Self::HeadTimeout { .. } | Self::IdleTimeout { .. } | Self::TotalTimeout { .. } => {
                FailureClass::TimedOut
            }
            Self::NoHead(_) | Self::BodyBroken(_) => FailureClass::BrokenOff,
        }
    }
}
