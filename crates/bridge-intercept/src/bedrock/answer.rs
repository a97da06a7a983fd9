//! An answer of Bedrock on its way to a caller who speaks Anthropic's API.

use bridge_api::bedrock_failure;
use bridge_upstream::{Body, UpstreamError};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::relay::Source;

/// How much of a refusal is read. Bedrock's are short.
const REFUSAL_BYTES: usize = 64 << 10;

/// Gives a body in Anthropic's words, and makes the headers fit it. What Bedrock's API does not
/// say is left as it is.
pub(crate) async fn translate(
    status: StatusCode,
    headers: &mut HeaderMap,
    body: Body,
) -> Result<Source, UpstreamError> {
    if headers.contains_key(CONTENT_ENCODING) {
        // Nobody asked for it: whatever it is, it is not from Bedrock.
        return Ok(Source::from(body));
    }
    if status.is_success() {
        if !is_event_stream(headers) {
            return Ok(Source::from(body));
        }
        headers.remove(CONTENT_LENGTH);
        let events = HeaderValue::from_static("text/event-stream; charset=utf-8");
        headers.insert(CONTENT_TYPE, events);
        return Ok(Source::of_messages(body));
    }
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(Source::from(body));
    }
    let said = Source::from(body).whole(REFUSAL_BYTES).await?;
    let error_type = headers.get("x-amzn-errortype");
    let error_type = error_type.and_then(|value| value.to_str().ok());
    let body = match bedrock_failure(status.as_u16(), error_type.unwrap_or_default(), &said) {
        Some(body) => body,
        None => said,
    };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Source::written(body))
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let bare = content_type.and_then(|value| value.split(|byte| *byte == b';').next());
    bare.is_some_and(|bare| {
        bare.trim_ascii()
            .eq_ignore_ascii_case(b"application/vnd.amazon.eventstream")
    })
}
