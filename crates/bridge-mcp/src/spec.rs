//! Tool servers as an operator describes them, and as they are once that was found to be good.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use bridge_auth::Secret;
use bridge_upstream::{Endpoint, EndpointError, Manners};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Uri};
use parking_lot::Mutex;

use crate::McpError;
use crate::filter::{Filter, FilterError};
use crate::listing::{Listing, Listings};

/// Longest name of a tool server, in bytes. It stands in the name of every tool, of which there are
/// 64.
pub const LONGEST_SERVER_NAME: usize = 32;

/// Headers that the protocol, or HTTP, sets itself.
const TAKEN: [&str; 15] = [
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

/// A tool server as an operator describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSpec {
    /// By what the authority knows it, also when its name changes. It means nothing here.
    pub id: String,
    /// What it is called: 1 to 32 characters of `a-z`, `0-9`, `-` and `_`, the first no `-` or `_`.
    pub name: String,
    /// Where it speaks streamable HTTP: an absolute `https` or `http` URL.
    pub url: String,
    /// Patterns that a tool's own name has to match one of, searched for anywhere in it. None: all
    /// tools.
    pub allow: Vec<String>,
    /// Patterns of which a tool's own name must match none. They win.
    pub deny: Vec<String>,
    /// Headers that go with every request to it. Their values are as secret as any credential.
    pub headers: Vec<(String, Secret)>,
    /// What is presented to it.
    pub credential: Credential,
    /// How it is spoken to, where it differs from other hosts.
    pub manners: Manners,
}

/// What is presented to a tool server, as a bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// The same token for everybody.
    Token(Secret),
    /// The key by which the caller came in.
    CallersKey,
    /// A token of the user's own, which the [`ToolAuthority`](crate::ToolAuthority) knows.
    Users,
}

impl Credential {
    /// The word for settings and logs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token(_) => "token",
            Self::CallersKey => "callers_key",
            Self::Users => "users",
        }
    }
}

/// Why a tool server cannot be used as it is described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Its name is none.
    #[error(
        "{0:?} is no name of a tool server: give 1 to 32 characters of a-z, 0-9, - and _, the first \
         a letter or digit"
    )]
    Name(String),
    /// Its address is none.
    #[error("the address of tool server {server:?} cannot be used")]
    Url {
        /// The server.
        server: String,
        /// Why not.
        source: EndpointError,
    },
    /// A pattern cannot be read.
    #[error("a pattern of tool server {server:?} cannot be used")]
    Pattern {
        /// The server.
        server: String,
        /// Which, and why not.
        source: FilterError,
    },
    /// A header cannot be sent.
    #[error("header {header:?} of tool server {server:?} cannot be used: {why}")]
    Header {
        /// The server.
        server: String,
        /// Its name.
        header: String,
        /// Why not.
        why: &'static str,
    },
}

/// A tool server that can be used. One value serves all identities: its patterns are read once, and
/// what it lists is kept once where it lists the same for many.
pub struct Server {
    spec: ServerSpec,
    endpoint: Endpoint,
    /// Path and query as the operator wrote them: a slash at the end makes a difference to servers.
    target: String,
    filter: Filter,
    headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) listings: Listings,
    is_late: AtomicBool,
}

impl Server {
    /// Checks a description.
    ///
    /// # Errors
    /// When a part of it cannot be used.
    pub fn try_new(spec: ServerSpec) -> Result<Self, SpecError> {
        if !is_name(&spec.name) {
            return Err(SpecError::Name(spec.name));
        }
        let server = || spec.name.clone();
        let endpoint = Endpoint::try_new(&spec.url);
        let endpoint = endpoint.map_err(|source| SpecError::Url {
            server: server(),
            source,
        })?;
        let endpoint = endpoint.of_provider(&spec.name, spec.manners.clone());
        let filter = Filter::try_new(&spec.allow, &spec.deny);
        let filter = filter.map_err(|source| SpecError::Pattern {
            server: server(),
            source,
        })?;
        let headers = spec.headers.iter().map(|(name, value)| {
            header(name, value).map_err(|why| SpecError::Header {
                server: server(),
                header: name.clone(),
                why,
            })
        });
        let headers = headers.collect::<Result<_, _>>()?;
        Ok(Self {
            target: target(&spec.url),
            spec,
            endpoint,
            filter,
            headers,
            listings: Listings::default(),
            is_late: AtomicBool::new(false),
        })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its address, as the operator wrote it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.spec.url
    }

    /// Its address without the query, in which some servers want a key: for what is told.
    #[must_use]
    pub fn shown_url(&self) -> &str {
        self.spec.url.split('?').next().unwrap_or_default()
    }

    /// How the operator described it.
    #[must_use]
    pub fn spec(&self) -> &ServerSpec {
        &self.spec
    }

    /// Where it is spoken to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Path and query of its address.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// Whether somebody waited for it in vain, so that others need not wait as well.
    pub(crate) fn is_late(&self) -> bool {
        self.is_late.load(Ordering::Relaxed)
    }

    pub(crate) fn set_late(&self, is_late: bool) {
        self.is_late.store(is_late, Ordering::Relaxed);
    }

    /// The headers that go with every request.
    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The tools of a listing that the operator lets through, kept once for all who were told the
    /// same.
    ///
    /// # Errors
    /// When there are more of them than this.
    pub(crate) fn admit(
        &self,
        mut listing: Listing,
        most: usize,
    ) -> Result<Arc<Listing>, McpError> {
        listing.tools.retain(|tool| self.filter.passes(&tool.name));
        if listing.tools.len() > most {
            return Err(McpError::TooMany {
                what: "tools",
                limit: most,
            });
        }
        Ok(self.listings.share(listing))
    }
}

/// Shows neither headers nor tokens.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.spec.name)
            .field("url", &self.spec.url)
            .field("credential", &self.spec.credential.as_str())
            .finish_non_exhaustive()
    }
}

/// Tool servers that are in use, so that one description is one [`Server`] however often it is told.
#[derive(Debug, Default)]
pub struct Servers(Mutex<Vec<Weak<Server>>>);

impl Servers {
    /// The server of this description: the one that is in use already, or a new one.
    ///
    /// # Errors
    /// When a part of the description cannot be used.
    pub fn admit(&self, spec: ServerSpec) -> Result<Arc<Server>, SpecError> {
        let mut known = self.0.lock();
        known.retain(|server| server.strong_count() > 0);
        let same = known.iter().filter_map(Weak::upgrade);
        if let Some(server) = same.into_iter().find(|server| server.spec == spec) {
            return Ok(server);
        }
        let server = Arc::new(Server::try_new(spec)?);
        known.push(Arc::downgrade(&server));
        Ok(server)
    }
}

fn target(url: &str) -> String {
    let uri: Option<Uri> = url.parse().ok();
    let target = uri.as_ref().and_then(Uri::path_and_query);
    match target.map_or("/", PathAndQuery::as_str) {
        query if query.starts_with('?') => format!("/{query}"),
        target => target.to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = |byte: u8| plain(&byte) || byte == b'-' || byte == b'_';
    text.len() <= LONGEST_SERVER_NAME
        && text.as_bytes().first().is_some_and(plain)
        && text.bytes().all(good)
}

fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name: HeaderName = name.parse().map_err(|_| "that is no name of a header")?;
    if TAKEN.contains(&name.as_str()) {
        return Err("it belongs to the protocol");
    }
    let value = HeaderValue::from_str(value.expose());
    let mut value = value.map_err(|_| "its value has characters that no header can have")?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests;
