//! The providers, what the operator gave each of them, and what may reach which.

use serde_json::json;

use super::hunt::Hunt;
use super::mishaps::Provider;
use super::operator::Operator;

/// What belongs to which provider: its name, the slot, and the secret.
pub(crate) const SECRETS: [(&str, &str, &str); 13] = [
    (
        "anthropic",
        "first key for anthropic",
        "canary+first/anthropic=k3y0a",
    ),
    (
        "anthropic",
        "second key for anthropic",
        "canary+second/anthropic=k3y0b",
    ),
    ("openai", "key for openai", "canary+only/openai=k3y0c"),
    ("azure", "key for azure", "canary+only/azure=k3y0d"),
    ("proxied", "key behind a proxy", "canary+only/proxied=k3y0f"),
    ("proxy", "the proxy's password", "canary+proxy/passw0rd=g1"),
    (
        "closed",
        "key for a closed door",
        "canary+only/closed=k3y0h",
    ),
    ("unnamed", "key for no name", "canary+only/unnamed=k3y0i"),
    (
        "untrusted",
        "key for no certificate",
        "canary+only/untrusted=k3y0j",
    ),
    (
        "bedrock",
        "the AWS session token",
        "canary+aws/session=t0ken",
    ),
    ("bedrock", "the AWS access key id", "canary-aws-sender-0k"),
    (
        "collector",
        "the collector's header",
        "canary+traces/header=m2",
    ),
    (
        "nobody",
        "the AWS secret access key",
        "canary+aws/secret=k3y0l",
    ),
];

/// The slots of all of these.
pub(crate) const OPERATORS: [&str; 13] = {
    let mut slots = [""; 13];
    let mut at = 0;
    while at < slots.len() {
        slots[at] = SECRETS[at].1;
        at += 1;
    }
    slots
};

/// The secret of a slot.
pub(crate) fn secret(slot: &str) -> &'static str {
    let found = SECRETS.iter().find(|it| it.1 == slot);
    found.unwrap().2
}

/// The providers, by the names under which the gateway knows them.
pub(crate) struct Providers(Vec<(&'static str, Provider)>);

impl Providers {
    pub(crate) fn start() -> Self {
        let names = [
            "anthropic",
            "openai",
            "azure",
            "copilot",
            "bedrock",
            "proxy",
        ];
        Self(names.map(|name| (name, Provider::start())).into())
    }

    fn url(&self, wanted: &str) -> String {
        let found = self.0.iter().find(|(name, _)| *name == wanted);
        format!("http://{}", found.unwrap().1.address)
    }

    /// Those of which a configuration file tells.
    pub(crate) fn settings(&self) -> String {
        let mut text = String::new();
        for name in ["anthropic", "openai", "azure", "copilot"] {
            let keys: Vec<&str> = SECRETS
                .iter()
                .filter(|it| it.0 == name)
                .map(|it| it.2)
                .collect();
            let url = self.url(name);
            text.push_str(&format!(
                "[[providers]]\nname = \"{name}\"\ntype = \"{name}\"\nbase_url = \"{url}\"\n"
            ));
            if !keys.is_empty() {
                text.push_str(&format!("api_keys = {keys:?}\n"));
            }
        }
        text
    }

    /// Makes the others: one with AWS's secrets, one behind a proxy, and three that nobody reaches.
    pub(crate) fn make(&self, operator: Operator) {
        let make = |provider: serde_json::Value| {
            let _made = operator.json("POST", "/api/v1/providers", &provider.to_string());
        };
        make(json!({
            "name": "bedrock", "type": "bedrock", "base_url": self.url("bedrock"),
            "settings": {
                "region": "eu-central-1",
                "access_key_id": secret("the AWS access key id"),
                "secret_access_key": secret("the AWS secret access key"),
                "session_token": secret("the AWS session token"),
                "model": "anthropic.claude-a", "small_fast_model": "anthropic.claude-b",
            },
        }));
        let password = secret("the proxy's password");
        let password = password
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        let proxy = self.url("proxy");
        let proxy = proxy.replace("http://", &format!("http://somebody:{password}@"));
        make(json!({
            "name": "proxied", "type": "openai-compat", "base_url": self.url("openai"),
            "api_keys": [secret("key behind a proxy")], "upstream": {"proxy_url": proxy},
        }));
        for (name, slot, base_url) in [
            (
                "closed",
                "key for a closed door",
                "http://127.0.0.1:1".to_owned(),
            ),
            (
                "unnamed",
                "key for no name",
                "http://nowhere.invalid".to_owned(),
            ),
            (
                "untrusted",
                "key for no certificate",
                self.url("openai").replace("http:", "https:"),
            ),
        ] {
            make(json!({
                "name": name, "type": "openai-compat", "base_url": base_url,
                "api_keys": [secret(slot)],
            }));
        }
    }

    /// Nothing reached a provider but its own secrets, and the caller's where they wanted it.
    pub(crate) fn look(&self, hunt: &mut Hunt) {
        for (name, provider) in &self.0 {
            let its_own = SECRETS.iter().filter(|it| it.0 == *name);
            let mut may: Vec<&str> = its_own.map(|it| it.1).collect();
            may.push("the caller's own key");
            if *name == "proxy" {
                // What passes through it unencrypted it can read.
                may.push("key behind a proxy");
            }
            let heard = provider.heard();
            assert!(!heard.is_empty(), "nobody asked {name}");
            hunt.look(&format!("what {name} heard"), &heard, &may);
        }
    }
}
