//! Providers that the embedded control plane begins with.

use std::net::SocketAddr;
use std::path::Path;

use bridge_api::is_valid_provider_name;
use bridge_auth::Secret;
use bridge_control::api::ProviderType;
use bridge_telemetry::ErrorChain;
use toml::{Table, Value};

use super::env::{self, Environment};
use super::problem::Findings;
use super::reader::SectionReader;
use super::secret_file;
use super::sections::RawProvider;
use super::setting::{BaseUrl, Setting};

/// How many keys one provider may have.
const MOST_KEYS: usize = 5;

/// A provider, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provider {
    /// The first segment of the paths that lead to it.
    pub(crate) name: String,
    /// What kind it is.
    pub(crate) kind: ProviderType,
    /// Where it is.
    pub(crate) base_url: BaseUrl,
    /// Whether requests may go there.
    pub(crate) enabled: bool,
    /// The operator's keys in the order of preference.
    pub(crate) keys: Vec<Secret>,
}

/// Reads the list of providers, or makes one from the environment when the file has none.
/// `gateway` is where this program listens: a provider may not lead back to it.
pub(crate) fn read(
    file: &Table,
    environment: &Environment,
    gateway: Option<SocketAddr>,
    findings: &mut Findings,
) -> Vec<Provider> {
    let found = match file.get(RawProvider::DESCRIPTION.path) {
        None => from_environment(environment, findings),
        Some(Value::Array(list)) => from_list(list, environment, findings),
        Some(_) => {
            findings.problem("providers", "is not a list: write [[providers]] for each");
            Vec::new()
        }
    };
    let mut providers: Vec<Provider> = Vec::new();
    for (path, provider) in found {
        if providers.iter().any(|other| other.name == provider.name) {
            let text = format!("{:?} is the name of another provider, too", provider.name);
            findings.problem(format!("{path}.name"), text);
        }
        if gateway.is_some_and(|gateway| leads_to(&provider.base_url, gateway)) {
            let text = format!(
                "{:?} is this gateway itself: give the provider's own address",
                provider.base_url.as_str()
            );
            findings.problem(base_url_path(&path), text);
        }
        providers.push(provider);
    }
    providers
}

fn from_list(
    list: &[Value],
    environment: &Environment,
    findings: &mut Findings,
) -> Vec<(String, Provider)> {
    let mut providers = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let path = format!("providers[{index}]");
        let reader = SectionReader::of_value(path.clone(), Some(value), findings);
        let raw = RawProvider::read(reader);
        if raw.is_none()
            && let Some(name) = value.get("name").and_then(Value::as_str)
        {
            // Whatever else is wrong with it, its name is looked at, too.
            check_name(&path, name, findings);
        }
        if let Some(provider) = raw.and_then(|raw| check(&path, raw, environment, findings)) {
            providers.push((path, provider));
        }
    }
    providers
}

/// Anthropic and OpenAI, with the keys and addresses that their SDKs read from the environment.
/// The path of such a provider is the variable of its address.
fn from_environment(environment: &Environment, findings: &mut Findings) -> Vec<(String, Provider)> {
    let known = [
        (
            ProviderType::Anthropic,
            env::ANTHROPIC_API_KEY,
            env::ANTHROPIC_BASE_URL,
        ),
        (
            ProviderType::OpenAi,
            env::OPENAI_API_KEY,
            env::OPENAI_BASE_URL,
        ),
    ];
    let mut providers = Vec::new();
    for (kind, key, address) in known {
        let keys = variable::<Secret>(key, environment, findings);
        let base_url = variable::<BaseUrl>(address, environment, findings);
        let Some(base_url) = base_url.or_else(|| default_base_url(kind)) else {
            continue;
        };
        let provider = Provider {
            name: kind.as_str().to_owned(),
            kind,
            base_url,
            enabled: true,
            keys: keys.into_iter().collect(),
        };
        providers.push((address.to_owned(), provider));
    }
    providers
}

/// Problems of a provider's address stand beside the setting, or beside its variable.
fn base_url_path(path: &str) -> String {
    if path.starts_with("providers[") {
        format!("{path}.base_url")
    } else {
        path.to_owned()
    }
}

