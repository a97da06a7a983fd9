//! Calls of injected tools, and what came of them.

/// A call that the model made of a tool that was injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectedCall {
    /// The id that its result has to name.
    pub call_id: String,
    /// The name that the model was given for the tool.
    pub name: String,
    /// The input as the model wrote it: a JSON object. A call whose input is none is not to be
    /// made; its result tells the model so.
    pub input: Result<String, BadInput>,
    /// The provider's id of the answer it is a part of.
    pub response_id: String,
}

/// Why an input is none. The text is meant for the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    /// It is not JSON.
    #[error("the input of the tool call is not valid JSON; call the tool again with a JSON object")]
    NotJson,
    /// It is JSON, but not an object.
    #[error("the input of the tool call is not a JSON object; call the tool again with one")]
    NotAnObject,
}

impl BadInput {
    /// Judges the input of a call. An empty one is an empty object. Objects may be nested 256
    /// levels deep.
    pub(crate) fn judge(input: &str) -> Result<String, Self> {
        let input = input.trim_ascii();
        if input.is_empty() {
            return Ok("{}".to_owned());
        }
        if super::is_object(input.as_bytes(), super::DEEPEST_SCHEMA) {
            return Ok(input.to_owned());
        }
        let mut scanner = crate::envelope::scan::Scanner::new(input.as_bytes(), usize::MAX);
        let is_json = scanner.value(0).is_ok() && scanner.peek_past_space().is_none();
        Err(if is_json {
            Self::NotAnObject
        } else {
            Self::NotJson
        })
    }
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// The call.
    pub call_id: String,
    /// What the tool said, in its order.
    pub content: Vec<ToolContent>,
    /// Whether the call failed, be it that the tool says so or that it could not be asked.
    pub is_error: bool,
}

impl ToolResult {
    /// A call that failed, with an explanation for the model.
    #[must_use]
    pub fn error(call_id: impl Into<String>, explanation: impl Into<String>) -> Self {
        Self {
            call_id: call_id.into(),
            content: vec![ToolContent::Text(explanation.into())],
            is_error: true,
        }
    }

    /// All of it as text, for APIs that have no other mark for a failure than words.
    pub(crate) fn text(&self) -> String {
        let pieces: Vec<String> = self.content.iter().map(ToolContent::described).collect();
        let mut text = pieces.join("\n");
        if text.is_empty() {
            "[The tool returned nothing.]".clone_into(&mut text);
        }
        if self.is_error {
            text.insert_str(0, "Error: ");
        }
        text
    }

    /// For each call its result, in the order of the calls. A call without one did not run.
    pub(crate) fn in_order<'a>(
        ids: impl Iterator<Item = &'a str>,
        mut results: Vec<Self>,
    ) -> Vec<Self> {
        let mut take = |id: &str| {
            let at = results.iter().position(|result| result.call_id == id);
            match at {
                Some(at) => results.remove(at),
                None => Self::error(id, "the tool was not run"),
            }
        };
        ids.map(&mut take).collect()
    }
}

/// One piece of what a tool said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolContent {
    /// Text.
    Text(String),
    /// An image.
    Image {
        /// Its media type, like `image/png`.
        media_type: String,
        /// The image in Base64.
        data_base64: String,
    },
    /// A sound.
    Audio {
        /// Its media type, like `audio/wav`.
        media_type: String,
        /// The sound in Base64.
        data_base64: String,
    },
    /// A resource of the tool server, with what is in it.
    Resource {
        /// Its address.
        uri: String,
        /// Its media type, if the server says it.
        media_type: Option<String>,
        /// What is in it.
        body: ResourceBody,
    },
    /// A resource of the tool server, by its address alone.
    Link {
        /// Its address.
        uri: String,
        /// Its name.
        name: String,
        /// What it is, if the server says it.
        description: Option<String>,
    },
}

/// What is in a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceBody {
    /// Text.
    Text(String),
    /// Bytes, in Base64.
    Base64(String),
}

impl ToolContent {
    /// The piece as text, for models that take nothing else in its place.
    #[must_use]
    pub fn described(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Image { media_type, .. } => {
                format!("[The tool returned an image ({media_type}) that cannot be shown here.]")
            }
            Self::Audio { media_type, .. } => {
                format!("[The tool returned audio ({media_type}) that cannot be played here.]")
            }
            Self::Resource {
                body: ResourceBody::Text(text),
                ..
            } => text.clone(),
            Self::Resource {
                uri,
                media_type,
                body: ResourceBody::Base64(data),
            } => {
                let media_type = media_type.as_deref().unwrap_or("of an unknown type");
                let bytes = data.len() / 4 * 3;
                format!(
                    "[The tool returned the resource {uri} ({media_type}), about {bytes} bytes that are no text.]"
                )
            }
            Self::Link {
                uri,
                name,
                description,
            } => match description {
                Some(description) => format!("[Resource {name}: {uri}, {description}]"),
                None => format!("[Resource {name}: {uri}]"),
            },
        }
    }
}
