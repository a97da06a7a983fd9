//! Which model stands behind an inference profile: `GetInferenceProfile` of Bedrock's control plane.

use super::request::encoded;
use crate::json::{Value, check};

/// The path at which a profile describes itself.
#[must_use]
pub fn bedrock_profile_path(id: &str) -> String {
    format!("/inference-profiles/{}", encoded(id))
}

/// The foundation model in a profile's description. A profile may lead to several regions; the
/// model is the same everywhere.
#[must_use]
pub fn bedrock_profile_model(body: &[u8]) -> Option<String> {
    check(body).ok()?;
    let models = Value::new(body).get("models")?;
    let mut arns = models
        .items()
        .filter_map(|model| model.get("modelArn")?.text());
    arns.find_map(|arn| {
        let (_, model) = arn.split_once(":foundation-model/")?;
        (!model.is_empty()).then(|| model.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_names_the_model_behind_it() {
        let body = br#"{"inferenceProfileName":"team","models":[{},{"modelArn":"arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-6"},{"modelArn":"x"}]}"#;
        let model = bedrock_profile_model(body);
        assert_eq!(model.as_deref(), Some("anthropic.claude-sonnet-4-6"));
        for odd in [
            "",
            "{}",
            "[]",
            r#"{"models":7}"#,
            r#"{"models":[{"modelArn":7}]}"#,
            "{",
        ] {
            assert_eq!(bedrock_profile_model(odd.as_bytes()), None, "{odd}");
        }
        assert_eq!(
            bedrock_profile_path("arn:aws:bedrock:eu-west-1:1:application-inference-profile/a"),
            "/inference-profiles/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aapplication-inference-profile%2Fa"
        );
    }
}
