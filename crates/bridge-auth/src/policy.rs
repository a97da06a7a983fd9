//! Which headers have a meaning here, by name, and the one way through.

use http::{HeaderMap, HeaderName};

use crate::hygiene::{self, Stains};
use crate::{Presented, Scrubbed};

/// How actor headers begin when nothing else is said.
const DEFAULT_ACTOR_PREFIX: &str = "X-AI-Bridge-Actor-";

/// How headers are named, before it has been checked. Names and prefixes are compared without
/// regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderPolicyConfig {
    /// Holds the organisation's credential of a caller who brings their own for the provider.
    /// Default: `X-Coder-AI-Governance-Token`, which existing tools are set up with.
    pub own_key_token: String,
    /// Holds the id under which a proxy in front logs the request.
    /// Default: `X-Coder-AI-Governance-Request-Id`.
    pub correlation_id: String,
    /// Headers whose names begin so are for the gateway alone and never travel. A whole name is a
    /// prefix too. Default: `X-Coder-`, `X-AI-Governance-`, `Coder-Session-Token`,
    /// `X-AI-Bridge-Server-Timing`.
    pub internal_prefixes: Vec<String>,
    /// Headers whose names begin so tell a provider who is asking; callers cannot send them, with
    /// or without the dash at the end, and neither those that begin as the default does. Default:
    /// `X-AI-Bridge-Actor-`.
    pub actor_prefix: String,
    /// Tells the user's id. Default: [`ActorHeader::Prefixed`], so `X-AI-Bridge-Actor-ID`.
    pub actor_id: ActorHeader,
    /// Tells the login name. Default: [`ActorHeader::Prefixed`], so
    /// `X-AI-Bridge-Actor-Metadata-Username`.
    pub actor_username: ActorHeader,
    /// Tells the e-mail address. Default: [`ActorHeader::Off`], because an address is worth more
    /// to a stranger than a name.
    pub actor_email: ActorHeader,
}

/// In which header an attribute of the user is told to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActorHeader {
    /// In one made of the prefix and `ID`, `Metadata-Username` or `Metadata-Email`.
    Prefixed,
    /// In this one.
    Named(String),
    /// In none.
    Off,
}

/// Why header names do not make a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderPolicyError {
    /// It is no header name (RFC 9110, section 5.1), or no beginning of one.
    #[error("`{text}` is no header name")]
    NotAName {
        /// What was given.
        text: String,
    },
    /// The header has a meaning that must not be taken from it, or a prefix covers one that has.
    #[error("`{name}` is reserved")]
    Reserved {
        /// What was given, in lower case.
        name: String,
    },
    /// Two meanings for one header.
    #[error("`{name}` is used twice")]
    UsedTwice {
        /// The name, in lower case.
        name: String,
    },
}

/// What a request claims about itself, and its headers without what must not go on.
#[derive(Debug)]
pub struct Admitted {
    /// What the request claims about itself.
    pub presented: Presented,
    /// The headers that may go on.
    pub scrubbed: Scrubbed,
}

/// Which headers may enter, leave, or never travel. One policy serves all requests; it is read
/// only.
#[derive(Debug, Clone)]
pub struct HeaderPolicy {
    own_key_token: HeaderName,
    correlation_id: HeaderName,
    /// Lower-case beginnings of names that never pass.
    prefixes: Vec<String>,
    actor: ActorHeaders,
}

/// The headers that tell a provider who is asking.
#[derive(Debug, Clone)]
pub(crate) struct ActorHeaders {
    pub(crate) id: Option<HeaderName>,
    pub(crate) username: Option<HeaderName>,
    pub(crate) email: Option<HeaderName>,
}

impl Default for HeaderPolicyConfig {
    fn default() -> Self {
        Self {
            own_key_token: "X-Coder-AI-Governance-Token".to_owned(),
            correlation_id: "X-Coder-AI-Governance-Request-Id".to_owned(),
            internal_prefixes: [
                "X-Coder-",
                "X-AI-Governance-",
                "Coder-Session-Token",
                "X-AI-Bridge-Server-Timing",
            ]
            .map(str::to_owned)
            .to_vec(),
            actor_prefix: DEFAULT_ACTOR_PREFIX.to_owned(),
            actor_id: ActorHeader::Prefixed,
            actor_username: ActorHeader::Prefixed,
            actor_email: ActorHeader::Off,
        }
    }
}

impl Default for HeaderPolicy {
    /// The policy of the default names.
    fn default() -> Self {
        Self::try_new(&HeaderPolicyConfig::default()).expect("the default names make a policy")
    }
}

