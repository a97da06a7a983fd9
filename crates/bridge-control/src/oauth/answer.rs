//! What an authorization server answers (RFC 6749, sections 5.1 and 5.2).

use std::time::Duration;

use serde::Deserialize;

use super::{RenewError, Renewed};
use crate::api::SecretText;

/// Longer tokens are none: see the rules for those that operators give.
const TOKEN_BYTES: usize = 16 << 10;
/// Longer lifetimes are as good as this one: a century.
const LONGEST: u64 = 100 * 366 * 24 * 60 * 60;

#[derive(Deserialize)]
struct Granted {
    access_token: Option<SecretText>,
    token_type: Option<String>,
    expires_in: Option<Seconds>,
    refresh_token: Option<SecretText>,
}

/// Some servers write the number as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Whole(u64),
    Number(f64),
    Text(String),
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// The words of section 5.2 besides that for a spent refresh token.
const WORDS: [&str; 5] = [
    "invalid_request",
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

pub(super) fn read(status: u16, body: &[u8]) -> Result<Renewed, RenewError> {
    if status != 200 {
        return Err(refusal(status, body));
    }
    // What serde says may quote the body.
    let granted: Granted =
        serde_json::from_slice(body).map_err(|_| RenewError::Garbled("no JSON of a token"))?;
    let is_bearer = |kind: &String| kind.eq_ignore_ascii_case("bearer");
    if !granted.token_type.as_ref().is_none_or(is_bearer) {
        return Err(RenewError::Garbled("the token is not of type bearer"));
    }
    let token = granted
        .access_token
        .ok_or(RenewError::Garbled("no access_token"))?;
    if !is_token(&token) || !granted.refresh_token.as_ref().is_none_or(is_token) {
        return Err(RenewError::Garbled(
            "a token that cannot be sent in a header",
        ));
    }
    Ok(Renewed {
        token,
        refresh_token: granted.refresh_token,
        lifetime: granted.expires_in.and_then(lifetime),
    })
}

fn refusal(status: u16, body: &[u8]) -> RenewError {
    // Other statuses are a gateway's on the way, whatever their body says.
    let refused = (400..=401)
        .contains(&status)
        .then(|| serde_json::from_slice::<Refused>(body));
    let Some(Ok(refused)) = refused else {
        return RenewError::Status(status);
    };
    if refused.error == "invalid_grant" {
        return RenewError::Refused;
    }
    match WORDS.into_iter().find(|word| *word == refused.error) {
        Some(word) => RenewError::Client(word),
        None => RenewError::Status(status),
    }
}

fn is_token(text: &SecretText) -> bool {
    let bytes = text.expose().as_bytes();
    (1..=TOKEN_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// None when it is no length of time.
fn lifetime(seconds: Seconds) -> Option<Duration> {
    let seconds = match seconds {
        Seconds::Whole(seconds) => seconds,
        Seconds::Number(seconds) => Duration::try_from_secs_f64(seconds).ok()?.as_secs(),
        Seconds::Text(text) => text.trim().parse().ok()?,
    };
    Some(Duration::from_secs(seconds.min(LONGEST)))
}

#[cfg(test)]
mod tests;
