//! Bytes that go on together.

use bytes::{Bytes, BytesMut};

/// What goes on of one piece: what was held back, whole events, and what can be held no longer.
#[derive(Default)]
pub(super) struct Pieces(pub(super) [Option<Bytes>; 3]);

impl Pieces {
    pub(super) fn one(piece: Bytes) -> Self {
        Self([Some(piece), None, None])
    }

    pub(super) fn of(held: Option<Bytes>, whole: Bytes, overlong: Option<Bytes>) -> Self {
        Self([held, Some(whole), overlong])
    }
}

/// Pieces that go on together. One alone is not copied.
#[derive(Default)]
pub(super) enum Gathered {
    #[default]
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Gathered {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(piece) => piece.len(),
            Self::Many(pieces) => pieces.len(),
        }
    }

    pub(super) fn push(&mut self, pieces: Pieces) {
        for piece in pieces
            .0
            .into_iter()
            .flatten()
            .filter(|piece| !piece.is_empty())
        {
            *self = match std::mem::take(self) {
                Self::Nothing => Self::One(piece),
                Self::One(before) => {
                    let mut both = BytesMut::with_capacity(4 * (before.len() + piece.len()));
                    both.extend_from_slice(&before);
                    both.extend_from_slice(&piece);
                    Self::Many(both)
                }
                Self::Many(mut all) => {
                    all.extend_from_slice(&piece);
                    Self::Many(all)
                }
            };
        }
    }

    /// Takes the last byte out.
    pub(super) fn split_last(&mut self) -> Option<Bytes> {
        let before = self.len().checked_sub(1)?;
        let last = match self {
            Self::Nothing => return None,
            Self::One(piece) => piece.split_off(before),
            Self::Many(pieces) => pieces.split_off(before).freeze(),
        };
        if before == 0 {
            *self = Self::Nothing;
        }
        Some(last)
    }

    pub(super) fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Nothing => None,
            Self::One(piece) => Some(piece),
            Self::Many(pieces) => Some(pieces.freeze()),
        }
    }
}
