//! What gRPC statuses mean: the one place that knows.

use std::error::Error;
use std::time::Duration;

use bridge_auth::RefusalReason;
use tonic::{Code, Status};

/// Why a call to the control plane has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// There was no connection within the time that a call may wait for one.
    #[error("no connection to the control plane within {after:?}")]
    NotConnected {
        /// How long was waited.
        after: Duration,
    },
    /// The control plane does not want this gateway, and it is no use to try again.
    #[error("the control plane refuses this gateway: {reason}")]
    Fatal {
        /// What it said.
        reason: String,
    },
    /// The call was not answered in time.
    #[error("{call} was not answered within {after:?}")]
    Timeout {
        /// Name of the method.
        call: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The call failed.
    #[error("{call} failed")]
    Failed {
        /// Name of the method.
        call: &'static str,
        /// The status, as it came.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The answer breaks the contract.
    #[error("{field} in the answer to {call} is not understood")]
    Garbled {
        /// Name of the method.
        call: &'static str,
        /// Which field.
        field: &'static str,
    },
}

impl RpcError {
    pub(crate) fn failed(call: &'static str, status: Status) -> Self {
        Self::Failed {
            call,
            source: Box::new(status),
        }
    }
}

/// The reason of a refusal, or none when the status says nothing about the credential.
pub(crate) fn refusal(status: &Status) -> Option<RefusalReason> {
    let is_refusal = matches!(
        status.code(),
        Code::Unauthenticated | Code::PermissionDenied
    );
    is_refusal.then(|| reason(status.message()))
}

/// The texts are those of `Display`; both ends of the wire agree on them.
fn reason(text: &str) -> RefusalReason {
    match text {
        "invalid key" => RefusalReason::InvalidKey,
        "unknown key" => RefusalReason::UnknownKey,
        "expired" => RefusalReason::Expired,
        "unknown user" => RefusalReason::UnknownUser,
        "deleted user" => RefusalReason::DeletedUser,
        "inactive user" => RefusalReason::InactiveUser,
        "system user" => RefusalReason::SystemUser,
        "not allowed" => RefusalReason::NotAllowed,
        _ => RefusalReason::Other,
    }
}

/// Whether a refusal of the first call on a connection is final: the version does not fit, the
/// gateway's key is not good, the gateway may not connect, or this is no control plane at all.
/// Everything else may pass.
pub(crate) fn is_fatal_at_connect(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::FailedPrecondition
            | Code::Unauthenticated
            | Code::PermissionDenied
            | Code::Unimplemented
    )
}

/// Whether the connection broke under the call, as opposed to an answer from the other side.
/// Statuses that came over the wire have no cause.
pub(crate) fn is_broken_connection(status: &Status) -> bool {
    status.source().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_travel_as_their_display() {
        use RefusalReason::{
            DeletedUser, Expired, InactiveUser, InvalidKey, NotAllowed, Other, SystemUser,
            UnknownKey, UnknownUser,
        };
        let all = [
            InvalidKey,
            UnknownKey,
            Expired,
            UnknownUser,
            DeletedUser,
            InactiveUser,
            SystemUser,
            NotAllowed,
            Other,
        ];
        for expected in all {
            let text = expected.to_string();
            let found = refusal(&Status::unauthenticated(text.clone()));
            assert_eq!(found, Some(expected), "{text}");
            let found = refusal(&Status::permission_denied(text.clone()));
            assert_eq!(found, Some(expected), "{text}");
        }
        let later = Status::permission_denied("a reason of a later version");
        assert_eq!(refusal(&later), Some(Other));
    }

    fn check(code: Code, is_refusal: bool, is_fatal: bool) {
        let status = Status::new(code, "unknown key");
        assert_eq!(refusal(&status).is_some(), is_refusal, "{code:?}");
        assert_eq!(is_fatal_at_connect(&status), is_fatal, "{code:?}");
        assert!(!is_broken_connection(&status), "{code:?}");
    }

    #[test]
    fn codes_are_told_apart() {
        check(Code::Unauthenticated, true, true);
        check(Code::PermissionDenied, true, true);
        check(Code::FailedPrecondition, false, true);
        check(Code::Unimplemented, false, true);
        for passing in [
            Code::Cancelled,
            Code::Unknown,
            Code::InvalidArgument,
            Code::DeadlineExceeded,
            Code::NotFound,
            Code::AlreadyExists,
            Code::ResourceExhausted,
            Code::Aborted,
            Code::OutOfRange,
            Code::Internal,
            Code::Unavailable,
            Code::DataLoss,
        ] {
            check(passing, false, false);
        }
    }
}
