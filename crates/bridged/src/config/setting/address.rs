//! Settings that are addresses: of providers, of a control plane, of sockets.

use std::net::SocketAddr;

use bridge_rpc::{Address, ParseAddressError};
use http::Uri;
use toml::Value;

use super::{Setting, parsed, shorten, text};

/// A provider's base address: absolute, http or https, without query, fragment or user information.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// As [`Setting::read`].
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let refused = |why: &str| Err(format!("{why}: give one like https://api.example.com/v1"));
        // An address with a password in it must not be shown.
        if text.contains('@') {
            return refused("a user name or password in the address is not accepted");
        }
        let shown = shorten(text);
        let Ok(uri) = text.parse::<Uri>() else {
            return refused(&format!("{shown} is not an absolute URL"));
        };
        if uri.scheme().is_none() || uri.host().is_none_or(str::is_empty) {
            return refused(&format!("{shown} is not an absolute URL"));
        }
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return refused(&format!("{shown} is neither http nor https"));
        }
        if text.contains(['?', '#']) {
            return refused(&format!("{shown} has a query or fragment"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The address as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port that a request goes to.
    pub(crate) fn host_and_port(&self) -> Option<(String, u16)> {
        let uri: Uri = self.0.parse().ok()?;
        let usual = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        Some((uri.host()?.to_owned(), uri.port_u16().unwrap_or(usual)))
    }
}

impl Setting for BaseUrl {
    fn read(value: &Value) -> Result<Self, String> {
        Self::parse(text(value, "an absolute URL")?)
    }
}

impl Setting for Address {
    fn read(value: &Value) -> Result<Self, String> {
        let example = "give one like https://control.example:4182";
        let text = text(value, "an address of a control plane")?;
        text.parse().map_err(|problem| match problem {
            // An address with a password in it must not be shown.
            ParseAddressError::UserInfo => {
                "a user name or password has no place in it: the gateway key is set by \
                 control.gateway_key_file"
                    .to_owned()
            }
            ParseAddressError::Url | ParseAddressError::Scheme | ParseAddressError::Path => {
                format!("{} cannot be used, {problem}: {example}", shorten(text))
            }
        })
    }
}

impl Setting for SocketAddr {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "an address: give one like 127.0.0.1:4180";
        parsed(value, wanted, |text| text.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn base_addresses_are_absolute_and_bare() {
        check::<BaseUrl>("https://api.example.com", None);
        check::<BaseUrl>("http://127.0.0.1:8080/v1/", None);
        check::<BaseUrl>("api.example.com", Some("not an absolute URL"));
        check::<BaseUrl>("/v1", Some("not an absolute URL"));
        check::<BaseUrl>("ftp://example.com", Some("neither http nor https"));
        check::<BaseUrl>("https://h/v1?a=b", Some("query or fragment"));
        check::<BaseUrl>("https://h/#a", Some("query or fragment"));
        check::<BaseUrl>("https://me:hidden-word@h", Some("user name or password"));
        let told = BaseUrl::parse("https://me:hidden-word@h").unwrap_err();
        assert!(!told.contains("hidden-word"), "{told}");
    }
}
