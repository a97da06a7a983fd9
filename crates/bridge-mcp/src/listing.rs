//! What a server lists: its tools, as it wrote them.

pub(crate) mod sound;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::sound::check_schema;
use crate::McpError;
use crate::object::read_object;

/// Longest name of a tool that is taken, in bytes. The protocol recommends at most 128.
const LONGEST_TOOL_NAME: usize = 256;
/// The schema of a tool that takes nothing and does not say so.
const NOTHING: &str = r#"{"type":"object","properties":{}}"#;
/// How many different listings of one server are compared with a new one. A server that tells
/// everybody something else gains nothing from it.
const MOST_COMPARED: usize = 32;

/// All tools of a server, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The tools.
    pub tools: Vec<Arc<ToolDef>>,
    /// How many more the server lists that cannot be used.
    pub left_out: usize,
}

/// A tool as its server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolDef {
    /// The server's own name for it.
    pub name: String,
    /// What it is for; its title where it has no description.
    pub description: String,
    /// The JSON schema of its arguments, byte for byte as the server wrote it: a JSON object of type
    /// `object` in which no key stands twice.
    pub input_schema: String,
}

/// One page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) tools: Vec<ToolDef>,
    pub(crate) left_out: usize,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
}

#[derive(Deserialize)]
struct RawPage<'a> {
    #[serde(borrow)]
    tools: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "nextCursor")]
    next: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct RawTool<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "inputSchema")]
    input_schema: Option<&'a RawValue>,
}

impl Page {
    /// Reads the result of `tools/list`. A tool that cannot be used is left out and counted.
    ///
    /// # Errors
    /// When it is no page.
    pub(crate) fn read(result: &[u8]) -> Result<Self, McpError> {
        let page: RawPage<'_> = read_object(result).map_err(|cause| McpError::Malformed {
            what: "it is no list of tools",
            source: Some(cause),
        })?;
        let all = page.tools.len();
        let read = page.tools.into_iter().filter_map(|raw| tool(raw.get()));
        let tools: Vec<ToolDef> = read.collect();
        Ok(Self {
            left_out: all - tools.len(),
            tools,
            next: page.next.map(Cow::into_owned),
        })
    }
}

/// The tool, if it can be offered to a model. One whose schema repeats a key, or is none, would cost
/// a whole request.
fn tool(raw: &str) -> Option<ToolDef> {
    let tool: RawTool<'_> = read_object(raw.as_bytes()).ok()?;
    if tool.name.is_empty() || tool.name.len() > LONGEST_TOOL_NAME {
        return None;
    }
    let input_schema = tool.input_schema.map_or(NOTHING, RawValue::get);
    check_schema(input_schema).ok()?;
    let described = tool.description.filter(|text| !text.is_empty());
    Some(ToolDef {
        name: tool.name.into_owned(),
        description: described.or(tool.title).unwrap_or_default().into_owned(),
        input_schema: input_schema.to_owned(),
    })
}

impl Listing {
    /// Puts the tools of all pages in order. Of several with one name the first counts.
    pub(crate) fn of(pages: Vec<Page>) -> Self {
        let mut listing = Self::default();
        let mut names = HashSet::new();
        for page in pages {
            listing.left_out += page.left_out;
            for tool in page.tools {
                if names.insert(tool.name.clone()) {
                    listing.tools.push(Arc::new(tool));
                } else {
                    listing.left_out += 1;
                }
            }
        }
        listing
            .tools
            .sort_by(|one, other| one.name.cmp(&other.name));
        listing
    }
}

/// The listings of one server that are in use.
#[derive(Debug, Default)]
pub(crate) struct Listings(Mutex<Vec<Weak<Listing>>>);

impl Listings {
    /// The same listing, kept once: most servers tell everybody the same.
    pub(crate) fn share(&self, listing: Listing) -> Arc<Listing> {
        let mut known = self.0.lock();
        known.retain(|listing| listing.strong_count() > 0);
        let same = known.iter().filter_map(Weak::upgrade);
        if let Some(same) = same.into_iter().find(|known| **known == listing) {
            return same;
        }
        let listing = Arc::new(listing);
        if known.len() < MOST_COMPARED {
            known.push(Arc::downgrade(&listing));
        }
        listing
    }
}
