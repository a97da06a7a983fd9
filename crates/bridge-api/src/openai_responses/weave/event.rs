//! What an event of a stream says before one asks what it tells.

use crate::json::Value;
use crate::observe::is_unnamed;

/// What an event does to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It begins an answer, and repeats the request.
    Start,
    /// It begins an item.
    Added,
    /// It tells an item once more, as it is in the end.
    Done,
    /// It ends an answer that the model has finished, and tells all of it once more.
    Completed,
    /// It ends an answer in some other way, and tells all of it once more.
    Ended,
    /// It ends the answer with a failure, and tells nothing else.
    Error,
    /// Everything else: pieces of items, and whatever providers come up with.
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "response.created" | "response.in_progress" | "response.queued" => Self::Start,
            "response.output_item.added" => Self::Added,
            "response.output_item.done" => Self::Done,
            "response.completed" | "response.done" => Self::Completed,
            "response.incomplete" | "response.failed" | "response.cancelled" => Self::Ended,
            "error" => Self::Error,
            _ => Self::Other,
        }
    }
}

/// An event, as far as its top level goes. What is not there is an empty value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) kind: Kind,
    pub(super) data: &'a [u8],
    /// Where the item stands in the output.
    pub(super) index: Value<'a>,
    /// Where the event stands in the stream.
    pub(super) sequence: Value<'a>,
    pub(super) item_id: Value<'a>,
    pub(super) item: Value<'a>,
    pub(super) response: Value<'a>,
}

impl<'a> Event<'a> {
    /// Clients go by the type that stands in the data, so it counts more than the event's name.
    pub(super) fn read(name: &str, data: &'a [u8]) -> Self {
        let mut event = Self {
            kind: if is_unnamed(name) {
                Kind::Other
            } else {
                Kind::of(name)
            },
            data,
            index: Value::default(),
            sequence: Value::default(),
            item_id: Value::default(),
            item: Value::default(),
            response: Value::default(),
        };
        for (name, value) in Value::new(data).members() {
            match &*name {
                "type" => {
                    if let Some(kind) = value.text() {
                        event.kind = Kind::of(&kind);
                    }
                }
                "output_index" => event.index = value,
                "sequence_number" => event.sequence = value,
                "item_id" => event.item_id = value,
                "item" => event.item = value,
                "response" => event.response = value,
                _ => {}
            }
        }
        event
    }
}
