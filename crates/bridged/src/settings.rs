//! Settings for coding agents and SDKs, ready to paste.
//!
//! The names are those that the programs' own documentation gives: environment variables of Claude
//! Code and Copilot CLI, `~/.codex/config.toml`, `opencode.json`, constructor arguments of the SDKs.

use std::fmt::Write as _;

use bridge_auth::Secret;
use bridge_control::api::{ProviderType, ProviderView};

/// The variable in which Codex and others find the gateway's key.
const KEY_VARIABLE: &str = "BRIDGED_KEY";

/// What the settings are made of.
#[derive(Debug, Clone)]
pub(crate) struct Settings<'s> {
    /// Where the gateway answers, without a slash at the end.
    pub(crate) gateway_url: &'s str,
    /// The user key.
    pub(crate) key: &'s Secret,
    /// Name of a provider that speaks Anthropic's format.
    pub(crate) anthropic: Option<&'s str>,
    /// Name of a provider that speaks OpenAI's formats.
    pub(crate) openai: Option<&'s str>,
    /// Name of a provider that takes callers' own credentials of Anthropic.
    pub(crate) own: Option<&'s str>,
    /// Header for the user key beside a provider credential of one's own.
    pub(crate) token_header: &'s str,
}

/// Which providers settings are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Picked<'p> {
    pub(crate) anthropic: Option<&'p str>,
    pub(crate) openai: Option<&'p str>,
    pub(crate) own: Option<&'p str>,
}

/// The first enabled provider of each format, those that the operator pays for before others.
pub(crate) fn pick(providers: &[ProviderView]) -> Picked<'_> {
    let first = |is_wanted: fn(ProviderType) -> bool| {
        let mut found: Vec<_> = providers
            .iter()
            .filter(|provider| provider.enabled && is_wanted(provider.kind))
            .collect();
        found.sort_by_key(|one| one.keys.is_empty() && one.kind != ProviderType::Bedrock);
        found.first().map(|provider| provider.name.as_str())
    };
    Picked {
        anthropic: first(|kind| offered(kind) == Some(Offer::Anthropic)),
        openai: first(|kind| offered(kind) == Some(Offer::OpenAi)),
        own: first(|kind| kind == ProviderType::Anthropic),
    }
}

/// A family of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    Anthropic,
    OpenAi,
}

/// Which tools can use a provider with nothing but a user key. Copilot's and ChatGPT's callers need
/// more.
fn offered(kind: ProviderType) -> Option<Offer> {
    match kind {
        ProviderType::Anthropic | ProviderType::Bedrock => Some(Offer::Anthropic),
        ProviderType::Copilot | ProviderType::ChatGpt => None,
        ProviderType::OpenAi
        | ProviderType::Azure
        | ProviderType::Google
        | ProviderType::OpenRouter
        | ProviderType::Vercel
        | ProviderType::OpenAiCompat => Some(Offer::OpenAi),
    }
}

/// The settings as text. It holds the key in the open: print it where the key may be shown.
pub(crate) fn text(settings: &Settings<'_>) -> String {
    let mut out = String::new();
    let mut part = |title: &str, body: &str| {
        let _infallible = write!(out, "# {title}\n{}\n\n", body.trim());
    };
    if let Some(name) = settings.anthropic {
        part("Claude Code (shell)", &claude_code(settings, name));
    }
    if let Some(name) = settings.openai {
        part(
            "Codex CLI (shell, and ~/.codex/config.toml)",
            &codex(settings, name),
        );
    }
    if settings.anthropic.is_some() || settings.openai.is_some() {
        part("OpenCode (opencode.json)", &opencode(settings));
    }
    if let Some((kind, url)) = copilot_base(settings) {
        part("GitHub Copilot CLI (shell)", &copilot(settings, kind, &url));
    }
    if let Some(name) = settings.anthropic {
        part("Anthropic SDK (Python)", &anthropic_sdk(settings, name));
    }
    if let Some(name) = settings.openai {
        part("OpenAI SDK (Python)", &openai_sdk(settings, name));
    }
    if let Some(name) = settings.own {
        let title = "With an Anthropic credential of your own (Claude Code, shell)";
        part(title, &own_credential(settings, name));
    }
    out
}

fn anthropic_url(settings: &Settings<'_>, name: &str) -> String {
    format!("{}/{name}", settings.gateway_url)
}

fn openai_url(settings: &Settings<'_>, name: &str) -> String {
    format!("{}/{name}/v1", settings.gateway_url)
}

fn claude_code(settings: &Settings<'_>, name: &str) -> String {
    format!(
        "export ANTHROPIC_BASE_URL={}\nexport ANTHROPIC_AUTH_TOKEN={}\nunset ANTHROPIC_API_KEY\n\
         claude",
        anthropic_url(settings, name),
        settings.key.expose()
    )
}

fn codex(settings: &Settings<'_>, name: &str) -> String {
    format!(
        "export {KEY_VARIABLE}={}\n\n\
         model_provider = \"bridged\"\n\n\
         [model_providers.bridged]\n\
         name = \"bridged\"\n\
         base_url = \"{}\"\n\
         wire_api = \"responses\"\n\
         env_key = \"{KEY_VARIABLE}\"",
        settings.key.expose(),
        openai_url(settings, name)
    )
}

fn opencode(settings: &Settings<'_>) -> String {
    let key = settings.key.expose();
    let mut providers = serde_json::Map::new();
    let mut add = |id: &str, url: String| {
        let options = serde_json::json!({ "options": { "baseURL": url, "apiKey": key } });
        providers.insert(id.to_owned(), options);
    };
    if let Some(name) = settings.anthropic {
        // This client does not append the version itself.
        add("anthropic", format!("{}/v1", anthropic_url(settings, name)));
    }
    if let Some(name) = settings.openai {
        add("openai", openai_url(settings, name));
    }
    let file = serde_json::json!({
        "$schema": "https://opencode.ai/config.json",
        "provider": providers,
    });
    format!("{file:#}")
}

