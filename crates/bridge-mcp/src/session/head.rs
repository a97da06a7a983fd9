//! Headers, on the way out and in.

use std::collections::HashMap;

use bridge_upstream::Reply;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use rmcp::transport::streamable_http_client::StreamableHttpError;

use super::line::Failed;

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const JSON: &str = "application/json";
pub(super) const EVENTS: &str = "text/event-stream";

/// The SDK's headers, and the session's.
pub(super) fn headers(
    session: Option<&str>,
    own: HashMap<HeaderName, HeaderValue>,
) -> Result<HeaderMap, Failed> {
    let mut headers: HeaderMap = own.into_iter().collect();
    if let Some(session) = session {
        let value = HeaderValue::from_str(session);
        let value = value.map_err(|_| StreamableHttpError::MissingSessionIdInResponse)?;
        headers.insert(SESSION, value);
    }
    Ok(headers)
}

pub(super) fn header(reply: &Reply, name: &HeaderName) -> Option<String> {
    let value = reply.headers.get(name)?;
    value.to_str().ok().map(str::to_owned)
}

/// Whether the body is of this type, whatever its parameters.
pub(super) fn is_type(reply: &Reply, media_type: &str) -> bool {
    let value = reply.headers.get(CONTENT_TYPE);
    let value = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(media_type)
}
