//! A tool server as gateways are told of it.

use bridge_proto::v1::tool_credential::Kind;
use bridge_proto::v1::{self, ToolCredential, ToolServer, ToolServerHeader};

use crate::service::configure::manners;
use crate::tool_server::{Opened, whole_upstream};

/// Secrets travel in it.
pub(super) fn message(opened: Opened, credential: Kind) -> ToolServer {
    let secrets = opened.secrets.unwrap_or_default();
    let stored = opened.stored;
    let upstream = whole_upstream(&stored.settings, &secrets);
    let headers = secrets.headers.into_iter();
    ToolServer {
        id: stored.id.to_string(),
        name: stored.name,
        url: stored.url,
        allow: stored.settings.allow,
        deny: stored.settings.deny,
        headers: headers
            .map(|(name, value)| ToolServerHeader {
                name,
                value: value.expose().to_owned(),
            })
            .collect(),
        manners: upstream.map(|upstream| manners(true, upstream)),
        credential: Some(ToolCredential {
            kind: Some(credential),
        }),
    }
}

/// What is wrong with a server, for this user.
pub(super) fn problem(kind: v1::ToolServerProblemKind, message: String) -> Kind {
    Kind::Problem(v1::ToolServerProblem {
        kind: kind.into(),
        message,
    })
}
