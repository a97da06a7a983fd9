//! Where a control plane is.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;

use crate::Dialer;

/// Where a control plane is. The code above the connector is the same for all.
#[derive(Debug, Clone)]
pub enum ControlTarget {
    /// Across a network.
    Remote(Address),
    /// In this process, behind a pipe from [`memory_pipe`](crate::memory_pipe).
    Memory(Dialer),
}

/// The address of a control plane: `http://host:port` for plain TCP, `https://host:port` for TLS.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    uri: Uri,
    host: String,
    port: u16,
}

/// Text that is no address of a control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddressError {
    /// Not an absolute URI.
    #[error("not a URL")]
    Url,
    /// A scheme other than the two.
    #[error("neither http nor https")]
    Scheme,
    /// A user name or password stands in it: credentials have a setting of their own.
    #[error("a user name or password has no place in it")]
    UserInfo,
    /// There is more after host and port.
    #[error("a path or query has no place in it")]
    Path,
}

impl Address {
    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }

    /// Name or number of the host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 80 or 443 when none was written.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) const fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Nothing but a password needs this sign here, also where one with a slash makes the rest
        // look like a path: who reads another complaint might repeat the text.
        if text.contains('@') {
            return Err(ParseAddressError::UserInfo);
        }
        let uri: Uri = text.parse().map_err(|_| ParseAddressError::Url)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(ParseAddressError::Url);
        };
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(ParseAddressError::Scheme),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(ParseAddressError::Path);
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        // `host:` and `host:99999` parse as an authority without a port.
        let has_port = authority.as_str() != authority.host();
        let port = match (authority.port_u16(), has_port) {
            (Some(port), _) => port,
            (None, false) => default_port,
            (None, true) => return Err(ParseAddressError::Url),
        };
        if host.is_empty() {
            return Err(ParseAddressError::Url);
        }
        Ok(Self { uri, host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls() { "https" } else { "http" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl fmt::Display for ControlTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(address) => address.fmt(f),
            Self::Memory(_) => f.write_str("in this process"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, ParseAddressError>) {
        let read = text.parse::<Address>().map(|address| address.to_string());
        assert_eq!(read.as_deref().map_err(|error| *error), expected, "{text}");
    }

    #[test]
    fn addresses_are_read() {
        check("http://127.0.0.1:4100", Ok("http://127.0.0.1:4100"));
        check("http://[::1]:4100/", Ok("http://[::1]:4100"));
        check("https://control.example", Ok("https://control.example:443"));
        check("http://control.example", Ok("http://control.example:80"));
        check("control.example:4100", Err(ParseAddressError::Url));
        check("/control", Err(ParseAddressError::Url));
        check("", Err(ParseAddressError::Url));
        check("http://host:99999", Err(ParseAddressError::Url));
        check("ftp://host:1", Err(ParseAddressError::Scheme));
        check("http://me:word@host:1", Err(ParseAddressError::UserInfo));
        check("http://me:wo/rd@host:1", Err(ParseAddressError::UserInfo));
        check("http://me:wo rd@host:1", Err(ParseAddressError::UserInfo));
        check("http://host:1/api", Err(ParseAddressError::Path));
        check("http://host:1/?a=b", Err(ParseAddressError::Path));
    }
}