fn check(
    path: &str,
    raw: RawProvider,
    environment: &Environment,
    findings: &mut Findings,
) -> Option<Provider> {
    let before = findings.problems.len();
    check_name(path, &raw.name, findings);
    if raw.r#type == ProviderType::Bedrock {
        let text = "\"bedrock\" has settings that do not stand here: make it with `bridged provider \
                    create`";
        findings.problem(format!("{path}.type"), text);
        return None;
    }
    let base_url = raw
        .base_url
        .clone()
        .or_else(|| default_base_url(raw.r#type));
    if base_url.is_none() {
        let text = format!(
            "is missing: providers of type {} need one",
            raw.r#type.as_str()
        );
        findings.problem(format!("{path}.base_url"), text);
    }
    let keys = keys(path, &raw, environment, findings);
    if findings.problems.len() > before {
        return None;
    }
    Some(Provider {
        name: raw.name,
        kind: raw.r#type,
        base_url: base_url?,
        enabled: raw.enabled,
        keys,
    })
}

fn keys(
    path: &str,
    raw: &RawProvider,
    environment: &Environment,
    findings: &mut Findings,
) -> Vec<Secret> {
    let mut keys = Vec::new();
    for name in &raw.api_key_env {
        let place = format!("{path}.api_key_env");
        match environment.text(name) {
            Ok(Some(text)) => keep(&mut keys, place, text, findings),
            Ok(None) => findings.problem(place, format!("the variable {name} is not set")),
            Err(_) => findings.problem(place, format!("the variable {name} is not UTF-8")),
        }
    }
    for file in &raw.api_key_file {
        read_key_file(file, format!("{path}.api_key_file"), &mut keys, findings);
    }
    if !raw.api_keys.is_empty() {
        let text = "a key stands in the open here: name its variable in api_key_env, or its file \
                    in api_key_file";
        findings.warn(format!("{path}.api_keys"), text);
        keys.extend(raw.api_keys.iter().cloned());
    }
    if keys.len() > MOST_KEYS {
        let text = format!("has {} keys: {MOST_KEYS} are the most", keys.len());
        findings.problem(path, text);
    }
    if !keys.is_empty() && !raw.r#type.takes_keys() {
        findings.problem(path, "has keys: callers of this type bring their own");
    }
    keys
}

fn read_key_file(file: &Path, place: String, keys: &mut Vec<Secret>, findings: &mut Findings) {
    match secret_file::read(file) {
        Ok(text) => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            for line in lines {
                keep(keys, place.clone(), line, findings);
            }
        }
        Err(problem) => findings.problem(place, ErrorChain(&problem).to_string()),
    }
}

fn keep(keys: &mut Vec<Secret>, place: String, text: &str, findings: &mut Findings) {
    match Secret::read(&Value::String(text.to_owned())) {
        Ok(key) => keys.push(key),
        Err(problem) => findings.problem(place, format!("a key {problem}")),
    }
}

fn variable<T: Setting>(
    name: &str,
    environment: &Environment,
    findings: &mut Findings,
) -> Option<T> {
    let read = match environment.text(name) {
        Ok(text) => T::read(&Value::String(text?.to_owned())),
        Err(_) => Err("is not UTF-8".to_owned()),
    };
    read.map_err(|problem| findings.problem(name, problem)).ok()
}

/// Where it is, of types that are in one place.
fn default_base_url(kind: ProviderType) -> Option<BaseUrl> {
    BaseUrl::parse(kind.default_base_url()?).ok()
}

fn leads_to(base_url: &BaseUrl, gateway: SocketAddr) -> bool {
    let Some((host, port)) = base_url.host_and_port() else {
        return false;
    };
    let host = host.trim_matches(['[', ']']);
    let is_here = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip == gateway.ip() || ip.is_loopback() || ip.is_unspecified());
    is_here && port == gateway.port() && port != 0
}

fn check_name(path: &str, name: &str, findings: &mut Findings) {
    if !is_valid_provider_name(name) {
        let text = format!(
            "{name:?} is not a name: give lower-case letters and digits with single hyphens between"
        );
        findings.problem(format!("{path}.name"), text);
    }
}
