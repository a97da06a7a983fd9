//! How one provider is spoken to, where it differs from the others.

use std::time::Duration;

use crate::{ExtraRoots, Network, ProxyAddress};

/// How one provider is spoken to. The default is what the client does with every provider.
///
/// ```
/// use std::time::Duration;
/// use bridge_upstream::{Endpoint, Manners};
///
/// let manners = Manners { idle: Some(Duration::from_secs(30)), ..Manners::default() };
/// let endpoint = Endpoint::try_new("https://api.example.com").unwrap();
/// let endpoint = endpoint.of_provider("example", manners);
/// assert_eq!(&**endpoint.provider(), "example");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Manners {
    /// How long name, proxy, TCP and TLS may take together. None: as [`Timeouts::connect`].
    ///
    /// [`Timeouts::connect`]: crate::Timeouts::connect
    pub connect: Option<Duration>,
    /// How long the head of an answer may take. None: as [`Timeouts::head`].
    ///
    /// [`Timeouts::head`]: crate::Timeouts::head
    pub first_byte: Option<Duration>,
    /// How long an answer may be silent. None: as [`Timeouts::silence`].
    ///
    /// [`Timeouts::silence`]: crate::Timeouts::silence
    pub idle: Option<Duration>,
    /// How long an exchange may take, from its beginning to the last byte; zero says that there is
    /// no such limit. None: as [`Timeouts::total`].
    ///
    /// [`Timeouts::total`]: crate::Timeouts::total
    pub total: Option<Duration>,
    /// Through which proxy. Default: what the gateway's environment says.
    pub proxy: ProxyChoice,
    /// Certificates to trust besides those that the client trusts. Default none.
    pub extra_roots: Option<ExtraRoots>,
    /// Which version of HTTP. Default: what the provider chooses.
    pub http_version: HttpVersion,
    /// Private networks in which the addresses of the provider's host name may lie, besides those
    /// that the client allows. Default none.
    pub allowed_private: Vec<Network>,
}

/// Through which proxy a provider is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum ProxyChoice {
    /// The one that the gateway's environment names for the provider's address, if any.
    #[default]
    Inherit,
    /// None, whatever the environment says.
    Direct,
    /// This one, whatever the environment says.
    Through(ProxyAddress),
}

/// Which version of HTTP a provider is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HttpVersion {
    /// Over TLS the one that the provider chooses of both (ALPN, RFC 7301); in plain text HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; in plain text with prior knowledge (RFC 9113, section 3.3).
    Http2,
}

impl HttpVersion {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Http1, Self::Http2];

    /// The word for settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Http1 => "1.1",
            Self::Http2 => "2",
        }
    }

    /// The version that this word stands for, if any.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == word)
    }
}
