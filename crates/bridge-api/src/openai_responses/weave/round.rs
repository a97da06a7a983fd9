//! One round: its items, which of them the client sees, and where.

use std::borrow::Cow;
use std::collections::HashSet;

use bytes::Bytes;

use super::answer::{Answer, is_our_call};
use super::whole;
use crate::json::Value;
use crate::tools::BadInput;
use crate::{InjectedCall, Toolbox};

/// The longest id that is kept, in bytes. Relays encode routes in theirs, of a few hundred.
const LONGEST_ID: usize = 1024;

/// One item of a round.
#[derive(Debug)]
pub(super) struct Place {
    /// Where it stands in the provider's output, if the provider says.
    theirs: Option<u64>,
    id: String,
    /// Where the client sees it. One that belongs to an injected call is not seen.
    pub(super) shown: Option<u64>,
    /// The item as it is in the end, once that was told.
    pub(super) item: Option<Vec<u8>>,
}

/// The items that a round has told, event by event.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Place>);

impl Places {
    /// The item to which a place or an id belongs. Of several at one place the last one counts:
    /// some providers begin to count again.
    pub(super) fn find(&mut self, theirs: Option<u64>, id: &str) -> Option<&mut Place> {
        let id = shortened(id);
        let is_it = |place: &&mut Place| match theirs {
            Some(_) => place.theirs == theirs,
            None => !id.is_empty() && place.id == id,
        };
        self.0.iter_mut().rev().find(is_it)
    }

    /// The item that is done now: the last one at this place, unless that was another one.
    pub(super) fn find_open(&mut self, theirs: Option<u64>, id: &str) -> Option<&mut Place> {
        let found = self.find(theirs, id)?;
        let is_it = found.item.is_none() || found.id == shortened(id);
        is_it.then_some(found)
    }

    pub(super) fn add(&mut self, theirs: Option<u64>, id: &str, shown: Option<u64>) {
        self.0.push(Place {
            theirs,
            id: shortened(id).to_owned(),
            shown,
            item: None,
        });
    }

    pub(super) fn finish(&mut self, theirs: Option<u64>, id: &str, item: &[u8]) {
        if let Some(place) = self.find_open(theirs, id) {
            place.item = Some(item.to_vec());
        }
    }

    /// Items that are done, in the provider's order; those without a place stand where they came.
    fn finished(&self) -> Vec<&[u8]> {
        let mut places: Vec<&Place> = self.0.iter().collect();
        places.sort_by_key(|place| place.theirs);
        let items = places.into_iter().filter_map(|place| place.item.as_deref());
        items.collect()
    }

    /// Whether the client has seen an item with this id.
    fn has_shown(&self, id: &str) -> bool {
        let id = shortened(id);
        let is_it = |place: &Place| place.id == id && place.shown.is_some();
        !id.is_empty() && self.0.iter().any(is_it)
    }
}

/// What has been told of one round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The provider's id of the answer.
    pub(super) id: String,
    /// Whether the provider says that it keeps no answers.
    pub(super) is_not_stored: bool,
    pub(super) has_failed: bool,
    pub(super) places: Places,
    /// All items, when the round is over. Calls of ours are not among them unless they are to be
    /// made.
    pub(super) items: Vec<Item>,
    /// What came of its calls, as items.
    pub(super) results: Vec<String>,
    /// Its end, which the client has not been given.
    pub(super) held: Option<Held>,
}

/// The end of a round.
#[derive(Debug)]
pub(super) enum Held {
    /// An event, and the bytes of all later ones.
    Event {
        data: Vec<u8>,
        raw: Vec<u8>,
        later: Vec<u8>,
    },
    /// All of it.
    Body(Bytes),
}

/// One item of a round that is over.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) raw: Vec<u8>,
    /// Whether it is a call of ours.
    pub(super) is_ours: bool,
}

impl Item {
    pub(super) fn value(&self) -> Value<'_> {
        Value::new(&self.raw)
    }
}

