//! Whose API a request is made to: what differs between providers of one dialect.
//!
//! Each face but the plain one has a base path of its own, so that one simulated provider serves
//! them side by side, and a gateway that builds a path wrongly meets a 404.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::asked::{Asked, AskedError};
use crate::dialect::Dialect;
use crate::fingerprint::Ids;
use crate::{bedrock, compatible, copilot};

/// Whose API it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// Anthropic and OpenAI themselves, told apart by the paths, and whoever differs from them in
    /// nothing.
    Plain,
    /// AWS Bedrock's InvokeModel: Messages in frames.
    Bedrock,
    /// AWS Bedrock's Mantle: plain Messages, signed.
    Mantle,
    Copilot,
    Azure,
    Google,
    OpenRouter,
}

/// The base paths, without what callers add.
const BASES: [(&str, Face); 5] = [
    ("/anthropic", Face::Mantle),
    ("/copilot", Face::Copilot),
    ("/openai", Face::Azure),
    ("/v1beta/openai", Face::Google),
    ("/api/v1", Face::OpenRouter),
];

impl Face {
    /// The face of a path, and what of the path follows its base.
    pub(crate) fn of(path: &str) -> (Self, &str) {
        for (base, face) in BASES {
            if let Some(rest) = path.strip_prefix(base)
                && rest.starts_with('/')
            {
                return (face, rest);
            }
        }
        match path.starts_with("/model/") {
            true => (Self::Bedrock, path),
            false => (Self::Plain, path),
        }
    }

    /// Whether callers prove who they are with a signature.
    pub(crate) fn is_signed(self) -> bool {
        match self {
            Self::Bedrock | Self::Mantle => true,
            Self::Plain | Self::Copilot | Self::Azure | Self::Google | Self::OpenRouter => false,
        }
    }

    /// What stands in ids of Messages that this provider makes, behind their kind.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Bedrock | Self::Mantle => "bdrk_",
            Self::Copilot => "vrtx_",
            Self::Plain | Self::Azure | Self::Google | Self::OpenRouter => "",
        }
    }

    /// Looks at what only this provider looks at.
    pub(crate) fn check(self, asked: &Asked<'_>) -> Result<(), AskedError> {
        match self {
            Self::Bedrock => bedrock::check(asked),
            Self::Plain
            | Self::Mantle
            | Self::Copilot
            | Self::Azure
            | Self::Google
            | Self::OpenRouter => Ok(()),
        }
    }

    /// An error body in this provider's shape.
    pub(crate) fn error(
        self,
        dialect: Dialect,
        status: StatusCode,
        message: &str,
        request_id: &str,
    ) -> Value {
        match self {
            Self::Bedrock => json!({"message": message}),
            Self::Azure => compatible::azure_error(status, message),
            Self::Google => compatible::google_error(status, message),
            Self::OpenRouter => compatible::open_router_error(status, message),
            Self::Plain | Self::Mantle | Self::Copilot => {
                dialect.error(status, message, request_id)
            }
        }
    }

    /// Headers that each answer of this provider bears.
    pub(crate) fn headers(
        self,
        dialect: Dialect,
        status: StatusCode,
        headers: &mut HeaderMap,
        request_id: &str,
    ) {
        match self {
            Self::Bedrock => bedrock::headers(status, headers, request_id),
            Self::Copilot => copilot::headers(headers, request_id),
            Self::Azure => compatible::azure_headers(headers, request_id),
            Self::Plain | Self::Mantle | Self::Google | Self::OpenRouter => {
                dialect.headers(headers, request_id);
            }
        }
    }

    /// A name for the request, as this provider writes it.
    pub(crate) fn request_id(self, dialect: Dialect, ids: &mut Ids) -> String {
        match self {
            Self::Bedrock | Self::Azure => ids.uuid(),
            Self::Plain | Self::Mantle | Self::Copilot | Self::Google | Self::OpenRouter => {
                dialect.request_id(ids)
            }
        }
    }
}

/// Sets a header whose value is known to be one.
pub(crate) fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_faces() {
        let check = |path: &str, face: Face, rest: &str| {
            assert_eq!(Face::of(path), (face, rest), "{path}");
        };
        check("/v1/messages", Face::Plain, "/v1/messages");
        check("/v1/responses", Face::Plain, "/v1/responses");
        check("/model/a/invoke", Face::Bedrock, "/model/a/invoke");
        check("/anthropic/v1/messages", Face::Mantle, "/v1/messages");
        check("/copilot/responses", Face::Copilot, "/responses");
        check("/copilots/responses", Face::Plain, "/copilots/responses");
        check("/openai/v1/responses", Face::Azure, "/v1/responses");
        check(
            "/api/v1/chat/completions",
            Face::OpenRouter,
            "/chat/completions",
        );
        check("/v1beta/openai/models", Face::Google, "/models");
    }
}