fn copilot_base(settings: &Settings<'_>) -> Option<(&'static str, String)> {
    let anthropic = settings
        .anthropic
        .map(|name| ("anthropic", anthropic_url(settings, name)));
    anthropic.or_else(|| Some(("openai", openai_url(settings, settings.openai?))))
}

fn copilot(settings: &Settings<'_>, kind: &str, url: &str) -> String {
    format!(
        "export COPILOT_OFFLINE=true\nexport COPILOT_PROVIDER_TYPE={kind}\n\
         export COPILOT_PROVIDER_BASE_URL={url}\nexport COPILOT_PROVIDER_API_KEY={}\n\
         export COPILOT_MODEL=MODEL\ncopilot",
        settings.key.expose()
    )
}

fn anthropic_sdk(settings: &Settings<'_>, name: &str) -> String {
    format!(
        "client = anthropic.Anthropic(base_url=\"{}\", api_key=\"{}\")",
        anthropic_url(settings, name),
        settings.key.expose()
    )
}

fn openai_sdk(settings: &Settings<'_>, name: &str) -> String {
    format!(
        "client = openai.OpenAI(base_url=\"{}\", api_key=\"{}\")",
        openai_url(settings, name),
        settings.key.expose()
    )
}

fn own_credential(settings: &Settings<'_>, name: &str) -> String {
    format!(
        "export ANTHROPIC_BASE_URL={}\nexport ANTHROPIC_CUSTOM_HEADERS=\"{}: {}\"\n\
         unset ANTHROPIC_AUTH_TOKEN\nexport ANTHROPIC_API_KEY=YOUR_OWN_KEY\nclaude",
        anthropic_url(settings, name),
        settings.token_header,
        settings.key.expose()
    )
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn settings(anthropic: Option<&'static str>, openai: Option<&'static str>) -> String {
        text(&Settings {
            gateway_url: "http://127.0.0.1:4180",
            key: &Secret::new("gateway-key".to_owned()),
            anthropic,
            openai,
            own: anthropic,
            token_header: "X-Own",
        })
    }

    #[test]
    fn each_client_gets_what_it_reads() {
        let text = settings(Some("anthropic"), Some("office"));
        for part in [
            "export ANTHROPIC_BASE_URL=http://127.0.0.1:4180/anthropic\n",
            "export ANTHROPIC_AUTH_TOKEN=gateway-key\n",
            "unset ANTHROPIC_API_KEY\n",
            "base_url = \"http://127.0.0.1:4180/office/v1\"\nwire_api = \"responses\"",
            "env_key = \"BRIDGED_KEY\"",
            "\"baseURL\": \"http://127.0.0.1:4180/anthropic/v1\"",
            "\"baseURL\": \"http://127.0.0.1:4180/office/v1\"",
            "export COPILOT_PROVIDER_TYPE=anthropic\n",
            "export COPILOT_PROVIDER_BASE_URL=http://127.0.0.1:4180/anthropic\n",
            "anthropic.Anthropic(base_url=\"http://127.0.0.1:4180/anthropic\", api_key=\"gateway-key\")",
            "openai.OpenAI(base_url=\"http://127.0.0.1:4180/office/v1\", api_key=\"gateway-key\")",
            "export ANTHROPIC_CUSTOM_HEADERS=\"X-Own: gateway-key\"\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn clients_without_a_provider_are_left_out() {
        let text = settings(None, Some("openai"));
        assert!(
            !text.contains("Claude Code") && !text.contains("anthropic"),
            "{text}"
        );
        assert!(text.contains("COPILOT_PROVIDER_TYPE=openai"), "{text}");
        let text = settings(Some("anthropic"), None);
        assert!(
            !text.contains("Codex") && !text.contains("OpenAI"),
            "{text}"
        );
        assert_eq!(settings(None, None), "");
    }

    fn provider(name: &str, kind: ProviderType, enabled: bool, has_key: bool) -> ProviderView {
        let key = bridge_control::api::ProviderKeyView {
            id: Uuid::nil(),
            hint: "a...b".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
        };
        ProviderView {
            id: Uuid::nil(),
            display_name: String::new(),
            icon: String::new(),
            settings: None,
            upstream: None,
            name: name.to_owned(),
            kind,
            base_url: "https://h".to_owned(),
            enabled,
            keys: has_key.then_some(key).into_iter().collect(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn providers_with_keys_are_offered_first() {
        let providers = [
            provider("off", ProviderType::Anthropic, false, true),
            provider("bare", ProviderType::Anthropic, true, false),
            provider("good", ProviderType::Anthropic, true, true),
            provider("pilot", ProviderType::Copilot, true, false),
            provider("subscribers", ProviderType::ChatGpt, true, false),
            provider("compat", ProviderType::OpenAiCompat, true, true),
        ];
        let picked = |anthropic, openai, own| Picked {
            anthropic,
            openai,
            own,
        };
        let good = picked(Some("good"), Some("compat"), Some("good"));
        assert_eq!(pick(&providers), good);
        assert_eq!(pick(&providers[..1]), Picked::default());
        let bare = provider("bare", ProviderType::Anthropic, true, false);
        let aws = provider("aws", ProviderType::Bedrock, true, false);
        let paid = picked(Some("aws"), None, Some("bare"));
        assert_eq!(pick(&[bare, aws]), paid, "AWS credentials pay as well");
    }
}
