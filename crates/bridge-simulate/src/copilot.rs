//! What GitHub Copilot does otherwise than OpenAI and Anthropic.
//!
//! It asks for a header that names the editor, tells about a missing credential in plain words,
//! and serves other people's models through the chat API with habits of their own.

use http::header::{self, HeaderMap};
use serde_json::{Value, json};

use crate::face::put;

/// Why Copilot does not even look at a request. Told as plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CopilotRefusal {
    #[error("unauthorized: Authorization header is badly formatted")]
    NoToken,
    #[error("bad request: missing Editor-Version header for IDE auth")]
    NoEditor,
}

/// Looks for the headers that Copilot's own clients send.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), CopilotRefusal> {
    let token = headers.get(header::AUTHORIZATION);
    let is_bearer = token.is_some_and(|token| token.as_bytes().starts_with(b"Bearer "));
    if !is_bearer {
        return Err(CopilotRefusal::NoToken);
    }
    let names = ["editor-version", "copilot-integration-id"];
    match names.iter().any(|name| headers.contains_key(*name)) {
        true => Ok(()),
        false => Err(CopilotRefusal::NoEditor),
    }
}

/// Headers that each answer bears.
pub(crate) fn headers(headers: &mut HeaderMap, request_id: &str) {
    put(headers, "x-request-id", request_id);
    put(
        headers,
        "x-github-request-id",
        "0000:000000:0000000:0000000:00000000",
    );
}

/// Models of others put their figures into the chunk that ends the answer.
pub(crate) fn counts_in_last_chunk(model: &str) -> bool {
    model.starts_with("claude")
}

/// The models that are listed. Every other is served, too.
pub(crate) fn models() -> Value {
    let model = |id: &str, vendor: &str| {
        json!({
            "id": id, "name": id, "object": "model", "vendor": vendor, "version": id,
            "preview": false, "model_picker_enabled": true,
            "capabilities": {"family": id, "object": "model_capabilities", "type": "chat"},
        })
    };
    json!({
        "object": "list",
        "data": [
            model("gpt-5.5", "Azure OpenAI"),
            model("claude-sonnet-5.5", "Anthropic"),
        ],
    })
}
