//! A provider of the control plane, in the words of the engine.

use bridge_intercept::{BedrockSpec, MannersSpec, ProviderSpec};
use bridge_rpc::{BedrockSettings, MannersSettings, ProviderSnapshot};

pub(super) fn spec(provider: &ProviderSnapshot) -> ProviderSpec {
    ProviderSpec {
        name: provider.name.clone(),
        provider_type: provider.provider_type.clone(),
        enabled: provider.enabled,
        base_url: provider.base_url.clone(),
        keys: provider.keys.clone(),
        manners: manners(&provider.settings.manners),
        bedrock: provider.settings.bedrock.as_ref().map(bedrock),
    }
}

pub(super) fn manners(manners: &MannersSettings) -> MannersSpec {
    MannersSpec {
        connect_timeout: manners.connect_timeout,
        first_byte_timeout: manners.first_byte_timeout,
        idle_timeout: manners.idle_timeout,
        total_timeout: manners.total_timeout,
        max_retries: manners.max_retries,
        proxy_url: manners.proxy_url.clone(),
        ca_pem: manners.ca_pem.clone(),
        http_version: manners.http_version.clone(),
        allowed_private: manners.allowed_private.clone(),
    }
}

fn bedrock(bedrock: &BedrockSettings) -> BedrockSpec {
    BedrockSpec {
        region: bedrock.region.clone(),
        protocol: bedrock.protocol.clone(),
        model: bedrock.model.clone(),
        small_fast_model: bedrock.small_fast_model.clone(),
        access_key_id: bedrock.access_key_id.clone(),
        secret_access_key: bedrock.secret_access_key.clone(),
        session_token: bedrock.session_token.clone(),
        role_arn: bedrock.role_arn.clone(),
        external_id: bedrock.external_id.clone(),
        profile: bedrock.profile.clone(),
    }
}
