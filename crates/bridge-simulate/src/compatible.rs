//! What providers with an OpenAI-compatible face do otherwise than OpenAI.

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::face::put;

/// Azure's older paths name the version of the API in the query and must.
pub(crate) fn has_api_version(query: Option<&str>) -> bool {
    let pairs = query.unwrap_or_default().split('&');
    let versions = pairs.filter_map(|pair| pair.strip_prefix("api-version="));
    versions.into_iter().any(|version| !version.is_empty())
}

/// Headers that each answer of Azure bears.
pub(crate) fn azure_headers(headers: &mut HeaderMap, request_id: &str) {
    put(headers, "apim-request-id", request_id);
    put(headers, "x-request-id", request_id);
    put(headers, "x-ms-region", "Simulated");
    put(headers, "x-ratelimit-remaining-requests", "99");
}

/// The first chunk of each of Azure's streams: it judges the prompt and holds no choice.
pub(crate) fn azure_first_chunk() -> Value {
    let safe = json!({"filtered": false, "severity": "safe"});
    json!({
        "choices": [], "created": 0, "id": "", "model": "", "object": "",
        "prompt_filter_results": [{
            "prompt_index": 0,
            "content_filter_results": {"hate": safe, "self_harm": safe, "violence": safe},
        }],
    })
}

/// Azure's gateway tells the status as its code.
pub(crate) fn azure_error(status: StatusCode, message: &str) -> Value {
    json!({"error": {"code": status.as_str(), "message": message}})
}

/// Google's errors come in a list, with a number for a code.
pub(crate) fn google_error(status: StatusCode, message: &str) -> Value {
    let word = match status.as_u16() {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    json!([{"error": {"code": status.as_u16(), "message": message, "status": word}}])
}

/// OpenRouter's errors have a number for a code and no type.
pub(crate) fn open_router_error(status: StatusCode, message: &str) -> Value {
    json!({"error": {"code": status.as_u16(), "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_the_query() {
        let check = |query: Option<&str>, expected: bool| {
            assert_eq!(has_api_version(query), expected, "{query:?}");
        };
        check(None, false);
        check(Some("api-version="), false);
        check(Some("api-versions=1"), false);
        check(Some("a=b&api-version=2024-10-21"), true);
    }
}
