//! What happens to the frames of one connection on their way back.

use std::time::Duration;

use super::super::dice::Dice;
use super::frame::Frame;

/// How many frames may be held back at once; the oldest then goes on.
const MOST_HELD: usize = 64;

/// How often something happens to a frame: once in so many. Zero is never.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Odds {
    pub(in super::super) drop: u64,
    pub(in super::super) delay: u64,
    pub(in super::super) double: u64,
    pub(in super::super) hold: u64,
    /// The connection ends in place of the beginning of an answer.
    pub(in super::super) cut: u64,
}

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    Send(Frame),
    Wait(Duration),
    Cut,
}

/// How often something was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Done {
    pub(in super::super) passed: u64,
    pub(in super::super) dropped: u64,
    pub(in super::super) delayed: u64,
    pub(in super::super) doubled: u64,
    pub(in super::super) overtaken: u64,
    pub(in super::super) cut: u64,
}

/// The trouble of one connection.
#[derive(Debug)]
pub(super) struct Trouble {
    dice: Dice,
    held: Vec<Frame>,
    /// How many frames may still overtake those that are held.
    patience: u64,
    pub(super) done: Done,
}

impl Trouble {
    pub(super) fn new(dice: Dice) -> Self {
        Self {
            dice,
            held: Vec::new(),
            patience: 0,
            done: Done::default(),
        }
    }

    /// What becomes of this frame, and of those that waited for it.
    pub(super) fn take(&mut self, frame: Frame, odds: Odds) -> Vec<Deed> {
        let is_of_held = self.held.iter().any(|held| held.stream() == frame.stream());
        if is_of_held {
            // Within a stream the order stays: another order is not what a network does.
            self.held.push(frame);
            return self.release_if_due();
        }
        if frame.is_headers() && self.strikes(odds.cut) {
            self.done.cut += 1;
            return vec![Deed::Cut];
        }
        // A connection that lost a frame of its own cannot know that it will wait for ever.
        if frame.stream() != 0 && self.strikes(odds.drop) {
            self.done.dropped += 1;
            return Vec::new();
        }
        if frame.stream() != 0 && self.held.is_empty() && self.strikes(odds.hold) {
            self.patience = self.dice.between(1, 8);
            self.held.push(frame);
            return Vec::new();
        }
        let mut deeds = Vec::new();
        if self.strikes(odds.delay) {
            self.done.delayed += 1;
            deeds.push(Deed::Wait(self.dice.millis(5, 300)));
        }
        if self.strikes(odds.double) {
            self.done.doubled += 1;
            deeds.push(Deed::Send(frame.clone()));
        }
        self.done.passed += 1;
        deeds.push(Deed::Send(frame));
        if !self.held.is_empty() {
            self.done.overtaken += 1;
            self.patience = self.patience.saturating_sub(1);
            deeds.extend(self.release_if_due());
        }
        deeds
    }

    /// Everything that is held goes on: nothing came that could overtake it.
    pub(super) fn release(&mut self) -> Vec<Deed> {
        let held = std::mem::take(&mut self.held);
        self.done.passed += u64::try_from(held.len()).unwrap_or_default();
        held.into_iter().map(Deed::Send).collect()
    }

    fn release_if_due(&mut self) -> Vec<Deed> {
        match self.patience == 0 || self.held.len() >= MOST_HELD {
            true => self.release(),
            false => Vec::new(),
        }
    }

    fn strikes(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.dice.one_in(one_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Frame> {
        (0..400)
            .map(|number: u32| Frame::new(0, 1 + number % 3 * 2, &number.to_be_bytes()))
            .collect()
    }

    fn sent(odds: Odds) -> (Vec<Frame>, Done) {
        let mut trouble = Trouble::new(Dice::new(3));
        let mut sent = Vec::new();
        let taken = frames();
        let mut deeds: Vec<Deed> = taken
            .into_iter()
            .flat_map(|frame| trouble.take(frame, odds))
            .collect();
        deeds.extend(trouble.release());
        for deed in deeds {
            match deed {
                Deed::Send(frame) => sent.push(frame),
                Deed::Wait(_) | Deed::Cut => {}
            }
        }
        (sent, trouble.done)
    }

    #[test]
    fn without_odds_nothing_happens() {
        let (sent, done) = sent(Odds::default());
        assert_eq!(sent, frames());
        let passed = Done {
            passed: 400,
            ..Done::default()
        };
        assert_eq!(done, passed);
    }

    #[test]
    fn frames_overtake_those_of_other_streams_only() {
        let (sent, done) = sent(Odds {
            hold: 10,
            ..Odds::default()
        });
        assert_ne!(sent, frames());
        assert!(done.overtaken > 0, "{done:?}");
        for stream in [1, 3, 5] {
            let of = |all: &[Frame]| -> Vec<Frame> {
                let all = all.iter().filter(|frame| frame.stream() == stream);
                all.cloned().collect()
            };
            assert_eq!(of(&sent), of(&frames()), "{stream}");
        }
    }

    #[test]
    fn frames_are_dropped_and_doubled() {
        let (sent, done) = sent(Odds {
            drop: 10,
            double: 10,
            ..Odds::default()
        });
        assert!(done.dropped > 10 && done.doubled > 10, "{done:?}");
        let wanted = 400 - done.dropped + done.doubled;
        assert_eq!(u64::try_from(sent.len()).unwrap(), wanted);
    }

    #[test]
    fn the_beginning_of_an_answer_may_be_the_end_of_the_connection() {
        let odds = Odds {
            cut: 1,
            ..Odds::default()
        };
        let mut trouble = Trouble::new(Dice::new(1));
        let data = Frame::new(0, 1, b"");
        assert_eq!(trouble.take(data.clone(), odds), [Deed::Send(data)]);
        assert_eq!(trouble.take(Frame::new(1, 1, b""), odds), [Deed::Cut]);
        assert_eq!(trouble.done.cut, 1);
    }
}
