//! What a tool said.

mod read;

use std::fmt;

pub(crate) use self::read::read;

/// What came of a call.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// What the tool said, in its order. What has only structured content has that as text.
    pub content: Vec<Content>,
    /// The tool says that it failed, and why is in the content. The model is to hear it.
    pub is_error: bool,
}

/// One piece of what a tool said.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Text.
    Text(String),
    /// A picture.
    Image {
        /// Its type, `image/png` for example.
        media_type: String,
        /// The picture in base64, as the server wrote it.
        data_base64: String,
    },
    /// A recording.
    Audio {
        /// Its type, `audio/wav` for example.
        media_type: String,
        /// The recording in base64, as the server wrote it.
        data_base64: String,
    },
    /// A resource with what is in it.
    Resource {
        /// Where it is.
        uri: String,
        /// Its type, when the server told it.
        media_type: Option<String>,
        /// What is in it.
        body: ResourceBody,
    },
    /// A resource that is only named.
    Link {
        /// Where it is.
        uri: String,
        /// What it is called.
        name: String,
        /// What it is, when the server told it.
        description: Option<String>,
    },
}

/// What is in a resource.
#[derive(Clone, PartialEq, Eq)]
pub enum ResourceBody {
    /// Text.
    Text(String),
    /// Bytes in base64, as the server wrote them.
    Base64(String),
}

impl Outcome {
    /// How much it says, in bytes of text and base64.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.content.iter().map(Content::bytes).sum()
    }
}

impl Content {
    /// How much it says, in bytes of text and base64.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Image { data_base64, .. } | Self::Audio { data_base64, .. } => data_base64.len(),
            Self::Resource { body, .. } => match body {
                ResourceBody::Text(text) | ResourceBody::Base64(text) => text.len(),
            },
            Self::Link { description, .. } => description.as_ref().map_or(0, String::len),
        }
    }

    /// What kind of content it is, as the protocol calls it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Image { .. } => "image",
            Self::Audio { .. } => "audio",
            Self::Resource { .. } => "resource",
            Self::Link { .. } => "resource_link",
        }
    }
}

/// Shows kinds and sizes: what a tool says is nobody's business.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} bytes)", self.kind(), self.bytes())
    }
}

impl fmt::Debug for ResourceBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text",
            Self::Base64(_) => "Base64",
        })
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("content", &self.content)
            .field("is_error", &self.is_error)
            .finish()
    }
}
