//! The providers of the stage, several of a type side by side, and the paths that lead to them.

use super::exchange::{Api, Mode};

/// A provider as the gateway knows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    /// The first segment of the paths that lead to it.
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    /// The path of its base address.
    pub(super) base: &'static str,
    /// The operator's key. It belongs to this provider alone.
    pub(super) key: Option<&'static str>,
    /// Of those that are reached through Bedrock.
    pub(super) aws: Option<Aws>,
}

/// How Bedrock is asked. The secrets are made up and good for nothing else.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Aws {
    protocol: &'static str,
    pub(super) region: &'static str,
    pub(super) access_key_id: &'static str,
    pub(super) secret_access_key: &'static str,
    pub(super) session_token: Option<&'static str>,
    pub(super) model: &'static str,
    pub(super) small: &'static str,
}

impl Aws {
    /// What the service that is signed for is called.
    pub(super) fn service(&self) -> &'static str {
        match self.protocol {
            "mantle" => "bedrock-mantle",
            _ => "bedrock",
        }
    }
}

/// A model for what is small and fast, of no matter which other one.
const SMALL: &str = "global.anthropic.claude-haiku-4-5-20251001-v1:0";

const fn bedrock(
    name: &'static str,
    base: &'static str,
    protocol: &'static str,
    region: &'static str,
    secrets: (&'static str, &'static str, Option<&'static str>),
    model: &'static str,
) -> Instance {
    let (access_key_id, secret_access_key, session_token) = secrets;
    Instance {
        name,
        kind: "bedrock",
        base,
        key: None,
        aws: Some(Aws {
            protocol,
            region,
            access_key_id,
            secret_access_key,
            session_token,
            model,
            small: SMALL,
        }),
    }
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
        aws: None,
    }
}

/// One that callers reach with their own tokens only.
const fn own(name: &'static str, kind: &'static str, base: &'static str) -> Instance {
    Instance {
        name,
        kind,
        base,
        key: None,
        aws: None,
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

pub(super) static BEDROCK: Instance = bedrock(
    "bedrock",
    "/bedrock/us",
    "invoke",
    "us-west-2",
    ("sender-of-bedrock", "aws-secret-of-bedrock", None),
    "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
);
pub(super) static BEDROCK_EU: Instance = bedrock(
    "bedrock-eu",
    "/bedrock/eu",
    "invoke",
    "eu-central-1",
    (
        "sender-of-europe",
        "aws-secret-of-europe",
        Some("aws-session-of-europe"),
    ),
    "eu.anthropic.claude-opus-4-5-20251101-v1:0",
);
pub(super) static BEDROCK_ADAPTIVE: Instance = bedrock(
    "bedrock-adaptive",
    "/bedrock/adaptive",
    "invoke",
    "us-east-1",
    ("sender-of-adaptive", "aws-secret-of-adaptive", None),
    "us.anthropic.claude-opus-4-6-v1",
);
pub(super) static BEDROCK_ODD: Instance = bedrock(
    "bedrock-odd",
    "/bedrock/odd",
    "invoke",
    "us-east-1",
    ("sender-of-odd", "aws-secret-of-odd", None),
    "beddel",
);
pub(super) static MANTLE: Instance = bedrock(
    "mantle",
    "/mantle/anthropic",
    "mantle",
    "us-east-1",
    ("sender-of-mantle", "aws-secret-of-mantle", None),
    "unused",
);

/// All of them.
pub(super) static ALL: [&Instance; 17] = [
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
    &BEDROCK,
    &BEDROCK_EU,
    &BEDROCK_ADAPTIVE,
    &BEDROCK_ODD,
    &MANTLE,
];

/// How a request goes: its method, its target at the gateway, and its target at the provider.
pub(crate) type Way = (&'static str, String, String);

impl Instance {
    /// The base address at a provider that listens there.
    pub(super) fn base_url(&self, address: std::net::SocketAddr) -> String {
        format!("http://{address}{}", self.base)
    }

    /// What must not be seen anywhere but on its way to this provider.
    pub(super) fn secrets<'s>(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        let aws = self.aws.as_ref();
        let signing = aws.map(|aws| aws.secret_access_key);
        let session = aws.and_then(|aws| aws.session_token);
        [self.key, signing, session].into_iter().flatten()
    }

    /// The provider as the operator's API takes it.
    pub(super) fn as_settings(&self, address: std::net::SocketAddr) -> serde_json::Value {
        let settings = self.aws.as_ref().map(|aws| {
            serde_json::json!({
                "protocol": aws.protocol,
                "region": aws.region,
                "access_key_id": aws.access_key_id,
                "secret_access_key": aws.secret_access_key,
                "session_token": aws.session_token,
                "model": aws.model,
                "small_fast_model": aws.small,
            })
        });
        serde_json::json!({
            "name": self.name,
            "type": self.kind,
            "base_url": self.base_url(address),
            "settings": settings,
        })
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
            "anthropic" | "copilot" | "bedrock" => "",
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
            "anthropic" | "bedrock" => ("x-api-key", key.to_owned()),
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
