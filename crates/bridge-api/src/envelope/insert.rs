//! Items that are put into an array without copying what is in it.

use std::sync::OnceLock;

use bytes::Bytes;

/// At which end of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Front,
    Back,
}

/// What was put into one array. Each piece is one item or several with commas between them.
#[derive(Debug, Clone, Default)]
pub(super) struct Inserted {
    /// The piece that stands first comes last.
    front: Vec<Bytes>,
    back: Vec<Bytes>,
    /// The array with all of it, when somebody has read it.
    whole: OnceLock<Bytes>,
}

impl Inserted {
    pub(super) fn insert(&mut self, side: Side, items: Bytes) {
        self.whole.take();
        match side {
            Side::Front => self.front.push(items),
            Side::Back => self.back.push(items),
        }
    }

    pub(super) fn len(&self) -> usize {
        let pieces = self.front.iter().chain(&self.back);
        pieces.map(|piece| piece.len() + 1).sum()
    }

    /// The array as it is now, to be read.
    pub(super) fn whole(&self, array: &[u8]) -> &[u8] {
        self.whole.get_or_init(|| {
            let mut out = Vec::with_capacity(array.len() + self.len());
            self.write(array, &mut out);
            Bytes::from(out)
        })
    }

    /// Writes the array with what was put into it. Its own bytes stay in their order.
    pub(super) fn write(&self, array: &[u8], out: &mut Vec<u8>) {
        let Some((head, inner, tail)) = split(array) else {
            out.extend_from_slice(array);
            return;
        };
        let mut is_first = true;
        out.extend_from_slice(head);
        for piece in self.front.iter().rev() {
            super::separate(out, &mut is_first);
            out.extend_from_slice(piece);
        }
        if inner.trim_ascii().is_empty() {
            out.extend_from_slice(inner);
        } else {
            super::separate(out, &mut is_first);
            out.extend_from_slice(inner);
        }
        for piece in &self.back {
            super::separate(out, &mut is_first);
            out.extend_from_slice(piece);
        }
        out.extend_from_slice(tail);
    }
}

/// An array up to its opening bracket, what is in it, and its closing bracket with the rest.
fn split(array: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let open = memchr::memchr(b'[', array)? + 1;
    let close = memchr::memrchr(b']', array)?;
    let (head, rest) = array.split_at_checked(open)?;
    let (inner, tail) = rest.split_at_checked(close.checked_sub(open)?)?;
    Some((head, inner, tail))
}
