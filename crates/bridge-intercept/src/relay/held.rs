//! The beginning of an event whose rest has not come yet.

use bytes::{Bytes, BytesMut};

use super::gathered::Pieces;

/// Holds the incomplete end of a stream back, up to a limit.
pub(super) struct Held {
    tail: BytesMut,
    limit: usize,
    has_given_up: bool,
}

impl Held {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            tail: BytesMut::new(),
            limit,
            has_given_up: false,
        }
    }

    /// Whether the stream is passed on as it comes, because an event was too large to hold.
    pub(super) fn has_given_up(&self) -> bool {
        self.has_given_up
    }

    /// Passes on whole events. `boundary` is where the last one in `piece` ends.
    pub(super) fn pass(&mut self, mut piece: Bytes, boundary: Option<usize>) -> Pieces {
        if self.has_given_up {
            return Pieces::one(piece);
        }
        let whole = piece.split_to(boundary.unwrap_or(0));
        let before = if boundary.is_some() {
            self.rest()
        } else {
            None
        };
        self.tail.extend_from_slice(&piece);
        if self.tail.len() <= self.limit {
            return Pieces::of(before, whole, None);
        }
        self.has_given_up = true;
        Pieces::of(before, whole, self.rest())
    }

    /// Passes on everything from now on.
    pub(super) fn give_up(&mut self, piece: Bytes) -> Pieces {
        self.has_given_up = true;
        Pieces::of(self.rest(), piece, None)
    }

    /// What is held, for a stream that has ended as it should.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        (!self.tail.is_empty()).then(|| self.tail.split().freeze())
    }
}

#[cfg(test)]
mod tests;
