//! Reading the result of a call.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Content, Outcome, ResourceBody};
use crate::McpError;
use crate::object::{Misread, read_object};

#[derive(Deserialize)]
struct RawOutcome<'a> {
    #[serde(borrow, default)]
    content: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "structuredContent")]
    structured: Option<&'a RawValue>,
    #[serde(default, rename = "isError")]
    is_error: Option<bool>,
}

/// All members that any kind of content has.
#[derive(Deserialize)]
struct RawContent<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default, rename = "mimeType")]
    media_type: Option<String>,
    #[serde(default)]
    resource: Option<RawResource>,
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Deserialize)]
struct RawResource {
    uri: String,
    #[serde(default, rename = "mimeType")]
    media_type: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    blob: Option<String>,
}

/// Reads the result of `tools/call`. Content of a kind that is not known, or that lacks what its
/// kind has, is handed on as the JSON it is: the model may understand what we do not.
///
/// # Errors
/// When it is no result of a call.
pub(crate) fn read(result: &[u8]) -> Result<Outcome, McpError> {
    let raw: RawOutcome<'_> = read_object(result).map_err(malformed)?;
    let mut content: Vec<Content> = raw.content.into_iter().map(piece).collect();
    if let (Some(structured), true) = (raw.structured, content.is_empty()) {
        content.push(Content::Text(structured.get().to_owned()));
    }
    Ok(Outcome {
        content,
        is_error: raw.is_error.unwrap_or(false),
    })
}

fn malformed(cause: Misread) -> McpError {
    McpError::Malformed {
        what: "it is no result of a call",
        source: Some(cause),
    }
}

fn piece(raw: &RawValue) -> Content {
    let known = read_object(raw.get().as_bytes()).ok().and_then(known);
    known.unwrap_or_else(|| Content::Text(raw.get().to_owned()))
}

fn known(raw: RawContent<'_>) -> Option<Content> {
    match &*raw.kind {
        "text" => raw.text.map(Content::Text),
        "image" => Some(Content::Image {
            media_type: raw.media_type?,
            data_base64: raw.data?,
        }),
        "audio" => Some(Content::Audio {
            media_type: raw.media_type?,
            data_base64: raw.data?,
        }),
        "resource" => {
            let resource = raw.resource?;
            let text = resource.text.map(ResourceBody::Text);
            Some(Content::Resource {
                uri: resource.uri,
                media_type: resource.media_type,
                body: text.or(resource.blob.map(ResourceBody::Base64))?,
            })
        }
        "resource_link" => {
            let uri = raw.uri?;
            Some(Content::Link {
                name: raw.name.unwrap_or_else(|| uri.clone()),
                uri,
                description: raw.description,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Content {
        Content::Text(text.to_owned())
    }

    fn check(result: &str, content: Vec<Content>, is_error: bool) {
        let outcome = read(result.as_bytes()).unwrap();
        assert_eq!(outcome, Outcome { content, is_error }, "{result}");
    }

    #[test]
    fn each_kind_is_read() {
        check(
            r#"{"content":[{"type":"text","text":"a\nb","annotations":{}}],"isError":true}"#,
            vec![text("a\nb")],
            true,
        );
        check(
            r#"{"content":[{"type":"image","data":"aGk=","mimeType":"image/png"},
                {"type":"audio","data":"aG8=","mimeType":"audio/wav"}],"isError":null}"#,
            vec![
                Content::Image {
                    media_type: "image/png".to_owned(),
                    data_base64: "aGk=".to_owned(),
                },
                Content::Audio {
                    media_type: "audio/wav".to_owned(),
                    data_base64: "aG8=".to_owned(),
                },
            ],
            false,
        );
        check(
            r#"{"content":[{"type":"resource","resource":{"uri":"f:1","text":"t"}},
                {"type":"resource","resource":{"uri":"f:2","mimeType":"a/b","blob":"aGk="}},
                {"type":"resource_link","uri":"f:3","description":"d"}]}"#,
            vec![
                Content::Resource {
                    uri: "f:1".to_owned(),
                    media_type: None,
                    body: ResourceBody::Text("t".to_owned()),
                },
                Content::Resource {
                    uri: "f:2".to_owned(),
                    media_type: Some("a/b".to_owned()),
                    body: ResourceBody::Base64("aGk=".to_owned()),
                },
                Content::Link {
                    uri: "f:3".to_owned(),
                    name: "f:3".to_owned(),
                    description: Some("d".to_owned()),
                },
            ],
            false,
        );
    }

    #[test]
    fn structured_content_counts_where_there_is_no_other() {
        let structured = r#"{"b": 1, "a": 12345678901234567890}"#;
        let alone = format!(r#"{{"structuredContent":{structured},"content":[]}}"#);
        check(&alone, vec![text(structured)], false);
        let beside = r#"{"content":[{"type":"text","text":"x"}],"structuredContent":{"a":1}}"#;
        check(beside, vec![text("x")], false);
        check("{}", vec![], false);
    }

    #[test]
    fn what_is_not_known_is_handed_on() {
        for odd in [
            r#"{"type":"hologram","data":1}"#,
            r#"{"type":"image","data":"aGk="}"#,
            r#"{"type":"resource","resource":{"uri":"x"}}"#,
            r#"{"type":"text"}"#,
            r#"{"type":"text","type":"text","text":"x"}"#,
            "7",
        ] {
            check(&format!(r#"{{"content":[{odd}]}}"#), vec![text(odd)], false);
        }
    }

    #[test]
    fn what_is_no_result_is_an_error() {
        for bad in [
            "",
            "[]",
            r#"{"content":{}}"#,
            r#"{"content":[],"content":[]}"#,
        ] {
            assert_eq!(
                read(bad.as_bytes()).unwrap_err().kind(),
                "malformed",
                "{bad}"
            );
        }
    }

    #[test]
    fn nothing_that_a_tool_said_is_shown() {
        let outcome = read(br#"{"content":[{"type":"text","text":"a secret"}]}"#).unwrap();
        assert!(!format!("{outcome:?}").contains("secret"));
        assert_eq!(outcome.bytes(), 8);
    }
}
