//! The items that a round has told, and which of them the client sees where.

/// The longest id by which items are told apart, in bytes. Relays encode routes in theirs, of a few
/// hundred.
const LONGEST_ID: usize = 1024;

/// One item of a round.
#[derive(Debug)]
pub(super) struct Place {
    /// Where it stands in the provider's output, if the provider says.
    theirs: Option<u64>,
    id: String,
    /// Where the client sees it. One that belongs to an injected call is not seen.
    pub(super) shown: Option<u64>,
    /// Whether it turned out to be a call of ours when the client had seen its beginning.
    is_given_away: bool,
    /// The item as it is in the end, once that was told.
    item: Option<Vec<u8>>,
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
            is_given_away: false,
            item: None,
        });
    }

    pub(super) fn finish(&mut self, theirs: Option<u64>, id: &str, item: &[u8]) {
        if let Some(place) = self.find_open(theirs, id) {
            place.item = Some(item.to_vec());
        }
    }

    /// Items that are done, in the provider's order; those without a place stand where they came.
    pub(super) fn finished(&self) -> Vec<&[u8]> {
        let mut places: Vec<&Place> = self.0.iter().collect();
        places.sort_by_key(|place| place.theirs);
        let items = places.into_iter().filter_map(|place| place.item.as_deref());
        items.collect()
    }

    /// Forgets the items themselves, and says how many bytes they had.
    pub(super) fn forget_items(&mut self) -> usize {
        let items = self.0.iter_mut().filter_map(|place| place.item.take());
        items.map(|item| item.len()).sum()
    }

    /// Whether the client has seen a call of ours with this id.
    pub(super) fn has_given_away(&self, id: &str) -> bool {
        let id = shortened(id);
        let is_it = |place: &Place| place.is_given_away && place.id == id;
        self.0.iter().any(is_it)
    }
}

impl Place {
    /// The item at this place is a call of ours. Says where the client sees it all the same.
    pub(super) fn is_ours(&mut self) -> Option<u64> {
        self.is_given_away = self.shown.is_some();
        self.shown
    }
}

fn shortened(id: &str) -> &str {
    id.get(..id.floor_char_boundary(LONGEST_ID)).unwrap_or(id)
}
