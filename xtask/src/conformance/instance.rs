//! The providers of the stage, several of a type side by side, and the paths that lead to them.

use super::exchange::{Api, Mode};

/// A provider as the gateway knows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    /// The first segment of the paths that lead to it.
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    /// The path of its base address.
    base: &'static str,
    /// The operator's key. It belongs to this provider alone.
    pub(super) key: Option<&'static str>,
}

const fn instance(
    name: &'static str,
    kind: &'static str,
    base: &'static str,
    key: &'static str,
) -> Instance {
    Instance {
        name,
        kind,
        base,
        key: Some(key),
    }
}

/// One that callers reach with their own tokens only.
const fn own(name: &'static str, kind: &'static str, base: &'static str) -> Instance {
    Instance {
        name,
        kind,
        base,
        key: None,
    }
}

pub(super) static ANTHROPIC: Instance =
    instance("anthropic", "anthropic", "", "operator-key-for-anthropic");
pub(super) static ANTHROPIC_EU: Instance = instance(
    "anthropic-eu",
    "anthropic",
    "/eu",
    "operator-key-for-europe",
);
pub(super) static OPENAI: Instance = instance("openai", "openai", "/v1", "operator-key-for-openai");
pub(super) static AZURE: Instance =
    instance("azure", "azure", "/openai/v1", "operator-key-for-azure");
pub(super) static AZURE_EU: Instance = instance(
    "azure-eu",
    "azure",
    "/openai/deployments/eu",
    "operator-key-for-the-deployment",
);
pub(super) static GOOGLE: Instance = instance(
    "google",
    "google",
    "/v1beta/openai",
    "operator-key-for-google",
);
pub(super) static OPEN_ROUTER: Instance = instance(
    "openrouter",
    "openrouter",
    "/api/v1",
    "operator-key-for-openrouter",
);
pub(super) static VERCEL: Instance =
    instance("vercel", "vercel", "/v1/ai", "operator-key-for-vercel");
pub(super) static COMPAT: Instance = instance(
    "in-house",
    "openai-compat",
    "/any/path",
    "operator-key-for-in-house",
);
pub(super) static COPILOT: Instance = own("copilot", "copilot", "/individual");
pub(super) static COPILOT_BUSINESS: Instance = own("copilot-business", "copilot", "/business");

pub(super) static CHATGPT: Instance = own("chatgpt", "chatgpt", "/backend-api/codex");

/// All of them.
pub(super) static ALL: [&Instance; 12] = [
    &ANTHROPIC,
    &ANTHROPIC_EU,
    &OPENAI,
    &AZURE,
    &AZURE_EU,
    &GOOGLE,
    &OPEN_ROUTER,
    &VERCEL,
    &COMPAT,
    &COPILOT,
    &COPILOT_BUSINESS,
    &CHATGPT,
];

/// How a request goes: its method, its target at the gateway, and its target at the provider.
pub(crate) type Way = (&'static str, String, String);

impl Instance {
    /// The base address at a provider that listens there.
    pub(super) fn base_url(&self, address: std::net::SocketAddr) -> String {
        format!("http://{address}{}", self.base)
    }

    /// How a request for an API goes.
    pub(super) fn way(&self, api: Api) -> Way {
        let method = match api {
            Api::Messages | Api::Chat | Api::Responses => "POST",
            Api::AnthropicModels | Api::OpenAiModels | Api::Ping => "GET",
        };
        let path = match api {
            Api::Messages => "/v1/messages",
            Api::Chat => "/chat/completions",
            Api::Responses => "/responses",
            Api::AnthropicModels => "/v1/models",
            Api::OpenAiModels => "/models",
            Api::Ping => "/_ping",
        };
        let query = match (api, self.kind) {
            (_, "azure") => "?api-version=2024-10-21&trace=1",
            (Api::Messages, _) => "?beta=true",
            (Api::Chat, _) => "?trace=1",
            (Api::Responses, _) => "?a=b%20c",
            (Api::AnthropicModels, _) => "?limit=20",
            (Api::OpenAiModels | Api::Ping, _) => "",
        };
        // The bases of all that speak OpenAI's format hold the version; the gateway's paths do, too.
        let version = match self.kind {
            "anthropic" | "copilot" => "",
            _ => "/v1",
        };
        let alias = match api {
            Api::Responses => "/api/v2/ai-gateway",
            Api::OpenAiModels => "/api/v2/aibridge",
            Api::Messages | Api::Chat | Api::AnthropicModels | Api::Ping => "",
        };
        (
            method,
            format!("{alias}/{}{version}{path}{query}", self.name),
            format!("{}{path}{query}", self.base),
        )
    }

    /// Where its clients put a credential.
    pub(super) fn credential(&self, key: &str) -> (&'static str, String) {
        match self.kind {
            "anthropic" => ("x-api-key", key.to_owned()),
            _ => ("authorization", format!("Bearer {key}")),
        }
    }

    /// How a credential reaches the provider. Azure has a header of its own for the operator's keys.
    pub(super) fn presented(&self, mode: Mode, key: &str) -> (&'static str, String) {
        match (self.kind, mode) {
            ("azure", Mode::Central) => ("api-key", key.to_owned()),
            _ => self.credential(key),
        }
    }

    /// The others to which the same request can be sent, and with whose credential.
    pub(super) fn fellows(api: Api) -> Vec<(&'static Self, Mode)> {
        let central = |all: &[&'static Self]| all.iter().map(|it| (*it, Mode::Central)).collect();
        let mut fellows: Vec<_> = match api {
            Api::Messages => central(&[&ANTHROPIC_EU]),
            Api::Chat => central(&[&AZURE, &AZURE_EU, &GOOGLE, &OPEN_ROUTER, &VERCEL, &COMPAT]),
            Api::Responses | Api::OpenAiModels => central(&[&AZURE, &OPEN_ROUTER, &COMPAT]),
            Api::AnthropicModels | Api::Ping => Vec::new(),
        };
        if !matches!(api, Api::AnthropicModels | Api::Ping) {
            fellows.extend([&COPILOT, &COPILOT_BUSINESS].map(|it| (it, Mode::Own)));
        }
        if api == Api::Responses {
            fellows.push((&CHATGPT, Mode::Own));
        }
        fellows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways() {
        let check = |instance: &Instance, api: Api, gateway: &str, provider: &str| {
            let (_, at_gateway, at_provider) = instance.way(api);
            assert_eq!((&*at_gateway, &*at_provider), (gateway, provider));
        };
        check(
            &ANTHROPIC,
            Api::Messages,
            "/anthropic/v1/messages?beta=true",
            "/v1/messages?beta=true",
        );
        check(
            &OPENAI,
            Api::Responses,
            "/api/v2/ai-gateway/openai/v1/responses?a=b%20c",
            "/v1/responses?a=b%20c",
        );
        check(
            &COPILOT,
            Api::Chat,
            "/copilot/chat/completions?trace=1",
            "/individual/chat/completions?trace=1",
        );
        check(
            &AZURE_EU,
            Api::Chat,
            "/azure-eu/v1/chat/completions?api-version=2024-10-21&trace=1",
            "/openai/deployments/eu/chat/completions?api-version=2024-10-21&trace=1",
        );
    }

    #[test]
    fn no_two_providers_share_anything() {
        for (at, one) in ALL.iter().enumerate() {
            for other in ALL.iter().skip(at + 1) {
                assert_ne!(one.name, other.name);
                assert_ne!(one.base, other.base, "{} {}", one.name, other.name);
                assert!(one.key.is_none() || one.key != other.key);
            }
        }
    }
}
