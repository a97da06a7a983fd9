//! The segments that hold records, and how many bytes they are together.

use std::collections::VecDeque;

use crate::journal::recover::Stretch;

/// Segments, the oldest first. Their bytes are added up as they change, because every beginning
/// asks for the sum.
#[derive(Debug)]
pub(in crate::journal) struct Stretches {
    list: VecDeque<Stretch>,
    bytes: u64,
}

impl Stretches {
    pub(super) fn of(found: &[Stretch]) -> Self {
        Self {
            list: found.iter().copied().collect(),
            bytes: found.iter().map(|stretch| stretch.bytes).sum(),
        }
    }

    pub(in crate::journal) fn len(&self) -> usize {
        self.list.len()
    }

    /// Bytes of all of them.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn newest(&self) -> Option<&Stretch> {
        self.list.back()
    }

    /// The oldest that goes on behind the record `position`.
    pub(super) fn behind(&self, position: u64) -> Option<&Stretch> {
        self.list.iter().find(|stretch| stretch.last > position)
    }

    /// A segment was begun.
    pub(in crate::journal) fn begin(&mut self, stretch: Stretch) {
        self.bytes += stretch.bytes;
        self.list.push_back(stretch);
    }

    /// The newest segment has changed.
    pub(in crate::journal) fn change_newest(&mut self, change: impl FnOnce(&mut Stretch)) {
        if let Some(newest) = self.list.back_mut() {
            self.bytes -= newest.bytes;
            change(newest);
            self.bytes += newest.bytes;
        }
    }

    /// The newest segment is gone.
    pub(in crate::journal) fn remove_newest(&mut self) {
        self.bytes -= self.list.pop_back().map_or(0, |newest| newest.bytes);
    }

    /// Takes the oldest ones off, as long as `is_expired` says so.
    pub(super) fn take_while(&mut self, is_expired: impl Fn(&Stretch) -> bool) -> Vec<Stretch> {
        let expired = self.list.iter().take_while(|stretch| is_expired(stretch));
        let taken: Vec<_> = self.list.drain(..expired.count()).collect();
        self.bytes -= taken.iter().map(|stretch| stretch.bytes).sum::<u64>();
        taken
    }

    /// Damage was seen in this segment.
    pub(super) fn mark_damaged(&mut self, number: u64) {
        let mut list = self.list.iter_mut();
        if let Some(stretch) = list.find(|stretch| stretch.number == number) {
            stretch.is_damaged = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(number: u64, bytes: u64) -> Stretch {
        Stretch {
            number,
            bytes,
            first: number,
            last: number,
            made_at: 0,
            is_damaged: false,
        }
    }

    #[test]
    fn the_sum_follows_every_change() {
        let mut stretches = Stretches::of(&[stretch(1, 10), stretch(2, 20)]);
        stretches.begin(stretch(3, 5));
        stretches.change_newest(|newest| newest.bytes = 50);
        assert_eq!(stretches.bytes(), 80);
        let taken = stretches.take_while(|stretch| stretch.last <= 1);
        assert_eq!((taken.len(), stretches.bytes()), (1, 70));
        stretches.remove_newest();
        assert_eq!((stretches.len(), stretches.bytes()), (1, 20));
        stretches.remove_newest();
        stretches.remove_newest();
        assert_eq!(stretches.bytes(), 0);
    }
}
