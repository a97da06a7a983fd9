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
    /// Whether the other side was silent: nobody there, no answer in time, or a server that cannot
    /// do its work at the moment. As opposed to an answer that only this question has.
    pub(crate) fn is_silence(&self) -> bool {
        match self {
            Self::NotConnected { .. } | Self::Timeout { .. } => true,
            Self::Fatal { .. } | Self::Garbled { .. } => false,
            Self::Failed { source, .. } => source
                .downcast_ref::<Status>()
                .is_some_and(|status| is_broken_connection(status) || is_passing(status.code())),
        }
    }

    pub(crate) fn failed(call: &'static str, status: Status) -> Self {
        Self::Failed {
            call,
            source: Box::new(status),
        }
    }
}

/// The reason of a refusal, or none when the status says nothing about the credential.
pub(crate) fn refusal(status: &Status) -> Option<RefusalReason> {
    (has_refusing_code(status) && !is_foreign(status)).then(|| reason(status.message()))
}

fn has_refusing_code(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unauthenticated | Code::PermissionDenied
    )
}

/// Whether something between the two sides has answered, which knows nothing of the contract: the
/// status was made of a plain HTTP one. tonic leaves no other mark than the text.
fn is_foreign(status: &Status) -> bool {
    status.message().starts_with("grpc-status header missing")
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

/// Why the control plane does not want this gateway, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FatalKind {
    /// The gateway's key is missing, unknown or deleted.
    GatewayKey,
    /// The key is good, and the gateway may not connect.
    NotAllowed,
    /// The two sides speak versions of the contract that do not go together.
    Version,
    /// Whatever answers at the address is no control plane.
    NotControlPlane,
}

/// Whether a refusal of the first call on a connection is final, and why. Everything else may pass.
pub(crate) fn fatal_at_connect(status: &Status) -> Option<FatalKind> {
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied if is_foreign(status) => {
            Some(FatalKind::NotControlPlane)
        }
        Code::Unauthenticated => Some(FatalKind::GatewayKey),
        Code::PermissionDenied => Some(FatalKind::NotAllowed),
        Code::FailedPrecondition => Some(FatalKind::Version),
        Code::Unimplemented => Some(FatalKind::NotControlPlane),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => None,
    }
}

/// What the other side said, or the name of its status when it said nothing.
pub(crate) fn words(status: &Status) -> String {
    match status.message() {
        "" => status.code().to_string(),
        text => text.to_owned(),
    }
}

/// Whether a call after the greeting was refused because of the gateway and not because of what was
/// asked: another greeting will tell whether that is for good.
pub(crate) fn is_unwelcome(status: &Status) -> bool {
    status.code() == Code::FailedPrecondition || (has_refusing_code(status) && is_foreign(status))
}

/// Whether the other side is of a version that has no such call.
pub(crate) fn is_unknown(status: &Status) -> bool {
    status.code() == Code::Unimplemented
}

/// Whether the connection broke under the call, as opposed to an answer from the other side.
/// Statuses that came over the wire have no cause.
pub(crate) fn is_broken_connection(status: &Status) -> bool {
    status.source().is_some()
}

/// Whether the server is not able to answer anybody now.
fn is_passing(code: Code) -> bool {
    match code {
        Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_from_answers() {
        let failed = |code| RpcError::failed("call", Status::new(code, "text"));
        let after = Duration::from_secs(1);
        for silent in [
            RpcError::NotConnected { after },
            RpcError::Timeout {
                call: "call",
                after,
            },
            failed(Code::Unavailable),
            failed(Code::Internal),
            failed(Code::DeadlineExceeded),
        ] {
            assert!(silent.is_silence(), "{silent:?}");
        }
        let reason = String::new();
        let (call, field) = ("call", "field");
        for answered in [
            RpcError::Fatal { reason },
            RpcError::Garbled { call, field },
            failed(Code::InvalidArgument),
            failed(Code::Unimplemented),
        ] {
            assert!(!answered.is_silence(), "{answered:?}");
        }
    }

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

    fn check(code: Code, is_refusal: bool, fatal: Option<FatalKind>) {
        let status = Status::new(code, "unknown key");
        assert_eq!(refusal(&status).is_some(), is_refusal, "{code:?}");
        assert_eq!(fatal_at_connect(&status), fatal, "{code:?}");
        assert!(!is_broken_connection(&status), "{code:?}");
    }

    #[test]
    fn codes_are_told_apart() {
        check(Code::Unauthenticated, true, Some(FatalKind::GatewayKey));
        check(Code::PermissionDenied, true, Some(FatalKind::NotAllowed));
        check(Code::FailedPrecondition, false, Some(FatalKind::Version));
        check(Code::Unimplemented, false, Some(FatalKind::NotControlPlane));
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
            check(passing, false, None);
        }
    }
}
