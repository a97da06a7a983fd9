//! A tool server as operators see it: without its secrets.

use bridge_auth::{Secret, SecretHint};

use super::{Opened, Secrets, whole_upstream};
use crate::api::{OAuthView, SecretText, ToolHeaderView, ToolServerView, UpstreamView};
use crate::store::{OAuth, ToolServerSettings};

/// Secrets that cannot be decrypted are as if they were not there, and the view says why.
pub(crate) fn view(opened: &Opened) -> ToolServerView {
    let none = Secrets::default();
    let secrets = opened.secrets.as_ref().unwrap_or(&none);
    let stored = &opened.stored;
    let settings = &stored.settings;
    let header = |name: &String| ToolHeaderView {
        name: name.clone(),
        masked: secrets.headers.get(name).map(masked),
    };
    let oauth = settings.oauth.as_ref();
    ToolServerView {
        id: stored.id,
        name: stored.name.clone(),
        url: stored.url.clone(),
        enabled: stored.enabled,
        allow: settings.allow.clone(),
        deny: settings.deny.clone(),
        headers: settings.headers.iter().map(header).collect(),
        credential: stored.credential,
        token_masked: secrets.token.as_ref().map(masked),
        oauth: oauth.map(|oauth| oauth_view(oauth, secrets)),
        upstream: upstream_view(settings, secrets),
        problem: opened.secrets.as_ref().err().map(ToString::to_string),
        created_at: stored.created_at,
        updated_at: stored.updated_at,
    }
}

fn oauth_view(oauth: &OAuth, secrets: &Secrets) -> OAuthView {
    OAuthView {
        token_url: oauth.token_url.clone(),
        client_id: oauth.client_id.clone(),
        client_secret_masked: secrets.client_secret.as_ref().map(masked),
        client_auth: oauth.client_auth,
        scopes: oauth.scopes.clone(),
    }
}

fn upstream_view(settings: &ToolServerSettings, secrets: &Secrets) -> Option<UpstreamView> {
    let whole = whole_upstream(settings, secrets).unwrap_or_default();
    let mut view = UpstreamView::from(&whole);
    if settings.has_proxy && whole.proxy_url.is_none() {
        view.proxy = Some("unreadable".to_owned());
    }
    Some(view).filter(|view| *view != UpstreamView::default())
}

/// First and last characters.
pub(crate) fn masked(text: &SecretText) -> String {
    SecretHint::of(&Secret::from(text.clone())).to_string()
}
