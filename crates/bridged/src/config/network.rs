//! The network between the gateway and providers: proxies, and where requests may go.

use bridge_upstream::{Network, ProxyAddress, ProxyRules};
use toml::Value;

use super::env::Environment;
use super::problem::Findings;
use super::sections::Upstream;
use super::setting::Setting;

/// Whose word on proxies counts where a provider has none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyHabit {
    /// That of the environment.
    Environment,
    /// Nobody's: there is no proxy.
    Direct,
}

/// Ranges of addresses. A text is a list with commas, so that a variable can hold several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Networks(pub(crate) Vec<Network>);

impl Setting for ProxyHabit {
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_str() {
            Some("environment") => Ok(Self::Environment),
            Some("direct") => Ok(Self::Direct),
            // What else it says may be an address with a password.
            Some(_) | None => Err(
                "is neither environment nor direct: name a proxy in the variable HTTPS_PROXY, or \
                 in a provider's proxy_url"
                    .to_owned(),
            ),
        }
    }
}

impl Setting for Networks {
    fn read(value: &Value) -> Result<Self, String> {
        let texts: Vec<&str> = match value {
            Value::String(text) => text.split(',').map(str::trim).collect(),
            Value::Array(values) => values
                .iter()
                .map(|one| one.as_str().unwrap_or(""))
                .collect(),
            Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Table(_) => vec![""],
        };
        let read = texts.into_iter().map(|text| {
            let network = text.parse::<Network>();
            network.map_err(|cause| format!("{text:?} is {cause}"))
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self(Vec::new()))
    }
}

/// What the environment says of proxies, if it is to be followed. The names of the variables are
/// those that curl and most programs read.
pub(super) fn proxies(
    upstream: &Upstream,
    environment: &Environment,
    findings: &mut Findings,
) -> Option<ProxyRules> {
    match upstream.proxy {
        ProxyHabit::Direct => return Some(ProxyRules::default()),
        ProxyHabit::Environment => {}
    }
    let all = proxy(environment, ["ALL_PROXY", "all_proxy"], findings);
    let https = proxy(environment, ["HTTPS_PROXY", "https_proxy"], findings);
    let http = proxy(environment, ["HTTP_PROXY", "http_proxy"], findings);
    let (_, bypass) = first(environment, ["NO_PROXY", "no_proxy"]).unwrap_or_default();
    let all = all?;
    Some(ProxyRules {
        https: https?.or_else(|| all.clone()),
        http: http?.or(all),
        bypass: bypass.to_owned(),
    })
}

/// Nothing when there is a problem, and nothing within when no proxy is named. One that cannot be
/// used is a problem: to go without it might go where the operator does not want it to.
fn proxy(
    environment: &Environment,
    names: [&'static str; 2],
    findings: &mut Findings,
) -> Option<Option<ProxyAddress>> {
    let Some((name, text)) = first(environment, names) else {
        return Some(None);
    };
    let read = ProxyAddress::parse(text);
    let advice = "correct it, or set upstream.proxy to \"direct\" to go without";
    read.map(Some)
        .map_err(|cause| findings.problem(name, format!("is {cause}; {advice}")))
        .ok()
}

/// The first of these variables that says something. What is not UTF-8 is no address: it is read as
/// an empty one, which is a problem.
fn first<'e>(
    environment: &'e Environment,
    names: [&'static str; 2],
) -> Option<(&'static str, &'e str)> {
    names.into_iter().find_map(|name| {
        let text = environment.text(name).unwrap_or(Some(""));
        text.map(|text| (name, text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn load(pairs: &[(&str, &str)]) -> Result<ProxyRules, String> {
        let usual = [("BRIDGED_DATA_FOLDER", "/d")];
        let environment = Environment::from_pairs(usual.iter().chain(pairs).copied());
        let loaded = Config::load(None, &environment);
        loaded
            .map(|loaded| loaded.config.proxies)
            .map_err(|error| error.to_string())
    }

    fn check(pairs: &[(&str, &str)], https: Option<&str>, http: Option<&str>) {
        let rules = load(pairs).unwrap();
        let authority = |proxy: Option<ProxyAddress>| proxy.map(|proxy| proxy.authority());
        let found = (authority(rules.https), authority(rules.http));
        assert_eq!(
            (found.0.as_deref(), found.1.as_deref()),
            (https, http),
            "{pairs:?}"
        );
    }

    #[test]
    fn proxies_are_those_of_the_environment() {
        check(&[], None, None);
        check(&[("HTTPS_PROXY", "http://one:1")], Some("one:1"), None);
        check(&[("https_proxy", "one:1")], Some("one:1"), None);
        check(
            &[("http_proxy", "one:1"), ("HTTP_PROXY", "two:2")],
            None,
            Some("two:2"),
        );
        check(&[("ALL_PROXY", "one:1")], Some("one:1"), Some("one:1"));
        let both = [("ALL_PROXY", "one:1"), ("HTTPS_PROXY", "two:2")];
        check(&both, Some("two:2"), Some("one:1"));
        let direct = ("BRIDGED_UPSTREAM_PROXY", "direct");
        check(&[direct, ("HTTPS_PROXY", "socks5://one:1")], None, None);
        let rules = load(&[("NO_PROXY", "a.example,10.0.0.0/8")]).unwrap();
        assert_eq!(rules.bypass, "a.example,10.0.0.0/8");
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_a_problem_and_its_password_is_not_shown() {
        let told = load(&[("HTTPS_PROXY", "socks5://me:hidden@one:1")]).unwrap_err();
        for part in ["HTTPS_PROXY", "\"socks5\"", "upstream.proxy"] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(!told.contains("hidden"), "{told}");
        let told = load(&[("BRIDGED_UPSTREAM_PROXY", "http://me:hidden@one:1")]).unwrap_err();
        assert!(told.contains("neither environment nor direct"), "{told}");
        assert!(!told.contains("hidden"), "{told}");
    }

    #[test]
    fn networks_are_a_list_or_a_text_with_commas() {
        let read = |value: Value| Networks::read(&value);
        let wanted: Vec<Network> = ["10.0.0.0/8", "fd00::/8"]
            .map(|one| one.parse().unwrap())
            .into();
        let text = Value::String("10.0.0.0/8, fd00::/8".to_owned());
        assert_eq!(read(text).unwrap().0, wanted);
        let list = ["10.0.0.0/8", "fd00::/8"].map(|one| Value::String(one.to_owned()));
        assert_eq!(read(Value::Array(list.into())).unwrap().0, wanted);
        for wrong in [Value::String("10.0.0.0/8,".to_owned()), Value::Integer(10)] {
            let told = read(wrong).unwrap_err();
            assert!(told.contains("\"\" is not a range"), "{told}");
        }
    }
}
