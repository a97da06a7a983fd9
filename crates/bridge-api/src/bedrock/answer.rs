//! The events in the messages of a stream.

use std::borrow::Cow;

use data_encoding::BASE64;

use crate::json::{Value, check};

/// What a message of a stream carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BedrockEvent {
    /// The type of Anthropic's event, by which a stream of events names it.
    pub name: String,
    /// The event as the model's provider wrote it.
    pub data: Vec<u8>,
}

/// Reads the payload of a `chunk`: an object whose `bytes` are the event in base64. What stands
/// beside them is padding. Nothing when there is no event in it.
#[must_use]
pub fn bedrock_event(payload: &[u8]) -> Option<BedrockEvent> {
    let bytes = Value::new(payload).get("bytes")?.text()?;
    let data = BASE64.decode(bytes.as_bytes()).ok()?;
    check(&data).ok()?;
    let event = Value::new(&data);
    let name = event
        .get("type")
        .and_then(Value::text)
        .map_or_else(String::new, Cow::into_owned);
    event.is_object().then_some(BedrockEvent { name, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Option<BedrockEvent> {
        let payload = format!(
            r#"{{"p":"abcd","bytes":"{}"}}"#,
            BASE64.encode(json.as_bytes())
        );
        bedrock_event(payload.as_bytes())
    }

    #[test]
    fn events_come_out_as_they_were_written() {
        let json = r#"{"type":"message_stop", "amazon-bedrock-invocationMetrics":{"inputTokenCount":9007199254740993}}"#;
        let found = event(json).unwrap();
        assert_eq!(
            (found.name.as_str(), found.data.as_slice()),
            ("message_stop", json.as_bytes())
        );
        assert_eq!(event("{}").unwrap().name, "");
    }

    #[test]
    fn what_is_no_event_is_none() {
        assert_eq!(event("[1]"), None);
        assert_eq!(event(r#"{"type":"ping""#), None);
        assert_eq!(event(""), None);
        for payload in [
            &b""[..],
            b"{}",
            b"[]",
            b"{\"bytes\":7}",
            b"{\"bytes\":\"%%%\"}",
            b"{\"bytes\":\"e30\"}",
            b"{\"bytes\":\"e30=",
        ] {
            assert_eq!(bedrock_event(payload), None);
        }
    }
}
