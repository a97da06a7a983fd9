//! Which key a conversation began with.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::mem;

use parking_lot::Mutex;

use crate::KeyId;

/// Remembers the key of each conversation, because a provider's prompt cache and its encrypted
/// reasoning may be bound to the account of the key.
///
/// It holds a bounded number of conversations; those that were not asked for the longest go first,
/// half of them at a time. A conversation is known by a hash under a secret of the process: one
/// that meets another's is led to that one's key, which is as good as any.
#[derive(Debug)]
pub struct Affinity {
    hasher: RandomState,
    half: usize,
    kept: Mutex<Kept>,
}

/// What was asked for since the halves changed, and what was before.
#[derive(Debug, Default)]
struct Kept {
    young: HashMap<u64, KeyId>,
    old: HashMap<u64, KeyId>,
}

impl Affinity {
    /// Remembers at most this many conversations, and at least two.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            half: (capacity / 2).max(1),
            kept: Mutex::default(),
        }
    }

    /// The key that the conversation last used.
    #[must_use]
    pub fn find(&self, conversation: &str) -> Option<KeyId> {
        let hash = self.hasher.hash_one(conversation);
        let mut kept = self.kept.lock();
        if let Some(id) = kept.young.get(&hash) {
            return Some(*id);
        }
        let id = kept.old.remove(&hash)?;
        kept.put(hash, id, self.half);
        Some(id)
    }

    /// From now on the conversation is led to this key.
    pub fn keep(&self, conversation: &str, id: KeyId) {
        let hash = self.hasher.hash_one(conversation);
        let mut kept = self.kept.lock();
        kept.old.remove(&hash);
        kept.put(hash, id, self.half);
    }

    /// How many conversations are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        let kept = self.kept.lock();
        kept.young.len() + kept.old.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Kept {
    fn put(&mut self, hash: u64, id: KeyId, half: usize) {
        if self.young.len() >= half && !self.young.contains_key(&hash) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(hash, id);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::KeyRing;

    fn ids() -> Vec<KeyId> {
        let ring = KeyRing::try_new(vec![0, 1, 2]).unwrap();
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = std::time::Instant::now();
        let mut walk = ring.walk(None);
        std::iter::from_fn(|| walk.next(&ring, now).map(|(id, _)| id)).collect()
    }

    #[test]
    fn a_conversation_finds_the_key_that_it_last_used() {
        let ids = ids();
        let affinity = Affinity::new(8);
        assert_eq!(affinity.find("a"), None);
        affinity.keep("a", ids[1]);
        affinity.keep("b", ids[2]);
        assert_eq!(affinity.find("a"), Some(ids[1]));
        affinity.keep("a", ids[0]);
        assert_eq!(affinity.find("a"), Some(ids[0]));
        assert_eq!(affinity.find("b"), Some(ids[2]));
    }

    #[test]
    fn what_is_asked_for_stays_while_others_pass() {
        let ids = ids();
        let affinity = Affinity::new(8);
        affinity.keep("long", ids[2]);
        for short in 0..1_000 {
            affinity.keep(&format!("{short}"), ids[0]);
            assert_eq!(affinity.find("long"), Some(ids[2]), "after {short}");
        }
        assert_eq!(affinity.find("0"), None);
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_it_may(
            capacity in 2_usize..20,
            deeds in prop::collection::vec((0_u8..40, any::<bool>()), 0..200),
        ) {
            let ids = ids();
            let affinity = Affinity::new(capacity);
            for (conversation, is_kept) in deeds {
                let name = conversation.to_string();
                if is_kept {
                    affinity.keep(&name, ids[usize::from(conversation % 3)]);
                    prop_assert!(affinity.find(&name).is_some());
                } else if let Some(id) = affinity.find(&name) {
                    prop_assert_eq!(id, ids[usize::from(conversation % 3)]);
                }
                prop_assert!(affinity.len() <= capacity);
            }
        }
    }
}
