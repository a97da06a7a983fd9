//! Whether the control plane answers, and for how long its silence is bridged: a machine that takes
//! instants and asks nobody.

use std::time::Duration;

use tokio::time::Instant;

use crate::channel::Line;

/// The control plane is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// When the connection was lost, or when the first call was made that got no answer. For a
    /// gateway that was started meanwhile, when an earlier one heard of the control plane last.
    pub since: Instant,
    /// Until when known callers are let in. Not later than `since` when there is no grace.
    pub until: Instant,
}

impl Outage {
    /// Whether it is bridged at all: it is not when nothing was ever heard of the control plane,
    /// when it refuses this gateway, and when no grace is wanted.
    #[must_use]
    pub fn has_grace(&self) -> bool {
        self.until > self.since
    }
}

/// Follows one control plane. An outage begins when the connection is lost or a call gets no
/// answer; it ends with a new connection or with the answer to a later call.
#[derive(Debug)]
pub(super) struct Reach {
    grace: Duration,
    away: Option<Outage>,
    /// The last connection that was seen.
    number: Option<u64>,
    /// When the latest of the answered calls was made.
    answered: Option<Instant>,
}

impl Reach {
    /// Nothing has been heard yet, so there is no grace; see [`Reach::restore`].
    pub(super) const fn new(grace: Duration, now: Instant) -> Self {
        Self {
            grace,
            away: Some(Outage {
                since: now,
                until: now,
            }),
            number: None,
            answered: None,
        }
    }

    /// An earlier process heard of the control plane this long ago. The grace goes on from there.
    pub(super) fn restore(&mut self, silent_for: Duration, now: Instant) {
        let left = self.grace.saturating_sub(silent_for);
        self.away = Some(Outage {
            since: now.checked_sub(silent_for).unwrap_or(now),
            until: now + left,
        });
    }

    /// The outage, if there is one.
    pub(super) const fn outage(&self) -> Option<Outage> {
        self.away
    }

    /// Whether known callers may be let in unasked.
    pub(super) fn has_grace(&self, now: Instant) -> bool {
        self.away.is_some_and(|outage| now < outage.until)
    }

    /// Whether the control plane is away and the grace has ended: nobody is let in, leases included.
    /// When there is no grace at all, leases last.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.away
            .is_some_and(|outage| outage.has_grace() && outage.until <= now)
    }

    /// When the connection is a new one, what was granted earlier may have been revoked unseen. Then
    /// this is until when it would have been good on grace.
    pub(super) fn observe(&mut self, line: Line, now: Instant) -> Option<Instant> {
        match line {
            Line::Up(number) if self.number == Some(number) => None,
            Line::Up(number) => {
                let until = self.end_of_grace(now);
                self.number = Some(number);
                self.away = None;
                // The version check was answered just now.
                self.answered = Some(now);
                Some(until)
            }
            Line::Down(since) => {
                self.leave(since);
                None
            }
            Line::Refused => {
                let since = self.away.map_or(now, |outage| outage.since);
                let until = since;
                self.away = Some(Outage { since, until });
                None
            }
        }
    }

    /// The end of the grace of this outage, or of one that would begin now.
    pub(super) fn end_of_grace(&self, now: Instant) -> Instant {
        self.away.map_or(now + self.grace, |outage| outage.until)
    }

    /// A call that was made then got no answer. Says whether an outage has begun with it: not when
    /// a later call was answered, because then only this one was unlucky.
    pub(super) fn unanswered(&mut self, asked_at: Instant) -> bool {
        if self.answered.is_some_and(|answered| answered > asked_at) {
            return false;
        }
        self.leave(asked_at)
    }

    /// A call that was made then was answered.
    pub(super) fn answered(&mut self, asked_at: Instant) {
        if self.away.is_some_and(|outage| outage.since <= asked_at) {
            self.away = None;
        }
        self.answered = self.answered.max(Some(asked_at));
    }

    fn leave(&mut self, since: Instant) -> bool {
        let begins = self.away.is_none();
        if begins {
            self.away = Some(Outage {
                since,
                until: since + self.grace,
            });
        }
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(600);

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_word_there_is_no_grace() {
        let start = Instant::now();
        let mut reach = Reach::new(GRACE, start);
        reach.observe(Line::Down(start), start + seconds(1));
        assert!(!reach.has_grace(start));
        assert!(!reach.has_grace(start + seconds(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn grace_counts_from_the_loss_of_the_connection() {
        let start = Instant::now();
        let mut reach = Reach::new(GRACE, start);
        let end = reach.observe(Line::Up(1), start);
        assert_eq!(end, Some(start), "a new connection, and no grace before it");
        assert_eq!(reach.observe(Line::Up(1), start), None, "the same one");
        assert!(!reach.has_grace(start), "nobody is away");
        let lost = start + seconds(5);
        for seen in [6, 100, 604] {
            assert_eq!(reach.observe(Line::Down(lost), start + seconds(seen)), None);
            assert!(reach.has_grace(start + seconds(seen)), "{seen}");
        }
        assert!(!reach.has_grace(start + seconds(605)));
        let end = reach.observe(Line::Up(2), start + seconds(700));
        assert_eq!(
            end,
            Some(start + seconds(605)),
            "of the outage that is over"
        );
        assert_eq!(reach.outage(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_control_plane_is_away_until_a_later_call_is_answered() {
        let start = Instant::now();
        let mut reach = Reach::new(GRACE, start);
        reach.observe(Line::Up(1), start);
        assert!(reach.unanswered(start + seconds(1)));
        assert!(!reach.unanswered(start + seconds(2)), "it began before");
        reach.answered(start);
        assert!(reach.outage().is_some(), "an answer to an older call");
        assert_eq!(reach.observe(Line::Up(1), start + seconds(3)), None);
        assert!(reach.has_grace(start + seconds(600)));
        assert!(!reach.has_grace(start + seconds(601)));
        reach.answered(start + seconds(4));
        assert_eq!(reach.outage(), None);
        assert!(!reach.unanswered(start + seconds(3)), "only that one");
    }

    #[tokio::test(start_paused = true)]
    async fn losing_the_connection_of_a_stalled_one_extends_nothing() {
        let start = Instant::now();
        let mut reach = Reach::new(GRACE, start);
        reach.observe(Line::Up(1), start);
        reach.unanswered(start);
        reach.observe(Line::Down(start + seconds(300)), start + seconds(300));
        assert!(!reach.has_grace(start + seconds(600)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_extends_nothing() {
        let start = Instant::now();
        for (silent_for, expected) in [(0, 600), (60, 540), (600, 0), (6_000, 0)] {
            let mut reach = Reach::new(GRACE, start);
            reach.restore(seconds(silent_for), start);
            reach.observe(Line::Down(start), start);
            let outage = reach.outage().expect("away");
            assert_eq!(outage.until - start, seconds(expected), "{silent_for}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_gateway_has_no_grace() {
        let start = Instant::now();
        let mut reach = Reach::new(GRACE, start);
        reach.observe(Line::Up(1), start);
        reach.observe(Line::Down(start), start);
        assert!(reach.has_grace(start));
        reach.observe(Line::Refused, start + seconds(1));
        assert!(!reach.has_grace(start + seconds(1)));
    }
}
