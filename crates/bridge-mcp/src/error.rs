//! How a tool server can fail.

use std::time::Duration;

use bridge_upstream::UpstreamError;
use http::StatusCode;

use crate::{AuthorityError, Misread};

/// Why a tool server did not do what it was asked.
///
/// The texts are for the operator, and fit for a model too: they hold nothing that the server wrote
/// except where it answered a call with an error of the protocol.
#[derive(Debug, thiserror::Error)]
pub enum McpError {
    /// The caller's key is what it takes, and there is none.
    #[error("the server takes the caller's key, and the caller came without one")]
    NoKey,
    /// There is no token to present.
    #[error("there is no token for it")]
    NoToken(#[source] AuthorityError),
    /// It refuses what was presented, also after the authority was asked again.
    #[error("it refuses the credential with status {}", .status.as_u16())]
    Refused {
        /// 401 or 403.
        status: StatusCode,
    },
    /// There is no whole answer.
    #[error("it cannot be reached")]
    Unreachable(#[source] UpstreamError),
    /// It answers with a status that says no.
    #[error("it answered with status {}", .status.as_u16())]
    Status {
        /// The status.
        status: StatusCode,
    },
    /// It sends whoever asks elsewhere. Credentials are bound to the address that was given.
    #[error(
        "it answered with status {}, which leads elsewhere: give the address it leads to",
        .status.as_u16()
    )]
    Moved {
        /// The status.
        status: StatusCode,
    },
    /// It answered a request with an error of the protocol.
    #[error("it answered with error {code}: {message}")]
    Answered {
        /// The code (JSON-RPC 2.0, section 5.1).
        code: i32,
        /// What it says, at most 2 KiB of it.
        message: String,
    },
    /// What it answered is not what the protocol has.
    #[error("its answer cannot be used: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Where, if it could not be read.
        source: Option<Misread>,
    },
    /// It answered more than is read.
    #[error("its answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// It lists more than is kept.
    #[error("it lists more than {limit} {what}")]
    TooMany {
        /// What of: pages or tools.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// It did not answer in time. The call was cancelled; it may have done its work.
    #[error("it did not answer within {} ms", .after.as_millis())]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// Its session ended while it worked. It may have done its work.
    #[error("its session ended before the answer")]
    SessionEnded,
    /// It is not open now: it is being tried again.
    #[error("it is not available now")]
    NotOpen,
    /// The arguments are no JSON object.
    #[error("the arguments are no JSON object")]
    Arguments(#[source] Misread),
    /// The catalogue was closed.
    #[error("the catalogue is closed")]
    Closed,
}

impl McpError {
    /// A word for logs and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::NoToken(_) => "no_token",
            Self::Refused { .. } => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::Status { .. } => "status",
            Self::Moved { .. } => "moved",
            Self::Answered { .. } => "answered",
            Self::Malformed { .. } => "malformed",
            Self::TooLarge { .. } => "too_large",
            Self::TooMany { .. } => "too_many",
            Self::TimedOut { .. } => "timed_out",
            Self::SessionEnded => "session_ended",
            Self::NotOpen => "not_open",
            Self::Arguments(_) => "arguments",
            Self::Closed => "closed",
        }
    }
}
