//! Reasoning in fragments, put together again.
//!
//! OpenRouter streams one block of reasoning as many items of `reasoning_details`: pieces of its
//! text, and its signature in the last. The model's provider takes the block back only whole.

use std::borrow::Cow;

use super::grown::sound;
use crate::json::{Patch, Value, quoted};

/// The member whose items are fragments.
pub(super) const MEMBER: &str = "reasoning_details";

/// Members of a fragment that are pieces of a text. Of all others the first that says something
/// counts.
const GROWING: [&str; 2] = ["text", "summary"];

/// How far a fragment is looked back from for the block that it goes on with, in blocks. Fragments
/// of one block stand together, or beside those of a few others.
const FARTHEST: usize = 8;

/// One block of reasoning.
#[derive(Debug)]
struct Block<'a> {
    /// Which one it is. A block that does not say so has one fragment.
    index: Option<u64>,
    kind: Cow<'a, str>,
    /// Whether it was told to its end.
    is_signed: bool,
    fragments: Vec<Value<'a>>,
}

/// Items with commas between them, of which fragments of one block have become one. All others stay
/// as they are.
pub(super) fn whole(items: &[u8]) -> Vec<u8> {
    let array = [b"[", items, b"]"].concat();
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for fragment in Value::new(&array).items() {
        let fragment_of = Block::of(fragment);
        let mut nearest = blocks.iter_mut().rev().take(FARTHEST);
        let open = nearest.find(|block| block.kind == fragment_of.kind);
        match open.filter(|block| block.goes_on_with(&fragment_of)) {
            Some(block) => {
                block.is_signed = fragment_of.is_signed;
                block.fragments.push(fragment);
            }
            None => blocks.push(fragment_of),
        }
    }
    let blocks: Vec<Vec<u8>> = blocks.iter().map(Block::to_json).collect();
    blocks.join(&b',')
}

/// The place behind all blocks of some items, with commas between these.
pub(super) fn next_index(items: &[u8]) -> u64 {
    let array = [b"[", items, b"]"].concat();
    let indices = Value::new(&array).items().filter_map(index_of);
    indices
        .map(|(_, index)| index.saturating_add(1))
        .max()
        .unwrap_or(0)
}

/// Moves blocks behind those of earlier rounds: a client puts fragments with one index together.
pub(super) fn move_up<'a>(details: Value<'a>, by: u64, patch: &mut Patch<'a>) {
    for (place, index) in details.items().filter_map(index_of).filter(|_| by > 0) {
        patch.replace(place, index.saturating_add(by).to_string());
    }
}

/// Which block an item is of, and where it says so.
fn index_of(item: Value<'_>) -> Option<(Value<'_>, u64)> {
    let index = item.get("index")?;
    Some((index, index.count()?))
}

impl<'a> Block<'a> {
    fn of(fragment: Value<'a>) -> Self {
        let text = |name: &str| fragment.get(name).and_then(Value::filled);
        Self {
            index: index_of(fragment).map(|(_, index)| index),
            kind: text("type").unwrap_or_default(),
            is_signed: text("signature").is_some(),
            fragments: vec![fragment],
        }
    }

    fn goes_on_with(&self, fragment: &Self) -> bool {
        self.index.is_some() && self.index == fragment.index && !self.is_signed
    }

    fn to_json(&self) -> Vec<u8> {
        if let [only] = &self.fragments[..] {
            return only.raw().unwrap_or_default().to_vec();
        }
        let mut members: Vec<(Cow<'a, str>, Cow<'a, [u8]>)> = Vec::new();
        let told = self
            .fragments
            .iter()
            .flat_map(|fragment| fragment.members());
        for (name, value) in told.filter(|(_, value)| value.is_something()) {
            let raw = value.raw().unwrap_or_default();
            match members.iter_mut().find(|(known, _)| *known == name) {
                None => members.push((name, Cow::Borrowed(raw))),
                Some((_, known)) if GROWING.contains(&&*name) => grow(known.to_mut(), raw),
                Some((_, known)) if **known == *b"\"\"" => *known = Cow::Borrowed(raw),
                Some(_) => {}
            }
        }
        let members = members.iter().map(|(name, raw)| {
            let name = quoted(name).into_bytes();
            [&name, &b":"[..], &sound(raw)].concat()
        });
        let members: Vec<Vec<u8>> = members.collect();
        [b"{", &*members.join(&b','), b"}"].concat()
    }
}

/// Puts a text behind another, both in quotation marks. What is no text stays away.
fn grow(text: &mut Vec<u8>, more: &[u8]) {
    if let (Some(b'"'), Some(more)) = (text.last(), more.strip_prefix(b"\"")) {
        text.pop();
        text.extend_from_slice(more);
    }
}
