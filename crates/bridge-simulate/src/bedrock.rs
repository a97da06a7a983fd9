//! What AWS Bedrock does otherwise than Anthropic: headers, errors, and fields that it refuses.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::asked::{Asked, AskedError};
use crate::face::put;
use crate::turn::Usage;

/// The only version of the body that Bedrock takes.
const VERSION: &str = "bedrock-2023-05-31";

/// Fields of Anthropic's API that Bedrock does not know.
const REFUSED: [&str; 6] = [
    "model",
    "stream",
    "metadata",
    "service_tier",
    "container",
    "inference_geo",
];

/// Fields that Bedrock knows when a flag asks for them.
const FLAGGED: [(&str, &str); 2] = [
    ("output_config", "effort-2025-11-24"),
    ("context_management", "context-management-2025-06-27"),
];

/// Models that decide for themselves how much they think.
const ADAPTIVE: [&str; 2] = ["anthropic.claude-opus-4-6", "anthropic.claude-sonnet-4-6"];

/// Models that decide so as well, and are told with `output_config` how much, without a flag.
const ADAPTIVE_ONLY: [&str; 7] = [
    "anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8",
    "anthropic.claude-opus-5",
    "anthropic.claude-sonnet-5",
    "anthropic.claude-haiku-5",
    "anthropic.claude-fable",
    "anthropic.claude-mythos",
];

/// Refuses what the real one refuses, so that a gateway that forgets an edit is found out.
pub(crate) fn check(asked: &Asked<'_>) -> Result<(), AskedError> {
    if asked.required::<String>("anthropic_version")? != VERSION {
        return Err(AskedError::Mistyped("anthropic_version"));
    }
    if let Some(extra) = REFUSED.into_iter().find(|name| asked.has(name)) {
        return Err(AskedError::Extra(extra));
    }
    let flags: Vec<String> = asked.field("anthropic_beta")?.unwrap_or_default();
    let is_one_of = |models: &[&str]| models.iter().any(|model| asked.model.contains(model));
    let is_newer = is_one_of(&ADAPTIVE_ONLY);
    for (field, flag) in FLAGGED {
        let is_known = is_newer && field == "output_config";
        if asked.has(field) && !is_known && !flags.iter().any(|given| given == flag) {
            return Err(AskedError::Extra(field));
        }
    }
    let thinking = asked.value("thinking");
    let kind = thinking.get("type").and_then(Value::as_str);
    let is_good = match kind {
        Some("adaptive") => is_newer || is_one_of(&ADAPTIVE),
        Some("enabled" | "disabled") => !is_newer,
        Some(_) | None => true,
    };
    if !is_good {
        return Err(AskedError::Mistyped("thinking.type"));
    }
    Ok(())
}

/// The model's own name, without region and version of the offer.
pub(crate) fn bare_model(model: &str) -> &str {
    let model = model
        .split_once("anthropic.")
        .map_or(model, |(_, bare)| bare);
    model.split_once("-v").map_or(model, |(bare, _)| bare)
}

/// Headers that each answer bears.
pub(crate) fn headers(status: StatusCode, headers: &mut HeaderMap, request_id: &str) {
    put(headers, "x-amzn-requestid", request_id);
    if status.is_client_error() || status.is_server_error() {
        put(headers, "x-amzn-errortype", exception(status));
    }
}

/// What a whole answer cost.
pub(crate) fn count(headers: &mut HeaderMap, usage: Usage) {
    let mut put = |name, count: u64| put(headers, name, &count.to_string());
    put("x-amzn-bedrock-input-token-count", usage.input);
    put("x-amzn-bedrock-output-token-count", usage.output);
    put("x-amzn-bedrock-invocation-latency", 7);
}

/// The names of
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>.
fn exception(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        500..=599 => "InternalServerException",
        _ => "ValidationException",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_lose_region_and_version() {
        let check = |model: &str, bare: &str| assert_eq!(bare_model(model), bare);
        check(
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-sonnet-4-5-20250929",
        );
        check("anthropic.claude-opus-4-6", "claude-opus-4-6");
        check("beddel", "beddel");
    }
}
