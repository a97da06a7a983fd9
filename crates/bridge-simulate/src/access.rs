//! Who may ask at all.

use bridge_telemetry::wall_clock;
use http::request::Parts as Head;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::dialect::Dialect;
use crate::face::Face;
use crate::provider::Refusal;
use crate::{SimulateConfig, copilot, sigv4};

/// Looks at the credential, as each provider does before it looks at the body.
pub(crate) fn check(
    config: &SimulateConfig,
    face: Face,
    dialect: Dialect,
    head: &Head,
    body: &[u8],
) -> Result<(), Refusal> {
    if face == Face::Copilot {
        copilot::check(&head.headers).map_err(|cause| {
            let status = match cause {
                copilot::CopilotRefusal::NoToken => StatusCode::UNAUTHORIZED,
                copilot::CopilotRefusal::NoEditor => StatusCode::BAD_REQUEST,
            };
            Refusal::plain_text(status, &cause)
        })?;
    }
    if let (true, Some(sender)) = (face.is_signed(), &config.aws_sender) {
        return sigv4::check(sender, head, body, wall_clock())
            .map_err(|cause| Refusal::new(StatusCode::FORBIDDEN, &cause));
    }
    check_key(config.expected_key.as_deref(), face, dialect, &head.headers)
}

fn check_key(
    expected: Option<&str>,
    face: Face,
    dialect: Dialect,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let is_it = |value: Option<&HeaderValue>, prefix: &str| {
        let value = value.and_then(|value| value.to_str().ok());
        value.and_then(|value| value.strip_prefix(prefix)) == Some(expected)
    };
    let own_header = match (face, dialect) {
        (Face::Azure, _) => Some("api-key"),
        (Face::Plain, Dialect::Anthropic) => Some("x-api-key"),
        _ => None,
    };
    let is_bearer = is_it(headers.get(header::AUTHORIZATION), "Bearer ");
    if is_bearer || own_header.is_some_and(|name| is_it(headers.get(name), "")) {
        return Ok(());
    }
    let message = match dialect {
        Dialect::Anthropic => "invalid x-api-key",
        Dialect::Chat | Dialect::Responses => "Incorrect API key provided.",
    };
    Err(Refusal::new(StatusCode::UNAUTHORIZED, message))
}
