use std::time::SystemTime;

use super::super::config::JournalConfig;
use super::super::open_set::OpenSet;
use super::super::recover::Recovered;
use super::{Entry, Next, Queue, Trouble, tell};
use crate::sample::{self, started_as};
use crate::{BatcherConfig, InterceptionId, Record};

fn queue(config: JournalConfig) -> Queue {
    Queue::new(config, &Recovered::default())
}

fn prompt(length: usize) -> Record {
    sample::prompt(InterceptionId::generate(), length)
}

fn ended() -> Record {
    sample::ended(InterceptionId::generate())
}

fn failing() -> Trouble {
    Trouble::Failing {
        since: SystemTime::UNIX_EPOCH,
        reason: "refused".into(),
    }
}

fn numbers(group: &[Entry]) -> Vec<u64> {
    group.iter().map(|entry| entry.seq).collect()
}

/// What is delivered next from memory: how many records, and up to which.
fn handed_out(queue: &mut Queue, position: u64) -> (usize, u64) {
    match queue.next_after(position) {
        Next::Records(records, through) => (records.len(), through),
        Next::Nothing => (0, position),
        Next::Backlog(stretch) => panic!("{stretch:?}"),
    }
}

#[test]
fn what_the_writer_tries_to_write_is_delivered_before_what_came_later() {
    let mut queue = queue(JournalConfig::default());
    queue.take(prompt(10));
    queue.take(prompt(10));
    queue.fail(failing());
    assert_eq!(numbers(&queue.begin_group()), [1, 2]);
    queue.take(prompt(10));
    assert_eq!(handed_out(&mut queue, 0), (3, 3));
    tell(queue.acknowledge(3));
    queue.group_failed(failing());
    assert_eq!(queue.unsafe_records(), 0);
    assert_eq!(handed_out(&mut queue, 3), (0, 3));
}

#[test]
fn nobody_waits_for_what_was_delivered_while_it_was_being_written() {
    let mut queue = queue(JournalConfig::default());
    queue.take(prompt(10));
    queue.fail(failing());
    assert_eq!(handed_out(&mut queue, 0), (1, 1));
    let _group = queue.begin_group();
    tell(queue.acknowledge(1));
    queue.group_failed(failing());
    // The disk is tried with a segment without records.
    queue.trouble = None;
    let _group = queue.begin_group();
    tell(queue.group_is_safe());
    assert!(queue.wait_for(queue.last_taken()).is_none());
}

#[test]
fn whoever_waits_is_told_when_the_sink_has_it() {
    let mut queue = queue(JournalConfig::default());
    queue.take(prompt(5 << 20));
    queue.take(prompt(5 << 20));
    queue.fail(failing());
    assert_eq!(handed_out(&mut queue, 0).1, 1);
    assert_eq!(numbers(&queue.begin_group()), [1]);
    queue.trouble = None;
    tell(queue.group_is_safe());
    let mut told = queue.wait_for(2).unwrap();
    assert!(told.try_recv().is_err());
    tell(queue.acknowledge(2));
    assert_eq!(told.try_recv(), Ok(()));
}

/// What is open after the writer has noted everything that was skipped before this record.
fn open_after(queue: &mut Queue, open: &mut OpenSet, first: u64) -> usize {
    for (kind, interception) in queue.skipped.take_before(first) {
        open.note(kind, interception);
    }
    open.list().len()
}

#[test]
fn an_interception_that_was_delivered_from_memory_does_not_stay_open() {
    let (mut queue, mut open) = (queue(JournalConfig::default()), OpenSet::default());
    let begin = |queue: &mut Queue| {
        let end = ended();
        queue.take(started_as(end.interception));
        queue.take(prompt(10));
        end
    };
    queue.fail(failing());
    // All of it is in the writer's hands.
    let end = begin(&mut queue);
    queue.take(end);
    assert_eq!(numbers(&queue.begin_group()), [1, 2, 3]);
    tell(queue.acknowledge(3));
    queue.group_failed(failing());
    assert_eq!(open_after(&mut queue, &mut open, 4), 0);
    // Its end is not.
    let end = begin(&mut queue);
    assert_eq!(numbers(&queue.begin_group()), [4, 5]);
    queue.take(end);
    tell(queue.acknowledge(6));
    assert_eq!(open_after(&mut queue, &mut open, 4), 0);
    queue.group_failed(failing());
    assert_eq!(open_after(&mut queue, &mut open, 7), 0);
    // Only its beginning was delivered so far.
    let _end = begin(&mut queue);
    tell(queue.acknowledge(8));
    assert_eq!(open_after(&mut queue, &mut open, 9), 1);
}

#[test]
fn what_damage_has_taken_is_not_waited_for() {
    let recovered = Recovered {
        last: 20,
        acknowledged: 5,
        ..Recovered::default()
    };
    let mut queue = Queue::new(JournalConfig::default(), &recovered);
    assert_eq!(handed_out(&mut queue, 5), (0, 20));
    tell(queue.acknowledge(20));
    assert_eq!(queue.unacknowledged(), 0);
    assert!(matches!(queue.next_after(20), Next::Nothing));
}

#[test]
fn nobody_waits_for_a_journal_that_is_over() {
    let mut queue = queue(JournalConfig::default());
    queue.take(prompt(10));
    queue.is_over = true;
    assert!(queue.wait_for(1).is_none());
}

#[test]
fn an_end_finds_room_where_nothing_else_does() {
    let delivery = BatcherConfig {
        waiting_bytes: 10_000,
        ..BatcherConfig::default()
    };
    let mut queue = queue(JournalConfig {
        delivery,
        ..JournalConfig::default()
    });
    queue.take(prompt(19_000));
    queue.take(prompt(2_000));
    assert_eq!((queue.unsafe_records(), queue.not_kept), (1, 1));
    queue.take(ended());
    queue.take(ended());
    queue.take(ended());
    assert_eq!((queue.unsafe_records(), queue.not_kept), (4, 1));
}
