//! What a user presents to a tool server, or why nothing can be.

use std::time::Duration;

use bridge_proto::v1::tool_credential::Kind;
use bridge_proto::v1::{
    CallersKey, FixedToken, NoToken, ToolServerProblemKind as Problem, UserToken,
};
use bridge_telemetry::{ErrorChain, keys};
use jiff::{SignedDuration, Timestamp};
use slog::warn;

use super::message::problem;
use crate::api::{SecretText, ToolCredentialKind};
use crate::control::{ControlServer, now};
use crate::operate::user_tokens::SPENT;
use crate::renewal::{NotRenewed, Token};
use crate::sealing::SealingError;
use crate::store::StoredUserToken;
use crate::tool_server::Opened;

/// A token is got anew so long before it expires, or when a quarter of its time is left if that is
/// shorter.
const AHEAD: Duration = Duration::from_secs(120);

/// `is_refused` tells that the server did not take this token.
pub(super) async fn credential(
    control: &ControlServer,
    server: &Opened,
    token: Option<&StoredUserToken>,
    is_refused: bool,
) -> Kind {
    let secrets = match &server.secrets {
        Ok(secrets) => secrets,
        Err(cause) => return unreadable(control, server, cause),
    };
    match (server.stored.credential, &secrets.token) {
        (ToolCredentialKind::None, _) => Kind::None(NoToken {}),
        (ToolCredentialKind::Caller, _) => Kind::Caller(CallersKey {}),
        (ToolCredentialKind::Token, Some(token)) => Kind::Token(FixedToken {
            token: token.expose().to_owned(),
        }),
        (ToolCredentialKind::Token, None) => {
            problem(Problem::NoToken, "it has no token".to_owned())
        }
        (ToolCredentialKind::User, _) => match token {
            Some(token) => of_user(control, server, token, is_refused).await,
            None => {
                let name = &server.stored.name;
                let text =
                    format!("this user has no token: bridged tool-server token set {name} USER");
                problem(Problem::NoToken, text)
            }
        },
    }
}

async fn of_user(
    control: &ControlServer,
    server: &Opened,
    token: &StoredUserToken,
    is_refused: bool,
) -> Kind {
    let secrets = match control.open_token(token).await {
        Ok(secrets) => secrets,
        Err(cause) => return unreadable(control, server, &cause),
    };
    let at = now();
    let has_expired = token.expires_at.is_some_and(|end| end <= at);
    let is_good = !is_refused && !has_expired;
    let usable = secrets.token.filter(|_| is_good);
    let is_renewable = token.is_renewable && token.refused_at.is_none();
    if is_renewable && (usable.is_none() || is_near_end(token, at)) {
        return match control.renewed(server, token).await {
            Ok(next) => renewed(next),
            Err(cause) => not_renewed(control, server, token, usable, cause),
        };
    }
    if is_refused && token.refused_at.is_none() {
        note_refused(control, token, at).await;
    }
    usable.map_or_else(spent, |text| user_token(token, &text))
}

fn renewed((token, secrets): Token) -> Kind {
    secrets
        .token
        .map_or_else(spent, |text| user_token(&token, &text))
}

/// What is still good is used as long as it is.
fn not_renewed(
    control: &ControlServer,
    server: &Opened,
    token: &StoredUserToken,
    usable: Option<SecretText>,
    cause: NotRenewed,
) -> Kind {
    if let Some(text) = usable {
        return user_token(token, &text);
    }
    match cause {
        NotRenewed::Spent | NotRenewed::Gone => spent(),
        NotRenewed::Failed(cause) => {
            problem(Problem::NotRefreshed, ErrorChain(&*cause).to_string())
        }
        NotRenewed::Store(cause) => problem(Problem::NotRefreshed, cause.to_string()),
        NotRenewed::Sealed(cause) => unreadable(control, server, &cause),
    }
}

fn user_token(token: &StoredUserToken, text: &SecretText) -> Kind {
    Kind::User(UserToken {
        token: text.expose().to_owned(),
        revision: token.revision,
        expires_at: token.expires_at.map(|at| prost_types::Timestamp {
            seconds: at.as_second(),
            nanos: at.subsec_nanosecond(),
        }),
    })
}

fn spent() -> Kind {
    problem(Problem::Expired, SPENT.to_owned())
}

fn unreadable(control: &ControlServer, server: &Opened, cause: &SealingError) -> Kind {
    let inner = &control.0;
    if let Some(held_back) = inner.silence.may_tell(tokio::time::Instant::now()) {
        warn!(inner.logger, "secrets cannot be decrypted";
            keys::TOOL_SERVER => &server.stored.name, keys::ERROR => ErrorChain(cause),
            "not_told" => held_back);
    }
    problem(Problem::Unreadable, cause.to_string())
}

/// For the operator's list. That it is not noted harms nobody.
async fn note_refused(control: &ControlServer, token: &StoredUserToken, at: Timestamp) {
    let inner = &control.0;
    let (server, user) = (token.server, token.user);
    let noted = inner
        .store
        .refuse_user_token(server, user, token.revision, at);
    if let Err(cause) = noted.await {
        warn!(inner.logger, "a refused token was not noted"; keys::ERROR => ErrorChain(&cause));
    }
}

fn is_near_end(token: &StoredUserToken, at: Timestamp) -> bool {
    let Some(end) = token.expires_at else {
        return false;
    };
    let whole = end.duration_since(token.refreshed_at.unwrap_or(token.set_at));
    let quarter = whole.checked_div(4).unwrap_or(SignedDuration::ZERO);
    let ahead = SignedDuration::try_from(AHEAD).unwrap_or(SignedDuration::ZERO);
    end.duration_since(at) <= quarter.min(ahead)
}
