//! Tools that are offered to the model beside the client's own.
//!
//! A [`Toolbox`] is made once for a catalogue and rendered once for each dialect; to [`offer`] it
//! is to put those bytes into the request's array of tools.

mod picture;
mod result;
mod schema;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

pub use self::result::{BadInput, InjectedCall, ResourceBody, ToolContent, ToolResult};
pub(crate) use self::schema::{mended, mended_for_openai};
use crate::envelope::scan::Scanner;
use crate::json::Value;
use crate::{DialectId, Envelope, anthropic, openai_chat, openai_responses};

/// How many tools a request to OpenAI's APIs may have: more of them, and it is refused.
const MOST_TOOLS: usize = 128;
/// How deeply a tool's schema may be nested. Requests may be a little deeper.
const DEEPEST_SCHEMA: usize = 256;

/// One tool as the model is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSpec {
    name: String,
    description: String,
    input_schema: String,
}

/// Why something cannot be offered as a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ToolSpecError {
    /// The name is empty.
    #[error("the tool has no name")]
    NoName,
    /// The schema of its input is no JSON object, or nested more deeply than 256 levels.
    #[error("the schema of the tool's input is not a JSON object")]
    BadSchema,
}

impl ToolSpec {
    /// A tool with the name that the model calls it by, and with the schema of its input as a JSON
    /// object, which is passed on as it is written.
    ///
    /// # Errors
    /// When providers could not read the request that it is put into.
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        input_schema: impl Into<String>,
    ) -> Result<Self, ToolSpecError> {
        let (name, input_schema) = (name.into(), input_schema.into());
        if name.is_empty() {
            return Err(ToolSpecError::NoName);
        }
        if !is_object(input_schema.as_bytes(), DEEPEST_SCHEMA) {
            return Err(ToolSpecError::BadSchema);
        }
        let description = description.into();
        Ok(Self {
            name,
            description,
            input_schema,
        })
    }

    /// The name that the model calls it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the model is told of it.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The schema of its input: a JSON object.
    #[must_use]
    pub fn input_schema(&self) -> &str {
        &self.input_schema
    }
}

/// Whether bytes are one JSON object and nothing else. JSON is UTF-8.
pub(crate) fn is_object(bytes: &[u8], deepest: usize) -> bool {
    let mut scanner = Scanner::new(bytes, deepest);
    scanner.peek_past_space() == Some(b'{')
        && scanner.value(0).is_ok()
        && scanner.peek_past_space().is_none()
        && std::str::from_utf8(bytes).is_ok()
}

/// Tools in the order of their names. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Toolbox(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Sorted by name, each name once.
    tools: Vec<ToolSpec>,
    /// What all names begin with.
    prefix: String,
    /// For each dialect the items of the array of tools, when it was asked for.
    rendered: [OnceLock<Bytes>; 3],
}

impl Toolbox {
    /// These tools. Of several with one name the first counts.
    #[must_use]
    pub fn new(mut tools: Vec<ToolSpec>) -> Self {
        tools.sort_by(|one, other| one.name.cmp(&other.name));
        tools.dedup_by(|later, first| later.name == first.name);
        let prefix = common_prefix(&tools).to_owned();
        Self(Arc::new(Inner {
            tools,
            prefix,
            rendered: Default::default(),
        }))
    }

    /// Whether there is no tool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.tools.is_empty()
    }

    /// How many tools there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.tools.len()
    }

    /// Whether there is a tool of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let tools = &self.0.tools;
        tools
            .binary_search_by(|tool| tool.name.as_str().cmp(name))
            .is_ok()
    }

    /// The tools in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &ToolSpec> {
        self.0.tools.iter()
    }

    /// The items of an array of tools, as a dialect writes them, with commas between them. Tools
    /// that would have the provider refuse the whole request are not among them.
    #[must_use]
    pub fn rendered(&self, dialect: DialectId) -> Bytes {
        let [messages, chat, responses] = &self.0.rendered;
        let (rendered, render): (_, fn(&ToolSpec) -> Option<String>) = match dialect {
            DialectId::AnthropicMessages => (messages, anthropic::tools::render),
            DialectId::OpenAiChat => (chat, |tool| Some(openai_chat::tools::render(tool))),
            DialectId::OpenAiResponses => (responses, |tool| {
                Some(openai_responses::tools::render(tool))
            }),
        };
        let make = || {
            let items: Vec<String> = self.iter().filter_map(render).collect();
            Bytes::from(items.join(","))
        };
        rendered.get_or_init(make).clone()
    }

    /// The tools whose names a client's own array of tools does not have.
    pub(crate) fn beside<'a>(
        &self,
        own: Value<'a>,
        name_of: impl Fn(Value<'a>) -> Option<Cow<'a, str>>,
    ) -> Self {
        // Almost always the client has no name like these, and this is all that is done.
        let needle = format!("\"{}", self.0.prefix);
        let raw = own.raw().unwrap_or_default();
        let has = |text: &str| memchr::memmem::find(raw, text.as_bytes()).is_some();
        // Letters of a name may be written as escapes; those of other languages begin otherwise.
        if !has(&needle) && !has("\\u00") {
            return self.clone();
        }
        let names = own.items().filter_map(name_of);
        let taken: Vec<Cow<'_, str>> = names.filter(|name| self.has(name)).collect();
        if taken.is_empty() {
            return self.clone();
        }
        let is_free = |tool: &&ToolSpec| !taken.iter().any(|name| *name == tool.name);
        Self::new(self.iter().filter(is_free).cloned().collect())
    }
}

