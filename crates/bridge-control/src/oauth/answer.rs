//! What an authorization server answers (RFC 6749, sections 5.1 and 5.2).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{RenewError, Renewed};
use crate::api::SecretText;

/// Longer tokens are none: see the rules for those that operators give.
const TOKEN_BYTES: usize = 16 << 10;
/// Longer lifetimes are as good as this one: a century.
const LONGEST: u64 = 100 * 366 * 24 * 60 * 60;

/// What is of any form here may be nonsense without harm: an answer that is thrown away takes the next
/// refresh token with it.
#[derive(Deserialize)]
struct Granted {
    access_token: Option<SecretText>,
    token_type: Option<Value>,
    expires_in: Option<Value>,
    refresh_token: Option<SecretText>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// For a spent refresh token: the word of section 5.2, and GitHub's.
const SPENT: [&str; 2] = ["invalid_grant", "bad_refresh_token"];
/// The other words of section 5.2.
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
    let Some(token) = granted.access_token else {
        // There are servers that refuse with success.
        let word = granted.error.as_ref().and_then(Value::as_str);
        let refusal = word.and_then(by_word);
        return Err(refusal.unwrap_or(RenewError::Garbled("no access_token")));
    };
    let kind = granted.token_type.as_ref().and_then(Value::as_str);
    if !kind.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(RenewError::Garbled("the token is not of type bearer"));
    }
    if !is_token(&token) {
        return Err(RenewError::Garbled(
            "a token that cannot be sent in a header",
        ));
    }
    // An empty one is none.
    let refresh_token = granted.refresh_token;
    let refresh_token = refresh_token.filter(|text| !text.expose().is_empty());
    let is_short = |text: &SecretText| text.expose().len() <= TOKEN_BYTES;
    if !refresh_token.as_ref().is_none_or(is_short) {
        return Err(RenewError::Garbled("a refresh token that is too long"));
    }
    Ok(Renewed {
        token,
        refresh_token,
        lifetime: granted.expires_in.as_ref().and_then(lifetime),
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
    by_word(&refused.error).unwrap_or(RenewError::Status(status))
}

/// None when it is no word that is known.
fn by_word(error: &str) -> Option<RenewError> {
    if SPENT.contains(&error) {
        return Some(RenewError::Refused);
    }
    let word = WORDS.into_iter().find(|word| *word == error);
    word.map(RenewError::Client)
}

fn is_token(text: &SecretText) -> bool {
    let bytes = text.expose().as_bytes();
    (1..=TOKEN_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// None when it is no length of time, or none at all: no token is good for no time. Some servers write
/// the number as a text.
fn lifetime(seconds: &Value) -> Option<Duration> {
    let whole = match seconds {
        Value::Number(number) => number.as_u64().or_else(|| {
            let seconds = Duration::try_from_secs_f64(number.as_f64()?).ok()?;
            Some(seconds.as_secs())
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let seconds = whole.filter(|seconds| *seconds > 0)?;
    Some(Duration::from_secs(seconds.min(LONGEST)))
}

#[cfg(test)]
mod tests;