impl Round {
    /// What an event or a body says of the whole answer.
    pub(super) fn hear(&mut self, answer: &Answer<'_>) {
        if let Some(id) = answer.id.filled() {
            shortened(&id).clone_into(&mut self.id);
        }
        self.is_not_stored |= answer.store.is_false();
    }

    /// Whether an item of the whole answer is a call that the client was not shown.
    pub(super) fn is_hidden(&self, item: Value<'_>, toolbox: &Toolbox) -> bool {
        is_our_call(item, toolbox) && !self.places.has_shown(&id_of(item))
    }

    /// The items as they are in the end: those of the whole answer, or those that were told before
    /// by providers that leave them out there.
    pub(super) fn close(&mut self, answer: &Answer<'_>, toolbox: &Toolbox, are_calls_made: bool) {
        let mut items: Vec<&[u8]> = answer.output.items().filter_map(whole).collect();
        if items.is_empty() {
            items = self.places.finished();
        }
        let items = items.into_iter().filter_map(|raw| {
            let item = Value::new(raw);
            let is_ours = self.is_hidden(item, toolbox);
            let is_kept = !is_ours || (are_calls_made && is_finished(item));
            let raw = raw.to_vec();
            is_kept.then_some(Item { raw, is_ours })
        });
        self.items = items.collect();
    }

    /// Whether there are calls of ours that are to be made.
    pub(super) fn has_calls(&self) -> bool {
        self.items.iter().any(|item| item.is_ours)
    }

    /// The calls of ours that are to be made.
    pub(super) fn calls(&self) -> Vec<InjectedCall> {
        let ours = self.items.iter().filter(|item| item.is_ours);
        let call = |item: &Item| {
            let item = item.value();
            let text = |name: &str| item.get(name).and_then(Value::text);
            let arguments = item.get("arguments").and_then(Value::text_or_source);
            InjectedCall {
                call_id: text("call_id").unwrap_or_default().into_owned(),
                name: text("name").unwrap_or_default().into_owned(),
                input: BadInput::judge(&arguments.unwrap_or_default()),
                response_id: self.id.clone(),
            }
        };
        ours.map(call).collect()
    }

    /// Whether the client has to answer a call before the model goes on.
    pub(super) fn awaits_client(&self) -> bool {
        let shown = self.items.iter().filter(|item| !item.is_ours);
        let shown: Vec<Value<'_>> = shown.map(Item::value).collect();
        let results = shown.iter().filter(|item| is_result(&kind_of(**item)));
        let answered: HashSet<_> = results.filter_map(|item| call_id_of(*item)).collect();
        shown.iter().any(|item| match call_id_of(*item) {
            Some(call_id) => !answered.contains(&call_id) && !is_provider_s(*item),
            None => kind_of(*item) == "mcp_approval_request",
        })
    }
}

/// An item without a status is as it should be.
fn is_finished(item: Value<'_>) -> bool {
    let status = item.get("status").and_then(Value::text);
    status.is_none_or(|status| status == "completed")
}

/// Whether the provider runs a tool by itself. Calls of most such tools have no call id.
fn is_provider_s(item: Value<'_>) -> bool {
    let execution = item.get("execution").and_then(Value::text);
    execution.as_deref() == Some("server")
}

/// Results of tools of every kind end with the same word.
pub(crate) fn is_result(kind: &str) -> bool {
    kind.ends_with("_output")
}

pub(crate) fn kind_of(item: Value<'_>) -> Cow<'_, str> {
    item.get("type").and_then(Value::text).unwrap_or_default()
}

pub(crate) fn call_id_of(item: Value<'_>) -> Option<Cow<'_, str>> {
    item.get("call_id")?.filled()
}

fn shortened(id: &str) -> &str {
    id.get(..id.floor_char_boundary(LONGEST_ID)).unwrap_or(id)
}

/// The id of an item.
pub(super) fn id_of(item: Value<'_>) -> Cow<'_, str> {
    item.get("id").and_then(Value::text).unwrap_or_default()
}
