use std::time::SystemTime;

use super::super::AuthorizerConfig;
use super::*;

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn changes(added: u64, taken: u64) -> Changes {
    Changes { added, taken }
}

/// A file was written this long ago with nothing in it, and writing took no time.
fn check(age: u64, now_changes: Changes, is_away: bool, expected: bool) {
    let at = std::iter::once(Instant::now()).next().expect("one");
    let now = at + seconds(age);
    let away = is_away.then_some(Outage {
        since: at,
        until: at,
    });
    let last = Last {
        at: Some(at),
        outage: away,
        ..Last::default()
    };
    let found = last.is_due(now_changes, away, now);
    assert_eq!(found, expected, "{age} s, {now_changes:?}, {is_away}");
}

#[test]
fn revocations_leave_the_file_at_once_and_grants_may_wait() {
    check(1, changes(0, 0), false, false);
    check(1, changes(0, 1), false, true);
    check(1, changes(0, 1), true, true);
    check(1, changes(3, 0), false, false);
    check(5, changes(3, 0), false, true);
    check(59, changes(0, 0), false, false);
    check(60, changes(0, 0), false, true);
    check(60, changes(0, 0), true, false);
}

#[test]
fn the_first_file_has_a_reason_and_a_lost_connection_is_one() {
    let now = std::iter::once(Instant::now()).next().expect("one");
    let outage = Some(Outage {
        since: now,
        until: now,
    });
    let last = Last::default();
    assert!(!last.is_due(changes(0, 0), None, now), "nothing to say");
    assert!(last.is_due(changes(1, 0), None, now));
    let last = Last {
        at: Some(now),
        ..Last::default()
    };
    assert!(last.is_due(changes(0, 0), outage, now + seconds(1)));
}

#[test]
fn a_slow_disk_is_not_kept_busy() {
    let at = std::iter::once(Instant::now()).next().expect("one");
    let last = Last {
        at: Some(at),
        took: seconds(2),
        ..Last::default()
    };
    assert!(!last.is_due(changes(0, 9), None, at + seconds(19)));
    assert!(last.is_due(changes(0, 9), None, at + seconds(20)));
}

/// Whether a copy gives a grace that was written when the clock told this.
fn check_clock(heard_at: SystemTime, is_taken: bool) {
    let mut state = State::new(&AuthorizerConfig::default());
    let grants = Vec::new();
    let taken = take(Copied { heard_at, grants }, &mut state);
    assert_eq!(taken.is_some(), is_taken);
    assert_eq!(state.reach.has_grace(Instant::now()), is_taken);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_gives_no_new_grace() {
    let wall = wall_clock();
    check_clock(wall - seconds(60), true);
    check_clock(wall + seconds(2), true);
    check_clock(wall + seconds(600), false);
    check_clock(wall + seconds(1_000_000_000), false);
}
