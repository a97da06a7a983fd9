//! A Messages request as Bedrock takes it.

use bytes::Bytes;

use super::rules::{VERSION, is_known_flag, refused};
use super::{BedrockModel, thinking};
use crate::facts::is_true;
use crate::{Envelope, EnvelopeError};

/// What is sent to Bedrock in place of a Messages request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BedrockRequest {
    /// The path below the base address, percent-encoded.
    pub path: String,
    /// The body. What was not edited keeps its bytes.
    pub body: Bytes,
}

/// Edits a Messages request for a model on Bedrock.
///
/// `beta` are the values of the caller's `anthropic-beta` headers; the flags that Bedrock knows move
/// into the body, where the caller may have written some as well. The model and the wish for a
/// stream move into the path.
///
/// ```
/// use bridge_api::{BedrockModel, Envelope, EnvelopeLimits, bedrock_request};
///
/// let body = br#"{"model":"claude-sonnet-4-5","max_tokens":9007199254740993,"messages":[]}"#;
/// let mut envelope = Envelope::parse(bytes::Bytes::from_static(body), &EnvelopeLimits::default())?;
/// let model = BedrockModel::new("global.anthropic.claude-sonnet-4-5-20250929-v1:0");
/// let request = bedrock_request(&mut envelope, &model, std::iter::empty())?;
/// assert_eq!(
///     request.path,
///     "/model/global.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"
/// );
/// let expected =
///     br#"{"max_tokens":9007199254740993,"messages":[],"anthropic_version":"bedrock-2023-05-31"}"#;
/// assert_eq!(request.body, &expected[..]);
/// # Ok::<_, bridge_api::EnvelopeError>(())
/// ```
///
/// # Errors
/// When the request is nested so deeply that a member cannot be put into it. The envelope may have
/// been edited in part then.
pub fn bedrock_request<'v>(
    envelope: &mut Envelope,
    model: &BedrockModel,
    beta: impl Iterator<Item = &'v str>,
) -> Result<BedrockRequest, EnvelopeError> {
    let foundation = model.foundation.as_str();
    let deed = if is_true(envelope, "stream") {
        "invoke-with-response-stream"
    } else {
        "invoke"
    };
    thinking::convert(envelope, foundation)?;
    let flags = flags(envelope, foundation, beta);
    for name in refused(foundation, &flags) {
        envelope.remove(name);
    }
    if flags.is_empty() {
        envelope.remove("anthropic_beta");
    } else {
        let array = serde_json::Value::from(flags).to_string();
        envelope.set("anthropic_beta", Bytes::from(array))?;
    }
    if envelope.get("anthropic_version").is_none() {
        envelope.set("anthropic_version", Bytes::from_static(VERSION))?;
    }
    envelope.remove("model");
    envelope.remove("stream");
    Ok(BedrockRequest {
        path: format!("/model/{}/{deed}", encoded(&model.id)),
        body: envelope.to_bytes(),
    })
}

/// The flags of headers and body that are for this model, in their order and each once.
fn flags<'v>(envelope: &Envelope, model: &str, beta: impl Iterator<Item = &'v str>) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    let mut take = |flag: &str| {
        let flag = flag.trim();
        if is_known_flag(flag, model) && !flags.iter().any(|known| known == flag) {
            flags.push(flag.to_owned());
        }
    };
    beta.flat_map(|value| value.split(',')).for_each(&mut take);
    let written = envelope.value("anthropic_beta").unwrap_or_default();
    for flag in written.items().filter_map(crate::json::Value::text) {
        take(&flag);
    }
    flags
}

/// One segment of a path: everything but unreserved characters (RFC 3986, section 2.3) is encoded,
/// as AWS signs it.
pub(super) fn encoded(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len() + 16);
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
            out.push(digit(byte >> 4).to_ascii_uppercase());
            out.push(digit(byte & 15).to_ascii_uppercase());
        }
    }
    out
}

#[cfg(test)]
mod tests;
