//! JSON-RPC as far as a tool server needs it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

/// The revisions spoken, newest first.
pub(super) const REVISIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// The codes of <https://www.jsonrpc.org/specification#error_object>.
pub(super) const PARSE_ERROR: i64 = -32700;
pub(super) const INVALID_REQUEST: i64 = -32600;
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
pub(super) const INVALID_PARAMS: i64 = -32602;

/// A request, a notification when it has no id, or an answer when it has no method.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'b> {
    #[serde(borrow)]
    pub(super) id: Option<&'b RawValue>,
    #[serde(borrow)]
    pub(super) method: Option<Cow<'b, str>>,
    #[serde(borrow)]
    pub(super) params: Option<&'b RawValue>,
}

/// What `initialize` says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Hello {
    protocol_version: String,
}

/// What `tools/call` says.
#[derive(Debug, Deserialize)]
pub(super) struct Call<'b> {
    #[serde(borrow)]
    pub(super) name: Cow<'b, str>,
    #[serde(borrow)]
    pub(super) arguments: Option<&'b RawValue>,
}

#[derive(Debug, Default, Deserialize)]
struct Listing {
    cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancelled<'b> {
    #[serde(borrow)]
    request_id: &'b RawValue,
}

impl<'b> Message<'b> {
    pub(super) fn read(body: &'b [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    pub(super) fn id(&self) -> &'b str {
        self.id.map_or("null", RawValue::get)
    }

    fn params<T: Deserialize<'b>>(&self) -> Option<T> {
        serde_json::from_str(self.params?.get()).ok()
    }

    /// The revision to speak: the one asked for when it is known, else the newest.
    pub(super) fn revision(&self) -> &'static str {
        let asked: Hello = self.params().unwrap_or_default();
        let known = REVISIONS.iter().find(|it| **it == asked.protocol_version);
        known.unwrap_or(&REVISIONS[0])
    }

    pub(super) fn call(&self) -> Option<Call<'b>> {
        self.params()
    }

    /// Where the wanted page of the listing begins. Nothing when the cursor is not ours.
    pub(super) fn page_start(&self) -> Option<usize> {
        let listing: Listing = self.params().unwrap_or_default();
        match listing.cursor {
            None => Some(0),
            Some(cursor) => cursor.strip_prefix("from-")?.parse().ok(),
        }
    }

    /// The id of the request that this notification cancels.
    pub(super) fn cancelled(&self) -> Option<&'b str> {
        self.params().map(|it: Cancelled<'b>| it.request_id.get())
    }
}

/// An answer with this member, `"result":...` or `"error":...`.
pub(super) fn answer(id: &str, member: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},{member}}}")
}

pub(super) fn error(code: i64, message: &str) -> String {
    format!("\"error\":{}", json!({"code": code, "message": message}))
}

/// The result of `initialize`.
pub(super) fn hello(revision: &str) -> String {
    let result = json!({
        "protocolVersion": revision,
        "capabilities": {"tools": {"listChanged": true}},
        "serverInfo": {"name": "simulated", "version": env!("CARGO_PKG_VERSION")},
    });
    format!("\"result\":{result}")
}

/// The notice that the list of tools has changed, as an event.
pub(super) const LIST_CHANGED: &str =
    "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n";
