//! How a provider is spoken to, checked.

use std::time::Duration;

use bridge_telemetry::ErrorChain;
use bridge_upstream::{ExtraRoots, HttpVersion, Manners, Network, ProxyAddress, ProxyChoice};

use super::MannersSpec;

/// Longer spans are mistakes, and would overflow deadlines.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Which setting cannot be used, and why.
pub(super) type Problem = (&'static str, String);

/// What the client takes, or the first setting that it cannot take.
pub(super) fn checked(spec: &MannersSpec) -> Result<Manners, Problem> {
    Ok(Manners {
        connect: above_zero("connect_timeout", spec.connect_timeout)?,
        first_byte: above_zero("first_byte_timeout", spec.first_byte_timeout)?,
        idle: above_zero("idle_timeout", spec.idle_timeout)?,
        total: bounded("total_timeout", spec.total_timeout)?,
        proxy: proxy(spec)?,
        extra_roots: extra_roots(spec)?,
        http_version: http_version(spec)?,
        allowed_private: allowed_private(spec)?,
    })
}

impl MannersSpec {
    /// What the client takes, for hosts that are no providers.
    ///
    /// # Errors
    /// With the first setting that cannot be used, and why. No secret is in it.
    pub fn manners(&self) -> Result<Manners, String> {
        checked(self).map_err(|(setting, why)| format!("{setting}: {why}"))
    }
}

fn above_zero(setting: &'static str, span: Option<Duration>) -> Result<Option<Duration>, Problem> {
    match span {
        Some(Duration::ZERO) => Err((setting, "must be more than zero".to_owned())),
        Some(_) | None => bounded(setting, span),
    }
}

fn bounded(setting: &'static str, span: Option<Duration>) -> Result<Option<Duration>, Problem> {
    match span {
        Some(span) if span > LONGEST => Err((setting, "must be at most a year".to_owned())),
        Some(_) | None => Ok(span),
    }
}

fn proxy(spec: &MannersSpec) -> Result<ProxyChoice, Problem> {
    let Some(url) = &spec.proxy_url else {
        return Ok(ProxyChoice::Inherit);
    };
    if url.expose().is_empty() {
        return Ok(ProxyChoice::Direct);
    }
    let proxy = ProxyAddress::parse(url.expose());
    proxy
        .map(ProxyChoice::Through)
        .map_err(|cause| ("proxy_url", cause.to_string()))
}

fn extra_roots(spec: &MannersSpec) -> Result<Option<ExtraRoots>, Problem> {
    let read = spec.ca_pem.as_deref().map(ExtraRoots::from_pem);
    read.transpose()
        .map_err(|cause| ("ca_pem", ErrorChain(&cause).to_string()))
}

fn http_version(spec: &MannersSpec) -> Result<HttpVersion, Problem> {
    let Some(word) = &spec.http_version else {
        return Ok(HttpVersion::default());
    };
    HttpVersion::parse(word).ok_or_else(|| {
        let known = HttpVersion::ALL.map(HttpVersion::as_str).join(", ");
        let text = format!("{word:?} is none of {known}");
        ("http_version", text)
    })
}

fn allowed_private(spec: &MannersSpec) -> Result<Vec<Network>, Problem> {
    let read = spec.allowed_private.iter().map(|text| {
        let network = text.parse::<Network>();
        network.map_err(|cause| ("allowed_private", format!("{text:?} is {cause}")))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use bridge_auth::Secret;

    use super::*;

    #[test]
    fn what_is_absent_is_left_to_the_client() {
        let manners = checked(&MannersSpec::default()).unwrap();
        assert_eq!(manners, Manners::default());
        let direct = MannersSpec {
            proxy_url: Some(Secret::new(String::new())),
            ..MannersSpec::default()
        };
        assert_eq!(checked(&direct).unwrap().proxy, ProxyChoice::Direct);
    }

    #[test]
    fn the_setting_at_fault_is_named_and_no_secret_shown() {
        let check = |spec: MannersSpec, setting: &str, part: &str| {
            let (at, text) = checked(&spec).unwrap_err();
            assert_eq!(at, setting);
            assert!(text.contains(part), "{text}");
            assert!(!text.contains("hidden"), "{text}");
        };
        let usual = MannersSpec::default;
        let zero = Some(Duration::ZERO);
        let spec = MannersSpec {
            connect_timeout: zero,
            ..usual()
        };
        check(spec, "connect_timeout", "more than zero");
        let spec = MannersSpec {
            first_byte_timeout: zero,
            ..usual()
        };
        check(spec, "first_byte_timeout", "more than zero");
        let spec = MannersSpec {
            idle_timeout: zero,
            ..usual()
        };
        check(spec, "idle_timeout", "more than zero");
        let spec = MannersSpec {
            total_timeout: Some(Duration::from_millis(u64::MAX)),
            ..usual()
        };
        check(spec, "total_timeout", "at most a year");
        let spec = MannersSpec {
            idle_timeout: Some(Duration::from_millis(u64::MAX)),
            ..usual()
        };
        check(spec, "idle_timeout", "at most a year");
        let url = Secret::new("socks5://me:hidden@proxy".to_owned());
        let spec = MannersSpec {
            proxy_url: Some(url),
            ..usual()
        };
        check(spec, "proxy_url", "\"socks5\"");
        let spec = MannersSpec {
            ca_pem: Some("none".to_owned()),
            ..usual()
        };
        check(spec, "ca_pem", "no certificate");
        let spec = MannersSpec {
            http_version: Some("3".to_owned()),
            ..usual()
        };
        check(spec, "http_version", "auto, 1.1, 2");
        let ranges = vec!["10.0.0.0/8".to_owned(), "ten".to_owned()];
        let spec = MannersSpec {
            allowed_private: ranges,
            ..usual()
        };
        check(spec, "allowed_private", "\"ten\" is not a range");
    }
}
