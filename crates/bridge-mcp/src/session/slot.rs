//! Results as the server wrote them.
//!
//! The SDK reads every message into its own types and would write schemas and arguments anew: keys
//! in another order, large numbers as floats, keys that stand twice merged. So requests of ours
//! carry a slot past it. The answer is put into the slot as it came, and the SDK is given an empty
//! result in its place, which tells it that the request is over.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use rmcp::model::RequestId;

use crate::McpError;

type Place = Mutex<Option<Result<Bytes, McpError>>>;

/// Where the answer to one request is put. It rides on the request, and is no part of it.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Place>);

impl Slot {
    /// What was put in.
    pub(super) fn take(&self) -> Option<Result<Bytes, McpError>> {
        self.0.lock().take()
    }

    /// Puts an answer in. The first one counts.
    fn put(&self, answer: Result<Bytes, McpError>) {
        self.0.lock().get_or_insert(answer);
    }
}

/// The slots of the requests of one session that are under way.
#[derive(Default)]
pub(super) struct Slots(Mutex<HashMap<RequestId, Weak<Place>>>);

impl Slots {
    /// A request with this id leaves, and its answer is wanted here. A request that nobody waits
    /// for any more is forgotten with the next one.
    pub(super) fn expect(&self, id: RequestId, slot: &Slot) {
        let mut slots = self.0.lock();
        slots.retain(|_, slot| slot.strong_count() > 0);
        slots.insert(id, Arc::downgrade(&slot.0));
    }

    /// Puts an answer where it is wanted. Whether it is wanted anywhere.
    pub(super) fn put(&self, id: &RequestId, answer: Result<Bytes, McpError>) -> bool {
        let slot = self.0.lock().remove(id);
        let Some(slot) = slot.as_ref().and_then(Weak::upgrade) else {
            return false;
        };
        Slot(slot).put(answer);
        true
    }

    /// Whether an answer with this id is wanted.
    pub(super) fn wants(&self, id: &RequestId) -> bool {
        self.0.lock().contains_key(id)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}
