//! Providers on Amazon Bedrock, all of them at one address.

use bridge_auth::Secret;
use bridge_intercept::{BedrockSpec, ProviderSpec};

/// A provider below this path of the address.
pub(crate) fn on_bedrock(
    name: &str,
    base: &str,
    path: &str,
    protocol: &str,
    id: &str,
) -> ProviderSpec {
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    let profile = "arn:aws:bedrock:eu-central-1:111122223333:inference-profile/";
    ProviderSpec {
        name: name.to_owned(),
        provider_type: "bedrock".to_owned(),
        enabled: true,
        base_url: format!("{base}{path}"),
        bedrock: Some(BedrockSpec {
            region: "eu-central-1".to_owned(),
            protocol: Some(protocol.to_owned()),
            model: Some(format!("{profile}global.anthropic.claude-opus-4-6-v1")),
            small_fast_model: Some("global.anthropic.claude-haiku-4-5-20251001-v1:0".to_owned()),
            access_key_id: secret(id),
            secret_access_key: secret("bedrock secret"),
            session_token: secret("bedrock token"),
            ..BedrockSpec::default()
        }),
        ..ProviderSpec::default()
    }
}

/// With a model whose name does not tell what it is.
pub(crate) fn profiled(mut spec: ProviderSpec) -> ProviderSpec {
    let profile = "arn:aws:bedrock:eu-central-1:111122223333:application-inference-profile/a1";
    let bedrock = spec.bedrock.as_mut().unwrap();
    bedrock.model = Some(profile.to_owned());
    spec
}
