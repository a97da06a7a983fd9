//! Which proxy stands before which provider.

use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::ProxyAddress;
use crate::egress::is_localhost;
use crate::{Endpoint, ProxyChoice};

/// What the gateway's environment says of proxies. The default says nothing: every provider is
/// reached without one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyRules {
    /// The proxy for `https` addresses.
    pub https: Option<ProxyAddress>,
    /// The proxy for `http` addresses.
    pub http: Option<ProxyAddress>,
    /// Hosts that are reached without one, as `NO_PROXY` lists them: names, which stand for their
    /// subdomains as well, addresses and ranges of addresses between commas, or `*`.
    pub bypass: String,
}

/// The rules, ready to be asked.
pub(crate) struct Proxies {
    rules: ProxyRules,
    matcher: Matcher,
}

impl Proxies {
    pub(crate) fn new(rules: ProxyRules) -> Self {
        // The library is asked about hosts only: which proxy it is stands in the rules.
        let matcher = Matcher::builder().all("http://proxy");
        Self {
            matcher: matcher.no(rules.bypass.as_str()).build(),
            rules,
        }
    }

    /// The proxy between the gateway and this endpoint, if any.
    ///
    /// This machine is reached without one unless the provider itself has one: a proxy elsewhere
    /// would look for the provider on its own machine.
    pub(crate) fn before<'a>(&'a self, to: &'a Endpoint) -> Option<&'a ProxyAddress> {
        match &to.place().proxy {
            ProxyChoice::Through(proxy) => return Some(proxy),
            ProxyChoice::Direct => return None,
            ProxyChoice::Inherit => {}
        }
        let proxy = if to.tls() {
            self.rules.https.as_ref()
        } else {
            self.rules.http.as_ref()
        };
        proxy.filter(|_| !is_this_machine(to.host()) && self.intercepts(to))
    }

    fn intercepts(&self, to: &Endpoint) -> bool {
        let uri = Uri::builder()
            .scheme("http")
            .authority(to.authority())
            .path_and_query("/")
            .build();
        uri.is_ok_and(|uri| self.matcher.intercept(&uri).is_some())
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    address.map_or_else(|_| is_localhost(host), |address| address.is_loopback())
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.rules, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Manners;

    fn proxy(text: &str) -> ProxyAddress {
        ProxyAddress::parse(text).unwrap()
    }

    fn check(bypass: &str, base_url: &str, choice: ProxyChoice, wanted: Option<&str>) {
        let proxies = Proxies::new(ProxyRules {
            https: Some(proxy("http://secure:1")),
            http: Some(proxy("http://plain:2")),
            bypass: bypass.to_owned(),
        });
        let manners = Manners {
            proxy: choice,
            ..Manners::default()
        };
        let to = Endpoint::try_new(base_url).unwrap();
        let to = to.of_provider("p", manners);
        let found = proxies.before(&to).map(ProxyAddress::authority);
        assert_eq!(found.as_deref(), wanted, "{bypass} {base_url}");
    }

    #[test]
    fn the_environment_names_a_proxy_by_scheme_and_exceptions_by_host() {
        let env = || ProxyChoice::Inherit;
        check("", "https://api.example.com", env(), Some("secure:1"));
        check("", "http://api.example.com:8080/v1", env(), Some("plain:2"));
        for bypass in ["example.com", ".example.com", "x, api.example.com", "*"] {
            check(bypass, "https://api.example.com", env(), None);
        }
        check(
            "ample.com",
            "https://api.example.com",
            env(),
            Some("secure:1"),
        );
        check("10.0.0.0/8", "http://10.1.2.3", env(), None);
        check("10.0.0.0/8", "http://11.1.2.3", env(), Some("plain:2"));
        check("fd00::/8", "http://[fd00::1]:80", env(), None);
    }

    #[test]
    fn this_machine_is_reached_without_a_proxy() {
        let env = || ProxyChoice::Inherit;
        for host in ["127.0.0.1:1", "[::1]", "localhost", "app.localhost:80"] {
            check("", &format!("http://{host}"), env(), None);
        }
        let own = ProxyChoice::Through(proxy("http://own:3"));
        check("", "http://127.0.0.1", own, Some("own:3"));
    }

    #[test]
    fn a_provider_has_the_last_word() {
        let own = || ProxyChoice::Through(proxy("http://own:3"));
        check("", "https://api.example.com", own(), Some("own:3"));
        check("*", "https://api.example.com", own(), Some("own:3"));
        check("", "https://api.example.com", ProxyChoice::Direct, None);
    }
}
