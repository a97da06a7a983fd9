//! The three dialects, and what differs between them besides the shape of answers.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::asked::{Asked, AskedError};
use crate::face::Face;
use crate::fingerprint::Ids;
use crate::parts::Parts;
use crate::turn::Turn;
use crate::{anthropic, chat, frame, responses};

/// How a request is written, and how its answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Anthropic,
    Chat,
    Responses,
}

/// When all answers were made: answers are the same on every day.
pub(crate) const CREATED: u64 = 1_767_225_600;

impl Dialect {
    /// The word for it in the ledger file.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "messages",
            Self::Chat => "chat",
            Self::Responses => "responses",
        }
    }

    /// What a request must have besides what all have.
    pub(crate) fn check(self, asked: &Asked<'_>) -> Result<(), AskedError> {
        match self {
            Self::Anthropic => asked.required::<u64>("max_tokens").map(drop),
            Self::Chat | Self::Responses => Ok(()),
        }
    }

    /// The answer as a stream, and its id.
    pub(crate) fn stream(self, turn: Turn, asked: &Asked<'_>) -> (String, Parts) {
        let is_framed = turn.face == Face::Bedrock;
        match self {
            Self::Anthropic if is_framed => {
                let (id, parts) = anthropic::stream(turn);
                (id, parts.framed())
            }
            Self::Anthropic => anthropic::stream(turn),
            Self::Chat => chat::stream(turn, asked),
            Self::Responses => responses::stream(turn, asked),
        }
    }

    /// The answer in one piece, and its id.
    pub(crate) fn whole(self, turn: Turn, asked: &Asked<'_>) -> (String, Value) {
        match self {
            Self::Anthropic => anthropic::whole(turn),
            Self::Chat => chat::whole(turn),
            Self::Responses => responses::whole(turn, asked),
        }
    }

    /// The event by which a stream says that it has failed, after `events` others.
    pub(crate) fn stream_error(self, face: Face, events: usize) -> Bytes {
        let message = "The simulated provider had an error while processing the request.";
        if face == Face::Bedrock {
            return frame::exception("throttlingException", "Too many requests");
        }
        let event = match self {
            Self::Anthropic => {
                let error = json!({"type": "overloaded_error", "message": "Overloaded"});
                format!(
                    "event: error\ndata: {}\n\n",
                    json!({"type": "error", "error": error})
                )
            }
            Self::Chat => {
                let error = json!({
                    "message": message, "type": "server_error", "param": null, "code": null,
                });
                format!("data: {}\n\n", json!({"error": error}))
            }
            Self::Responses => {
                let error = json!({
                    "type": "error", "code": "server_error", "message": message, "param": null,
                    "sequence_number": events,
                });
                format!("event: error\ndata: {error}\n\n")
            }
        };
        event.into()
    }

    /// An error body in the provider's shape.
    pub(crate) fn error(self, status: StatusCode, message: &str, request_id: &str) -> Value {
        match self {
            Self::Anthropic => json!({
                "type": "error",
                "error": {"type": anthropic::error_type(status), "message": message},
                "request_id": request_id,
            }),
            Self::Chat | Self::Responses => {
                let (kind, code) = chat::error_type(status);
                json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
            }
        }
    }

    /// What a provider says with this status when it gives no other reason.
    pub(crate) fn message(status: StatusCode) -> String {
        let reason = match status.as_u16() {
            401 => "invalid x-api-key",
            403 => "Your credential may not do this",
            429 => "This request would exceed your rate limit. Please try again later.",
            500 => "Internal server error",
            529 => "Overloaded",
            _ => status.canonical_reason().unwrap_or("Simulated error"),
        };
        reason.to_owned()
    }

    /// Headers that each answer of the provider bears.
    pub(crate) fn headers(self, headers: &mut HeaderMap, request_id: &str) {
        let mut put = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        put("cache-control", "no-cache");
        match self {
            Self::Anthropic => {
                put("request-id", request_id);
                put(
                    "anthropic-organization-id",
                    "00000000-0000-4000-8000-000000000001",
                );
                put("anthropic-ratelimit-requests-limit", "4000");
                put("anthropic-ratelimit-requests-remaining", "3999");
                put("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:01Z");
            }
            Self::Chat | Self::Responses => {
                put("x-request-id", request_id);
                put("openai-version", "2020-10-01");
                put("openai-organization", "simulated");
                put("openai-processing-ms", "7");
                put("x-ratelimit-limit-requests", "10000");
                put("x-ratelimit-remaining-requests", "9999");
                put("x-ratelimit-reset-requests", "6ms");
            }
        }
    }

    /// A name for a call, as the provider writes it.
    pub(crate) fn call_id(self, face: Face, ids: &mut Ids) -> String {
        match (self, face) {
            (Self::Anthropic, _) => ids.letters(&format!("toolu_{}01", face.mark()), 22),
            (Self::Chat, Face::Copilot) => ids.letters("toolu_vrtx_01", 22),
            (Self::Chat | Self::Responses, _) => ids.letters("call_", 24),
        }
    }

    /// A name for the request, as the provider writes it.
    pub(crate) fn request_id(self, ids: &mut Ids) -> String {
        match self {
            Self::Anthropic => ids.letters("req_011", 21),
            Self::Chat | Self::Responses => ids.letters("req_", 32),
        }
    }
}

/// How long a refused caller is asked to wait, when the request does not say otherwise.
pub(crate) fn retry_after(status: StatusCode) -> Option<Duration> {
    matches!(status.as_u16(), 429 | 503).then_some(Duration::from_secs(1))
}
