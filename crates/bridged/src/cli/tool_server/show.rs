//! Tool servers, for people and as JSON.

use std::io::Write;

use bridge_control::api::{OAuthView, ToolCredentialKind, ToolServerView};

use super::super::listing::Listing;
use super::super::provider::show::{upstream, yes_or_no};
use super::super::{CommandError, say, say_json, table};

/// All of them.
pub(super) const LISTING: Listing<ToolServerView> = Listing {
    path: "/tool-servers",
    header: &["TOOL SERVER", "ADDRESS", "ENABLED", "CREDENTIAL", "PROBLEM"],
    row,
    nothing: "There are no tool servers: bridged tool-server create NAME --url URL",
};

fn row(server: &ToolServerView) -> Vec<String> {
    vec![
        table::line(&server.name),
        table::line(&server.url),
        yes_or_no(server.enabled).to_owned(),
        credential(server),
        table::or_dash(server.problem.as_deref()),
    ]
}

fn credential(server: &ToolServerView) -> String {
    match (server.credential, &server.token_masked) {
        (ToolCredentialKind::None, _) => "none".to_owned(),
        (ToolCredentialKind::Token, Some(hint)) => format!("token {}", table::line(hint)),
        (ToolCredentialKind::Token, None) => "token".to_owned(),
        (ToolCredentialKind::Caller, _) => "the caller's key".to_owned(),
        (ToolCredentialKind::User, _) => "a token of each user".to_owned(),
    }
}

pub(super) fn show(
    server: &ToolServerView,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    if json {
        return say_json(out, server);
    }
    let some = |list: &[String]| (!list.is_empty()).then(|| table::line(&list.join("  ")));
    let headers: Vec<_> = server
        .headers
        .iter()
        .map(|header| {
            let value = header.masked.as_deref().unwrap_or("unreadable");
            format!("{}: {value}", header.name)
        })
        .collect();
    let mut text = table::facts(&[
        ("tool server", Some(table::line(&server.name))),
        ("id", Some(server.id.to_string())),
        ("address", Some(table::line(&server.url))),
        ("enabled", Some(yes_or_no(server.enabled).to_owned())),
        ("allow", some(&server.allow)),
        ("deny", some(&server.deny)),
        ("headers", some(&headers)),
        ("credential", Some(credential(server))),
        ("made", Some(table::time(server.created_at))),
        ("changed", Some(table::time(server.updated_at))),
        ("problem", server.problem.as_deref().map(table::line)),
    ]);
    if let Some(settings) = &server.oauth {
        text.push_str(&oauth(settings));
    }
    if let Some(settings) = &server.upstream {
        text.push_str(&upstream(settings));
    }
    if server.credential == ToolCredentialKind::User {
        let name = table::line(&server.name);
        let next = format!("Next: bridged tool-server token list --server {name}\n");
        text.push_str(&next);
    }
    say(out, &text)
}

fn oauth(settings: &OAuthView) -> String {
    let scopes = &settings.scopes;
    let secret = settings.client_secret_masked.as_deref();
    table::facts(&[
        ("token endpoint", Some(table::line(&settings.token_url))),
        ("client", Some(table::line(&settings.client_id))),
        ("client secret", secret.map(table::line)),
        (
            "proves itself by",
            secret.map(|_| settings.client_auth.as_str().to_owned()),
        ),
        (
            "scopes",
            (!scopes.is_empty()).then(|| table::line(&scopes.join(" "))),
        ),
    ])
}
