use std::time::SystemTime;

use super::super::config::JournalConfig;
use super::super::recover::Recovered;
use super::{Entry, Next, Queue, Trouble, tell};
use crate::{BatcherConfig, Ended, Event, InterceptionId, Outcome, PromptUsage, Record};

fn queue(config: JournalConfig) -> Queue {
    Queue::new(config, &Recovered::default())
}

fn prompt(length: usize) -> Record {
    let prompt = PromptUsage {
        response_id: String::new(),
        prompt: "x".repeat(length),
    };
    let interception = InterceptionId::generate();
    Record::new(interception, SystemTime::UNIX_EPOCH, Event::Prompt(prompt))
}

fn ended() -> Record {
    let ended = Ended {
        outcome: Outcome::Completed,
        credential_hint: String::new(),
        provider_status: None,
        error_type: None,
        error_message: None,
    };
    let interception = InterceptionId::generate();
    let event = Event::Ended(Box::new(ended));
    Record::new(interception, SystemTime::UNIX_EPOCH, event)
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
