//! Segments that are whole, torn and damaged in ways that the model does not aim at.

use std::time::SystemTime;

use super::*;
use crate::journal::format::{GroupBuffer, VERSION};
use crate::{Event, InterceptionId, PromptUsage, Record};

fn prompt(text: &str) -> Record {
    let prompt = PromptUsage {
        response_id: String::new(),
        prompt: text.to_owned(),
    };
    let interception = InterceptionId::generate();
    Record::new(interception, SystemTime::UNIX_EPOCH, Event::Prompt(prompt))
}

fn header() -> Vec<u8> {
    let header = Header {
        version: VERSION,
        is_repaired: false,
        number: 1,
        first: 1,
        safe_before: 0,
        made_at: 0,
        open: vec![InterceptionId::generate()],
    };
    header.encode().unwrap()
}

fn group(first: u64, texts: &[&str]) -> Vec<u8> {
    let mut group = GroupBuffer::default();
    group.begin(first);
    for text in texts {
        group.add(&prompt(text)).unwrap();
    }
    group.finish().to_vec()
}

/// Sequence numbers of what is whole, places and kinds of damage, and the torn tail.
fn seen(parts: &[&[u8]]) -> (Vec<u64>, Vec<FaultKind>, Option<usize>) {
    let bytes = parts.concat();
    let scan = scan(&bytes);
    let sequences = scan.records.iter().map(|found| found.seq).collect();
    let faults = scan.faults.iter().map(|fault| fault.what).collect();
    (sequences, faults, scan.torn_at)
}

#[test]
fn a_whole_segment_may_end_with_blank_bytes() {
    let (header, one, two) = (header(), group(1, &["a", "b"]), group(3, &["c"]));
    for blank in [0, 1, 5_000] {
        let blank = vec![0; blank];
        let whole = seen(&[&header, &one, &two, &blank]);
        assert_eq!(whole, (vec![1, 2, 3], vec![], None));
    }
    assert_eq!(seen(&[]), (vec![], vec![], None));
    assert_eq!(seen(&[&header]), (vec![], vec![], None));
}

#[test]
fn what_nothing_whole_follows_is_torn_and_its_whole_records_are_kept() {
    let (header, one, two) = (header(), group(1, &["a"]), group(2, &["b", "c"]));
    let torn = two.get(..two.len() - 1).unwrap();
    let at = header.len() + one.len();
    assert_eq!(seen(&[&header, &one, torn]), (vec![1, 2], vec![], Some(at)));
    assert_eq!(
        seen(&[header.get(..30).unwrap()]),
        (vec![], vec![], Some(0))
    );
}

#[test]
fn what_something_whole_follows_is_damage() {
    let (header, mut one, two) = (header(), group(1, &["a", "b", "c"]), group(4, &["d"]));
    let last = one.len() - 3;
    one[last] ^= 1;
    let damaged = seen(&[&header, &one, &two]);
    assert_eq!(damaged, (vec![1, 2, 4], vec![FaultKind::Group], None));
    let headless = seen(&[header.get(9..).unwrap(), &two]);
    assert_eq!(headless, (vec![4], vec![FaultKind::Header], None));
    let gap = seen(&[&header, &group(1, &["a"]), &two]);
    assert_eq!(gap, (vec![1, 4], vec![FaultKind::Gap], None));
}

#[test]
fn numbers_that_came_before_do_not_come_again() {
    let (header, one) = (header(), group(1, &["a", "b"]));
    let twice = seen(&[&header, &one, &one]);
    assert_eq!(twice, (vec![1, 2], vec![FaultKind::Gap], None));
}

#[test]
fn what_a_customer_wrote_is_never_taken_for_a_record() {
    // Every byte that text can hold, and the visible part of the marks.
    let text: String = (0..=u8::MAX).map(char::from).collect();
    let mut inner = group(1, &[&format!("{text}RE\u{1}GR\u{1}\u{ff}")]);
    let payload = inner.split_off(GROUP_BYTES + 4);
    let is_marked = |mark: &[u8]| memmem::find(&payload, mark).is_some();
    assert!(!is_marked(&RECORD_MAGIC) && !is_marked(&GROUP_MAGIC));
}
