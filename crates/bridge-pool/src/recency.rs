//! Keys in the order in which they were last asked for.

/// A list whose members can be moved to its end in constant time.
pub(crate) struct Recency<K> {
    nodes: Vec<Node<K>>,
    free: Vec<usize>,
    oldest: Option<usize>,
    newest: Option<usize>,
}

struct Node<K> {
    key: Option<K>,
    older: Option<usize>,
    newer: Option<usize>,
}

/// Where a key stands. Whoever holds it is the only one who can move or remove the key.
pub(crate) struct Place(usize);

impl<K> Default for Recency<K> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            oldest: None,
            newest: None,
        }
    }
}

impl<K> Recency<K> {
    /// Adds a key as the newest.
    pub(crate) fn insert(&mut self, key: K) -> Place {
        let node = Node {
            key: Some(key),
            older: None,
            newer: None,
        };
        let at = match self.free.pop() {
            Some(at) => at,
            None => self.nodes.len(),
        };
        match self.nodes.get_mut(at) {
            Some(free) => *free = node,
            None => self.nodes.push(node),
        }
        self.link(at);
        Place(at)
    }

    /// Makes a key the newest.
    pub(crate) fn touch(&mut self, place: &Place) {
        if self.newest != Some(place.0) {
            self.unlink(place.0);
            self.link(place.0);
        }
    }

    /// Takes a key out.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a place that was given up cannot be used again"
    )]
    pub(crate) fn remove(&mut self, place: Place) -> Option<K> {
        let at = place.0;
        self.unlink(at);
        self.free.push(at);
        self.nodes.get_mut(at).and_then(|node| node.key.take())
    }

    /// The key that was not asked for the longest.
    pub(crate) fn oldest(&self) -> Option<&K> {
        self.nodes.get(self.oldest?)?.key.as_ref()
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    fn link(&mut self, at: usize) {
        let older = self.newest.replace(at);
        self.set_newer(older, Some(at));
        if let Some(node) = self.nodes.get_mut(at) {
            node.older = older;
            node.newer = None;
        }
    }

    fn unlink(&mut self, at: usize) {
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        let (older, newer) = (node.older.take(), node.newer.take());
        self.set_newer(older, newer);
        match newer.and_then(|newer| self.nodes.get_mut(newer)) {
            Some(node) => node.older = older,
            None => self.newest = older,
        }
    }

    /// What comes behind a node, or first.
    fn set_newer(&mut self, older: Option<usize>, newer: Option<usize>) {
        match older.and_then(|older| self.nodes.get_mut(older)) {
            Some(node) => node.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(recency: &Recency<u8>) -> Vec<u8> {
        let mut keys = Vec::new();
        let mut at = recency.oldest;
        while let Some(node) = at.map(|at| &recency.nodes[at]) {
            keys.push(node.key.unwrap());
            at = node.newer;
        }
        keys
    }

    proptest! {
        /// The list does what a plain vector does slowly.
        #[test]
        fn keys_stand_in_order(deeds in prop::collection::vec((0..3_u8, any::<prop::sample::Index>()), 0..60)) {
            let mut recency = Recency::default();
            let mut places: Vec<(u8, Place)> = Vec::new();
            let mut model: Vec<u8> = Vec::new();
            for (name, (deed, index)) in (0..).zip(deeds) {
                if deed == 0 || places.is_empty() {
                    places.push((name, recency.insert(name)));
                    model.push(name);
                    continue;
                }
                let at = index.index(places.len());
                let key = places[at].0;
                model.retain(|other| *other != key);
                if deed == 1 {
                    recency.touch(&places[at].1);
                    model.push(key);
                } else {
                    let (_, place) = places.swap_remove(at);
                    prop_assert_eq!(recency.remove(place), Some(key));
                }
                prop_assert_eq!(order(&recency), model.clone());
                prop_assert_eq!(recency.oldest(), model.first());
                prop_assert_eq!(recency.len(), model.len());
            }
        }
    }
}
