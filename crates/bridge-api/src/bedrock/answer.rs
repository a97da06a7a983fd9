//! The events in the messages of a stream.

use std::borrow::Cow;

use data_encoding::BASE64;

use crate::json::{Value, check};

/// What a message of a stream carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BedrockEvent<'a> {
    /// The type of Anthropic's event, by which a stream of events names it.
    pub name: Cow<'a, str>,
    /// The event as the model's provider wrote it.
    pub data: &'a [u8],
}

/// Reads the payload of a `chunk`: an object whose `bytes` are the event in base64. What stands
/// beside them is padding. Nothing when there is no event in it.
///
/// The event is written into `room`, which is used again for the next one.
#[must_use]
pub fn bedrock_event<'a>(payload: &[u8], room: &'a mut Vec<u8>) -> Option<BedrockEvent<'a>> {
    let bytes = Value::new(payload).get("bytes")?.text()?;
    room.resize(BASE64.decode_len(bytes.len()).ok()?, 0);
    let length = BASE64.decode_mut(bytes.as_bytes(), room).ok()?;
    let data = room.get(..length)?;
    check(data).ok()?;
    let event = Value::new(data);
    let name = event.get("type").and_then(Value::text).unwrap_or_default();
    event.is_object().then_some(BedrockEvent { name, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and data of the event.
    fn event(json: &str) -> Option<(String, Vec<u8>)> {
        let payload = format!(
            r#"{{"p":"abcd","bytes":"{}"}}"#,
            BASE64.encode(json.as_bytes())
        );
        let mut room = b"of the event before, which was longer than this one".to_vec();
        let event = bedrock_event(payload.as_bytes(), &mut room)?;
        Some((event.name.into_owned(), event.data.to_vec()))
    }

    #[test]
    fn events_come_out_as_they_were_written() {
        let json = r#"{"type":"message_stop", "amazon-bedrock-invocationMetrics":{"inputTokenCount":9007199254740993}}"#;
        let found = event(json).unwrap();
        assert_eq!(found, ("message_stop".to_owned(), json.as_bytes().to_vec()));
        assert_eq!(event("{}").unwrap().0, "");
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
            assert_eq!(bedrock_event(payload, &mut Vec::new()), None);
        }
    }
}
