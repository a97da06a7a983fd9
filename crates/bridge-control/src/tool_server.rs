//! A tool server with its secrets, as it is between the store and those who need it.

mod draft;
mod secrets;
mod view;

pub(crate) use draft::{made, patched};
pub(crate) use secrets::{Secrets, TokenSecrets};
pub(crate) use view::{masked, view};

use crate::sealing::SealingError;
use crate::store::{StoredToolServer, ToolServerSettings, Upstream};

/// A tool server and what is secret of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolServer {
    /// What was sealed in it does not matter.
    pub(crate) stored: StoredToolServer,
    pub(crate) secrets: Secrets,
}

/// The same, as the store has it.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) stored: StoredToolServer,
    /// Or why they cannot be decrypted.
    pub(crate) secrets: Result<Secrets, SealingError>,
}

/// How a server is connected to, with the URL of its proxy, which is kept among the secrets.
pub(crate) fn whole_upstream(settings: &ToolServerSettings, secrets: &Secrets) -> Option<Upstream> {
    let proxy_url = secrets.proxy_url.clone();
    (settings.upstream.is_some() || proxy_url.is_some()).then(|| Upstream {
        proxy_url,
        ..settings.upstream.clone().unwrap_or_default()
    })
}
