//! The rules for tool servers and users' tokens.

use http::{HeaderName, HeaderValue};
use regex_lite::Regex;
use url::{Host, Url};

use super::provider::{Query, address, is_visible, upstream};
use super::{Checked, ensure, tool_server_name};
use crate::api::{NewUserToken, SecretText, ToolCredentialKind};
use crate::error::ControlError;
use crate::store::{OAuth, StoredToolServer};
use crate::tool_server::{ToolServer, whole_upstream};

/// Tool servers that there may be: every handler of every user opens all of them.
pub(crate) const MOST_TOOL_SERVERS: usize = 64;

const PATTERNS: usize = 64;
const PATTERN: usize = 512;
const HEADERS: usize = 16;
/// A token may be a signed document with claims.
const SECRET: usize = 16 << 10;
const CLIENT_ID: usize = 256;
const SCOPES: usize = 32;
const SCOPE: usize = 256;

/// Headers that the transport sets itself, or that belong to one connection.
const RESERVED: [&str; 15] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// A whole tool server.
pub(crate) fn tool_server(server: &ToolServer) -> Checked {
    let (stored, secrets) = (&server.stored, &server.secrets);
    tool_server_name(&stored.name)?;
    address("url", &stored.url, Query::Allowed)?;
    patterns("allow", &stored.settings.allow)?;
    patterns("deny", &stored.settings.deny)?;
    let kind = stored.credential;
    ensure(
        secrets.headers.len() <= HEADERS,
        "headers",
        "at most 16 headers",
    )?;
    for (name, value) in &secrets.headers {
        header(kind, name, value)?;
    }
    let takes_token = kind == ToolCredentialKind::Token;
    ensure(
        takes_token || secrets.token.is_none(),
        "token",
        "is only for the credential \"token\"",
    )?;
    ensure(
        !takes_token || secrets.token.is_some(),
        "token",
        "is needed for the credential \"token\"",
    )?;
    secrets
        .token
        .as_ref()
        .map_or(Ok(()), |text| secret("token", text))?;
    if let Some(oauth) = &stored.settings.oauth {
        ensure(
            kind == ToolCredentialKind::User,
            "oauth",
            "is only for the credential \"user\"",
        )?;
        self::oauth(oauth, secrets.client_secret.as_ref())?;
    }
    whole_upstream(&stored.settings, secrets)
        .as_ref()
        .map_or(Ok(()), upstream)
}

/// What an operator gives as a user's token.
pub(crate) fn user_token(new: &NewUserToken, server: &StoredToolServer) -> Checked {
    let name = &server.name;
    ensure(
        server.credential == ToolCredentialKind::User,
        "server",
        &format!("{name} takes no tokens of users: its credential is another"),
    )?;
    ensure(
        new.token.is_some() || new.refresh_token.is_some(),
        "token",
        "or refresh_token must be given",
    )?;
    ensure(
        new.refresh_token.is_none() || server.settings.oauth.is_some(),
        "refresh_token",
        &format!("{name} does not say where tokens are got with it: give it oauth first"),
    )?;
    ensure(
        new.expires_at.is_none() || new.token.is_some(),
        "expires_at",
        "goes with a token",
    )?;
    for (field, text) in [("token", &new.token), ("refresh_token", &new.refresh_token)] {
        text.as_ref().map_or(Ok(()), |text| secret(field, text))?;
    }
    Ok(())
}

fn patterns(field: &'static str, patterns: &[String]) -> Checked {
    ensure(patterns.len() <= PATTERNS, field, "at most 64 patterns")?;
    for pattern in patterns {
        let is_short = (1..=PATTERN).contains(&pattern.chars().count());
        ensure(is_short, field, "a pattern has 1 to 512 characters")?;
        Regex::new(pattern).map_err(|problem| {
            let text = format!("{pattern:?} is no regular expression: {problem}");
            ControlError::invalid(field, text)
        })?;
    }
    Ok(())
}

fn header(kind: ToolCredentialKind, name: &str, value: &SecretText) -> Checked {
    let is_name = HeaderName::from_bytes(name.as_bytes()).is_ok() && name.len() <= 256;
    let rule = format!("{name:?} is no name of a header");
    ensure(is_name, "headers", &rule)?;
    let rule = format!("{name:?} is set by the gateway itself");
    ensure(!RESERVED.contains(&name), "headers", &rule)?;
    let is_ours = name == "authorization" && kind != ToolCredentialKind::None;
    let rule =
        "\"authorization\" goes only with the credential \"none\": another one is sent in it";
    ensure(!is_ours, "headers", rule)?;
    let text = value.expose();
    let is_value = HeaderValue::from_str(text).is_ok()
        && text.trim() == text
        && text.is_ascii()
        && (1..=SECRET).contains(&text.len());
    let rule = format!("the value of {name:?} must be 1 to 16,384 characters of ASCII on one line");
    ensure(is_value, "headers", &rule)
}

fn secret(field: &'static str, text: &SecretText) -> Checked {
    ensure(
        is_visible(text.expose()) && text.expose().len() <= SECRET,
        field,
        "1 to 16,384 characters of visible ASCII, no white space",
    )
}

fn oauth(oauth: &OAuth, client_secret: Option<&SecretText>) -> Checked {
    let field = "oauth.token_url";
    address(field, &oauth.token_url, Query::Allowed)?;
    ensure(
        is_safe(&oauth.token_url),
        field,
        "must be an https address: refresh tokens travel there; http is only for this machine",
    )?;
    let is_id = is_visible(&oauth.client_id) && oauth.client_id.len() <= CLIENT_ID;
    ensure(
        is_id,
        "oauth.client_id",
        "1 to 256 characters of visible ASCII, no white space",
    )?;
    client_secret.map_or(Ok(()), |text| secret("oauth.client_secret", text))?;
    // RFC 6749, section 3.3.
    let is_scope =
        |scope: &String| is_visible(scope) && scope.len() <= SCOPE && !scope.contains(['"', '\\']);
    ensure(
        oauth.scopes.len() <= SCOPES && oauth.scopes.iter().all(is_scope),
        "oauth.scopes",
        "at most 32, each of 1 to 256 characters of visible ASCII without quotes and backslashes",
    )
}

/// What is sent there is encrypted, or does not leave this machine.
fn is_safe(text: &str) -> bool {
    let url = Url::parse(text).ok();
    url.is_some_and(|url| {
        url.scheme() == "https" || url.host().is_some_and(|host| is_this_machine(&host))
    })
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.trim_end_matches('.') == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests;