fn common_prefix(sorted: &[ToolSpec]) -> &str {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return "";
    };
    let both = first.name.char_indices().zip(last.name.chars());
    let different = both.into_iter().find(|((_, one), other)| one != other);
    let shorter = first.name.len().min(last.name.len());
    let end = different.map_or(shorter, |((at, _), _)| at);
    first.name.get(..end).unwrap_or_default()
}

/// What became of an offer.
#[derive(Debug, Clone)]
pub enum Offer {
    /// The request has these tools now, besides its own.
    Made(Toolbox),
    /// Not one byte of the request has changed.
    Withheld(Withheld),
}

/// Why a request is not given any tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Withheld {
    /// There are none.
    Empty,
    /// The client has tools of all their names.
    Taken,
    /// Its model is one of those that are given none.
    Model,
    /// It forbids the use of tools, or has something beside which its provider takes none.
    Forbidden,
    /// It says which of its own tools the model has to choose from.
    Forced,
    /// Its tools are no array.
    NotAnArray,
    /// It asks for several answers at once.
    SeveralChoices,
    /// It speaks of tools in a way that is older than arrays of them.
    Legacy,
    /// Its answer is to be made later.
    Background,
    /// Its own tools stand in a prompt that the provider keeps, and would not be used any more.
    Stored,
    /// It would have more of them than its provider takes.
    TooMany,
}

impl Withheld {
    /// All reasons.
    pub const ALL: [Self; 11] = [
        Self::Empty,
        Self::Taken,
        Self::Model,
        Self::Forbidden,
        Self::Forced,
        Self::NotAnArray,
        Self::SeveralChoices,
        Self::Legacy,
        Self::Background,
        Self::Stored,
        Self::TooMany,
    ];

    /// The word for it in figures.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Taken => "taken",
            Self::Model => "model",
            Self::Forbidden => "forbidden",
            Self::Forced => "forced",
            Self::NotAnArray => "not_an_array",
            Self::SeveralChoices => "several_choices",
            Self::Legacy => "legacy",
            Self::Background => "background",
            Self::Stored => "stored",
            Self::TooMany => "too_many",
        }
    }
}

/// Puts the tools into the request, unless it says that it wants none of them.
///
/// Where they go is what keeps the provider's prompt cache useful: before the client's own for
/// Anthropic Messages, whose clients mark places in their own array, and behind them for OpenAI's
/// dialects. Of the request's own bytes none changes. A client's own tool wins over one of the same
/// name, which is then not in what was offered.
pub fn offer(dialect: DialectId, envelope: &mut Envelope, toolbox: &Toolbox) -> Offer {
    if toolbox.is_empty() {
        return Offer::Withheld(Withheld::Empty);
    }
    if let Some(why) = withheld(dialect, envelope) {
        return Offer::Withheld(why);
    }
    match dialect {
        DialectId::AnthropicMessages => anthropic::tools::offer(envelope, toolbox),
        DialectId::OpenAiChat => openai_chat::tools::offer(envelope, toolbox),
        DialectId::OpenAiResponses => openai_responses::tools::offer(envelope, toolbox),
    }
}

/// What the request itself says against tools, whichever they are. Who knows it need not look for
/// any.
#[must_use]
pub fn withheld(dialect: DialectId, envelope: &Envelope) -> Option<Withheld> {
    match dialect {
        DialectId::AnthropicMessages => anthropic::tools::withheld(envelope),
        DialectId::OpenAiChat => openai_chat::tools::withheld(envelope),
        DialectId::OpenAiResponses => openai_responses::tools::withheld(envelope),
    }
}

/// Where the tools go, once nothing speaks against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the client's own.
    First,
    /// Behind the client's own.
    Last,
}

/// Puts the tools beside the client's own, whose names are found in this way.
pub(crate) fn put(
    dialect: DialectId,
    envelope: &mut Envelope,
    toolbox: &Toolbox,
    place: Place,
    name_of: fn(Value<'_>) -> Option<Cow<'_, str>>,
) -> Offer {
    let own = envelope.value("tools").unwrap_or_default();
    let toolbox = toolbox.beside(own, name_of);
    if toolbox.is_empty() {
        return Offer::Withheld(Withheld::Taken);
    }
    let items = toolbox.rendered(dialect);
    if items.is_empty() {
        return Offer::Withheld(Withheld::Empty);
    }
    let put = match place {
        Place::First => envelope.prepend_items("tools", items),
        Place::Last
            if envelope.has_items("tools", (MOST_TOOLS + 1).saturating_sub(toolbox.len())) =>
        {
            return Offer::Withheld(Withheld::TooMany);
        }
        Place::Last => envelope.append_items("tools", items),
    };
    match put {
        Ok(()) => Offer::Made(toolbox),
        Err(_) => Offer::Withheld(Withheld::NotAnArray),
    }
}

#[cfg(test)]
mod tests;
