//! How often streams are asked for, whatever the server and the SDK make of it: a stream that ends
//! in an error is asked for again at once, and so is one whose server says to wait no time at all.

use std::time::Duration;

use tokio::time::Instant;

/// How often a server is listened to anew: what it says unasked may be late.
const LISTENING: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How often an answer is asked for again whose stream broke: somebody waits for it.
const RESUMING: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// The pace of one kind of stream. The first one is asked for at once; from then on each waits
/// longer than the one before, until it has been quiet for the longest wait.
#[derive(Debug)]
pub(super) struct Pace {
    first: Duration,
    longest: Duration,
    gap: Duration,
    last: Option<Instant>,
}

impl Pace {
    pub(super) fn of_listening() -> Self {
        Self::new(LISTENING)
    }

    pub(super) fn of_resuming() -> Self {
        Self::new(RESUMING)
    }

    fn new((first, longest): (Duration, Duration)) -> Self {
        Self {
            first,
            longest,
            gap: first,
            last: None,
        }
    }

    /// When a stream may be asked for that somebody wants now.
    pub(super) fn turn(&mut self, now: Instant) -> Instant {
        let at = match self.last {
            Some(last) if now < last + self.longest => {
                let at = now.max(last + self.gap);
                self.gap = (self.gap * 2).min(self.longest);
                at
            }
            Some(_) | None => {
                self.gap = self.first;
                now
            }
        };
        self.last = Some(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_waits_longer_until_it_has_been_quiet() {
        let start = Instant::now();
        let mut pace = Pace::of_listening();
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..9 {
            let at = pace.turn(now);
            waits.push((at - now).as_secs());
            now = at;
        }
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        now += LISTENING.1;
        assert_eq!(pace.turn(now), now);
        // Part of the wait has passed by itself.
        assert_eq!(pace.turn(now + LISTENING.0 / 2), now + LISTENING.0);
    }
}