impl HeaderPolicy {
    /// Checks the names and makes a policy of them.
    ///
    /// # Errors
    /// When a name is none, is used twice, or belongs to a header that the gateway, the transport
    /// or providers need for something else.
    pub fn try_new(config: &HeaderPolicyConfig) -> Result<Self, HeaderPolicyError> {
        let mut prefixes = Vec::with_capacity(config.internal_prefixes.len() + 1);
        for text in &config.internal_prefixes {
            prefixes.push(prefix(text)?);
        }
        let policy = Self {
            own_key_token: unreserved(&config.own_key_token)?,
            correlation_id: unreserved(&config.correlation_id)?,
            actor: ActorHeaders::try_new(config, &prefixes)?,
            prefixes: {
                prefixes.push(prefix(config.actor_prefix.trim_end_matches('-'))?);
                // Who reads them elsewhere must not be told a lie because they are named otherwise
                // here.
                prefixes.push(prefix(DEFAULT_ACTOR_PREFIX.trim_end_matches('-'))?);
                // Mostly they are the same, and every header is compared with each.
                prefixes.dedup();
                prefixes
            },
        };
        policy.distinct()?;
        Ok(policy)
    }

    /// Reads what a request claims about itself, for those who do not send it on.
    #[must_use]
    pub fn present(&self, headers: &HeaderMap) -> Presented {
        Presented::read(headers, self)
    }

    /// Reads what a request claims about itself and takes out what must not reach a provider:
    ///
    /// - the organisation's credential, wherever it stands: the own-key header, also a blank one;
    ///   `Authorization` and `X-Api-Key` unless the caller is in own-key mode; every header, in
    ///   either mode, that holds the credential found, or in central mode the one in `X-Api-Key`;
    /// - what belongs to the connection (RFC 9110, section 7.6.1): hop-by-hop headers and those
    ///   that `Connection` names, `Host`, `Content-Length`, `Expect`;
    /// - what tells of the caller's network: cookies, `Forwarded`, `Via`, `X-Forwarded-*` and
    ///   their kin, `Proxy-*`;
    /// - internal headers, actor headers, and the provider's workspace, which decides whom an
    ///   operator's key bills.
    ///
    /// Everything else passes as it was sent, `Accept-Encoding` included. Credentials that pass
    /// are marked sensitive. Headers may change places.
    ///
    /// The bytes that held the credential belong to the HTTP library, which does not wipe them.
    #[must_use]
    pub fn admit(&self, mut headers: HeaderMap) -> Admitted {
        let presented = self.present(&headers);
        let stains = Stains::of(&presented, &headers);
        hygiene::scrub(&mut headers, self, presented.key_mode(), &stains);
        Admitted {
            presented,
            scrubbed: Scrubbed::new(headers),
        }
    }

    pub(crate) fn own_key_token(&self) -> &HeaderName {
        &self.own_key_token
    }

    pub(crate) fn correlation_id(&self) -> &HeaderName {
        &self.correlation_id
    }

    pub(crate) fn actor_headers(&self) -> &ActorHeaders {
        &self.actor
    }

    /// Whether a header is for this gateway, or from it, and so never passes.
    pub(crate) fn is_own(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        self.prefixes.iter().any(|prefix| text.starts_with(prefix))
            || *name == self.own_key_token
            || *name == self.correlation_id
            || self.actor.names().any(|actor| name == actor)
    }

    fn distinct(&self) -> Result<(), HeaderPolicyError> {
        let mut seen = vec![&self.own_key_token];
        for name in [&self.correlation_id].into_iter().chain(self.actor.names()) {
            if seen.contains(&name) {
                let name = name.to_string();
                return Err(HeaderPolicyError::UsedTwice { name });
            }
            seen.push(name);
        }
        Ok(())
    }
}

impl ActorHeaders {
    fn try_new(
        config: &HeaderPolicyConfig,
        internal_prefixes: &[String],
    ) -> Result<Self, HeaderPolicyError> {
        let one = |header: &ActorHeader, end: &str| {
            let name = match header {
                ActorHeader::Off => return Ok(None),
                ActorHeader::Named(name) => unreserved(name)?,
                ActorHeader::Prefixed => unreserved(&format!("{}{end}", config.actor_prefix))?,
            };
            let text = name.as_str();
            if internal_prefixes
                .iter()
                .any(|prefix| text.starts_with(prefix))
            {
                let name = text.to_owned();
                return Err(HeaderPolicyError::Reserved { name });
            }
            Ok(Some(name))
        };
        Ok(Self {
            id: one(&config.actor_id, "ID")?,
            username: one(&config.actor_username, "Metadata-Username")?,
            email: one(&config.actor_email, "Metadata-Email")?,
        })
    }

    fn names(&self) -> impl Iterator<Item = &HeaderName> {
        [&self.id, &self.username, &self.email]
            .into_iter()
            .flatten()
    }
}

fn name(text: &str) -> Result<HeaderName, HeaderPolicyError> {
    HeaderName::try_from(text).map_err(|_| HeaderPolicyError::NotAName {
        text: text.to_owned(),
    })
}

fn unreserved(text: &str) -> Result<HeaderName, HeaderPolicyError> {
    let name = name(text)?;
    if hygiene::is_reserved(&name) {
        let name = name.to_string();
        return Err(HeaderPolicyError::Reserved { name });
    }
    Ok(name)
}

/// A lower-case prefix that covers no header which providers need.
fn prefix(text: &str) -> Result<String, HeaderPolicyError> {
    let name = name(text)?.to_string();
    if hygiene::NEEDED
        .iter()
        .any(|needed| needed.starts_with(&name) || name.starts_with(needed))
    {
        return Err(HeaderPolicyError::Reserved { name });
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
