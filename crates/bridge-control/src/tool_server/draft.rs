//! What a tool server will be: the one that there is, and what an operator gives. Nothing comes out
//! of here that breaks a rule.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Opened, Secrets, ToolServer};
use crate::api::{
    NewToolServer, OAuthChange, SecretText, ToolCredentialKind, ToolServerPatch, UpstreamChange,
};
use crate::control::now;
use crate::error::ControlError;
use crate::sealing::SealingError;
use crate::store::{OAuth, StoredToolServer, ToolServerSettings, Upstream};
use crate::validate;

type Drafted = Result<ToolServer, ControlError>;

/// A tool server as it is given.
pub(crate) fn made(new: &NewToolServer) -> Drafted {
    let at = now();
    let mut draft = ToolServer {
        stored: StoredToolServer {
            id: Uuid::now_v7(),
            name: new.name.clone(),
            url: new.url.clone(),
            enabled: new.enabled,
            credential: new.credential,
            settings: ToolServerSettings {
                allow: new.allow.clone(),
                deny: new.deny.clone(),
                ..ToolServerSettings::default()
            },
            sealed: None,
            created_at: at,
            updated_at: at,
        },
        secrets: Secrets {
            token: new.token.clone(),
            ..Secrets::default()
        },
    };
    let headers = new.headers.iter();
    let headers = headers.map(|(name, value)| (name.clone(), Some(value.clone())));
    set_headers(&mut draft, &headers.collect())?;
    if let Some(change) = &new.oauth {
        set_oauth(&mut draft, change);
    }
    if let Some(change) = &new.upstream {
        set_upstream(&mut draft, change);
    }
    checked(draft)
}

/// The tool server with what is given changed. What cannot be decrypted any more has to be given, or
/// taken away.
pub(crate) fn patched(old: &Opened, patch: &ToolServerPatch) -> Drafted {
    if *patch == ToolServerPatch::default() {
        let text = "give at least one field that is to change";
        return Err(ControlError::invalid("body", text));
    }
    let mut draft = ToolServer {
        stored: old.stored.clone(),
        secrets: old.secrets.clone().unwrap_or_default(),
    };
    let given = patch.clone();
    let stored = &mut draft.stored;
    stored.name = given.name.unwrap_or_else(|| stored.name.clone());
    stored.url = given.url.unwrap_or_else(|| stored.url.clone());
    stored.enabled = given.enabled.unwrap_or(stored.enabled);
    let settings = &mut stored.settings;
    settings.allow = given.allow.unwrap_or_else(|| settings.allow.clone());
    settings.deny = given.deny.unwrap_or_else(|| settings.deny.clone());
    if let Some(kind) = given.credential {
        set_kind(&mut draft, kind);
    }
    if given.token.is_some() {
        draft.secrets.token = given.token;
    }
    if let Some(headers) = &patch.headers {
        set_headers(&mut draft, headers)?;
    }
    match &patch.oauth {
        None => {}
        Some(None) => take_oauth(&mut draft),
        Some(Some(change)) => set_oauth(&mut draft, change),
    }
    match &patch.upstream {
        None => {}
        Some(None) => {
            draft.stored.settings.upstream = None;
            draft.stored.settings.has_proxy = false;
            draft.secrets.proxy_url = None;
        }
        Some(Some(change)) => set_upstream(&mut draft, change),
    }
    if let Err(cause) = &old.secrets {
        nothing_lost(&draft, cause)?;
    }
    draft.stored.updated_at = now();
    checked(draft)
}

/// What belongs to another kind of credential goes.
fn set_kind(draft: &mut ToolServer, kind: ToolCredentialKind) {
    draft.stored.credential = kind;
    if kind != ToolCredentialKind::Token {
        draft.secrets.token = None;
    }
    if kind != ToolCredentialKind::User {
        take_oauth(draft);
    }
}

fn take_oauth(draft: &mut ToolServer) {
    draft.stored.settings.oauth = None;
    draft.secrets.client_secret = None;
}

/// Names are in lower case from here on, as HTTP/2 sends them.
fn set_headers(
    draft: &mut ToolServer,
    headers: &BTreeMap<String, Option<SecretText>>,
) -> Result<(), ControlError> {
    let names = &mut draft.stored.settings.headers;
    let mut seen = Vec::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if seen.contains(&name) {
            let text = format!("{name:?} is given twice");
            return Err(ControlError::invalid("headers", text));
        }
        seen.push(name.clone());
        names.retain(|known| *known != name);
        match value {
            Some(value) => {
                draft.secrets.headers.insert(name.clone(), value.clone());
                names.push(name);
            }
            None => drop(draft.secrets.headers.remove(&name)),
        }
    }
    names.sort_unstable();
    Ok(())
}

fn set_oauth(draft: &mut ToolServer, change: &OAuthChange) {
    let given = change.clone();
    let oauth = draft
        .stored
        .settings
        .oauth
        .get_or_insert_with(OAuth::default);
    oauth.token_url = given.token_url.unwrap_or_else(|| oauth.token_url.clone());
    oauth.client_id = given.client_id.unwrap_or_else(|| oauth.client_id.clone());
    oauth.client_auth = given.client_auth.unwrap_or(oauth.client_auth);
    oauth.scopes = given.scopes.unwrap_or_else(|| oauth.scopes.clone());
    if let Some(secret) = given.client_secret {
        oauth.has_client_secret = secret.is_some();
        draft.secrets.client_secret = secret;
    }
}

/// The proxy's URL goes to the secrets.
fn set_upstream(draft: &mut ToolServer, change: &UpstreamChange) {
    let settings = &mut draft.stored.settings;
    let before = Upstream {
        proxy_url: draft.secrets.proxy_url.take(),
        ..settings.upstream.clone().unwrap_or_default()
    };
    let mut after = change.onto(before);
    if change.proxy_url.is_some() {
        settings.has_proxy = after.proxy_url.is_some();
    }
    draft.secrets.proxy_url = after.proxy_url.take();
    settings.upstream = Some(after).filter(|after| *after != Upstream::default());
}

/// A secret that cannot be decrypted must not go unnoticed with the next change.
fn nothing_lost(draft: &ToolServer, cause: &SealingError) -> Result<(), ControlError> {
    let (settings, secrets) = (&draft.stored.settings, &draft.secrets);
    let lost = |field, what: &str| {
        let text = format!("{what} cannot be decrypted ({cause}): give it, or take it away");
        Err(ControlError::conflict(field, text))
    };
    let has_value = |name: &&String| secrets.headers.contains_key(*name);
    if let Some(name) = settings.headers.iter().find(|name| !has_value(name)) {
        return lost("headers", &format!("the value of {name:?}"));
    }
    if draft.stored.credential == ToolCredentialKind::Token && secrets.token.is_none() {
        return lost("token", "the token");
    }
    let oauth = settings.oauth.as_ref();
    if oauth.is_some_and(|oauth| oauth.has_client_secret) && secrets.client_secret.is_none() {
        return lost("oauth.client_secret", "the client's secret");
    }
    if settings.has_proxy && secrets.proxy_url.is_none() {
        return lost("upstream.proxy_url", "the URL of the proxy");
    }
    Ok(())
}

fn checked(mut draft: ToolServer) -> Drafted {
    validate::tool_server(&draft)?;
    // What was sealed before is sealed anew.
    draft.stored.sealed = None;
    Ok(draft)
}
