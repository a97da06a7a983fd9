//! How much of a request is tolerated, and why one is none.

use super::scan::Fault;

/// How much of a request is tolerated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeLimits {
    /// How deeply objects and arrays may be nested, the request itself included.
    pub depth: usize,
    /// How many top-level members there may be.
    pub members: usize,
}

impl Default for EnvelopeLimits {
    /// 512 levels and 1024 members. Requests of agents have about ten and twenty.
    fn default() -> Self {
        Self {
            depth: 512,
            members: 1024,
        }
    }
}

/// Why a body is no request, or a value no value. Positions are bytes, counted from zero; what
/// stands there is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// There is nothing but white space.
    #[error("empty, expected a JSON object")]
    Empty,
    /// It is JSON, but no object.
    #[error("not a JSON object")]
    NotAnObject,
    /// It is not UTF-8.
    #[error("invalid UTF-8 at byte {position}")]
    NotUtf8 {
        /// The first byte that is wrong.
        position: usize,
    },
    /// Something stands where JSON does not allow it.
    #[error("invalid JSON at byte {position}")]
    Unexpected {
        /// The byte.
        position: usize,
    },
    /// The JSON value has no end.
    #[error("JSON ends too early, at byte {position}")]
    Ended {
        /// The length.
        position: usize,
    },
    /// Something follows the JSON value.
    #[error("unexpected data after the JSON value at byte {position}")]
    Trailing {
        /// The first byte of it.
        position: usize,
    },
    /// Objects and arrays are nested too deeply.
    #[error("JSON nested deeper than {limit} levels at byte {position}")]
    TooDeep {
        /// Where the limit is passed.
        position: usize,
        /// The limit.
        limit: usize,
    },
    /// There are too many top-level members.
    #[error("more than {limit} members in the JSON object")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Items were to be put into a member that is something else.
    #[error("a member that has to be a JSON array is none")]
    NotAnArray,
}

impl EnvelopeError {
    pub(super) fn of(fault: Fault, limit: usize) -> Self {
        match fault {
            Fault::Unexpected(position) => Self::Unexpected { position },
            Fault::Ended(position) => Self::Ended { position },
            Fault::TooDeep(position) => Self::TooDeep { position, limit },
        }
    }
}
