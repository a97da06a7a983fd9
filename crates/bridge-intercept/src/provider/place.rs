//! Where a provider is: its own address, or the one that its region has.

use std::borrow::Cow;

use bridge_api::ProviderType;

use super::{BedrockSpec, ProviderError, ProviderSpec};
use crate::bedrock::Protocol;

/// The address that was given, which wins over the region's.
pub(super) fn base_url(
    provider_type: ProviderType,
    spec: &ProviderSpec,
) -> Result<Cow<'_, str>, ProviderError> {
    if provider_type != ProviderType::Bedrock {
        return Ok(Cow::Borrowed(&spec.base_url));
    }
    let settings = spec.bedrock.as_ref().ok_or(ProviderError::NoBedrock)?;
    let region = &settings.region;
    if !is_region(region) {
        return Err(ProviderError::Region(region.chars().take(64).collect()));
    }
    let protocol = Protocol::parse(settings.protocol.as_deref())?;
    if !spec.base_url.is_empty() {
        return Ok(Cow::Borrowed(&spec.base_url));
    }
    // https://docs.aws.amazon.com/general/latest/gr/bedrock.html
    Ok(Cow::Owned(match protocol {
        Protocol::Invoke => format!("https://bedrock-runtime.{region}.amazonaws.com"),
        Protocol::Mantle => format!("https://bedrock-mantle.{region}.api.aws/anthropic"),
    }))
}

/// Where Bedrock tells of inference profiles: at the region's address, or where the provider is
/// said to be.
pub(super) fn control_url(spec: &ProviderSpec, settings: &BedrockSpec) -> String {
    if spec.base_url.is_empty() {
        return format!("https://bedrock.{}.amazonaws.com", settings.region);
    }
    spec.base_url.clone()
}

/// It becomes a part of a host name: nothing but letters, digits and hyphens.
fn is_region(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, region: &str, protocol: Option<&str>, expected: Result<&str, &str>) {
        let spec = ProviderSpec {
            base_url: base.to_owned(),
            bedrock: Some(BedrockSpec {
                region: region.to_owned(),
                protocol: protocol.map(str::to_owned),
                ..BedrockSpec::default()
            }),
            ..ProviderSpec::default()
        };
        let found = base_url(ProviderType::Bedrock, &spec);
        let found = found.as_deref().map_err(ToString::to_string);
        match expected {
            Ok(url) => assert_eq!(found, Ok(url)),
            Err(part) => assert!(found.as_ref().unwrap_err().contains(part), "{found:?}"),
        }
    }

    #[test]
    fn an_address_wins_over_the_region() {
        let eu = "eu-central-1";
        let runtime = "https://bedrock-runtime.eu-central-1.amazonaws.com";
        check("", eu, None, Ok(runtime));
        check("", eu, Some("invoke"), Ok(runtime));
        let mantle = "https://bedrock-mantle.eu-central-1.api.aws/anthropic";
        check("", eu, Some("mantle"), Ok(mantle));
        check("http://near", eu, None, Ok("http://near"));
        check("", "", None, Err("no AWS region"));
        check("http://near", "", None, Err("no AWS region"));
        check("", "eu.example/", None, Err("no AWS region"));
        check("", eu, Some("grpc"), Err("invoke or mantle"));
        let none = ProviderSpec::default();
        let missing = base_url(ProviderType::Bedrock, &none);
        assert_eq!(missing, Err(ProviderError::NoBedrock));
    }
}
