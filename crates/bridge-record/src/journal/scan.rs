//! Reads the bytes of a segment, whatever they are: every whole record, and what is wrong.
//!
//! A group that is not whole and is followed by one that is, is damage: it was synced before the
//! next one was begun. One that nothing whole follows is a torn tail.

use memchr::memmem;

use super::format::{
    Found, GROUP_BYTES, GROUP_MAGIC, GroupHead, Header, RECORD_MAGIC, record_length,
};

/// Searching for records in damaged bytes hashes at most this many times their length.
const EFFORT: usize = 8;

/// What is in a segment.
#[derive(Debug)]
pub(super) struct Scan<'b> {
    /// Nothing when it is not whole.
    pub(super) header: Option<Header>,
    /// Every whole record, with rising sequence numbers.
    pub(super) records: Vec<Found<'b>>,
    /// Where damage begins, with what is wrong there.
    pub(super) faults: Vec<Fault>,
    /// Where the torn tail begins, if there is one.
    pub(super) torn_at: Option<usize>,
    /// How many of the records are in the torn tail.
    pub(super) torn_records: usize,
    /// Behind the last group that is whole.
    pub(super) end: usize,
}

/// Something that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// Bytes from the beginning of the file.
    pub(super) offset: usize,
    pub(super) what: FaultKind,
}

/// What can be wrong with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The header's checksum is wrong, or there is none.
    #[error("the header is not whole")]
    Header,
    /// A group's checksum or length is wrong, and whole ones follow.
    #[error("a group is not whole, and others follow it")]
    Group,
    /// Sequence numbers are missing between two whole groups.
    #[error("records are missing between two groups")]
    Gap,
    /// The segment that follows says that there was more.
    #[error("records are missing at the end")]
    Shortened,
    /// A record that is whole cannot be understood.
    #[error("a record cannot be read")]
    Unreadable,
}

/// Reads a segment.
pub(super) fn scan(bytes: &[u8]) -> Scan<'_> {
    let header = Header::decode(bytes);
    let start = header.as_ref().map_or(0, |(_, length)| *length);
    let mut scan = Scan {
        header: header.map(|(header, _)| header),
        records: Vec::new(),
        faults: Vec::new(),
        torn_at: None,
        torn_records: 0,
        end: start,
    };
    let is_repaired = scan
        .header
        .as_ref()
        .is_some_and(|header| header.is_repaired);
    let mut at = start;
    let mut expected = scan.header.as_ref().map(|header| header.first);
    if scan.header.is_none() {
        at = scan.skip_header(bytes);
    }
    while bytes.get(at..).is_some_and(|rest| !is_blank(rest)) {
        match whole_group(bytes, at) {
            Some((head, records)) => {
                if !is_repaired && expected.is_some_and(|expected| expected != head.first) {
                    scan.fault(at, FaultKind::Gap);
                }
                scan.take(records);
                expected = Some(head.first + u64::from(head.count));
                at += GROUP_BYTES + head.length;
                scan.end = at;
            }
            None => at = scan.pass_over(bytes, at, &mut expected),
        }
    }
    scan
}

impl<'b> Scan<'b> {
    /// The sequence number of the last whole record.
    pub(super) fn last(&self) -> Option<u64> {
        self.records.last().map(|found| found.seq)
    }

    fn fault(&mut self, offset: usize, what: FaultKind) {
        self.faults.push(Fault { offset, what });
    }

    /// Sequence numbers rise, also where damaged bytes were searched.
    fn take(&mut self, found: Vec<Found<'b>>) {
        for record in found {
            if self.last().is_none_or(|last| record.seq > last) {
                self.records.push(record);
            }
        }
    }

    fn take_torn(&mut self, at: usize, found: Vec<Found<'b>>) {
        let before = self.records.len();
        self.take(found);
        self.torn_at = Some(at);
        self.torn_records = self.records.len() - before;
    }

    /// Where to go on without a header.
    fn skip_header(&mut self, bytes: &'b [u8]) -> usize {
        match next_group(bytes, 0) {
            Some(next) => {
                self.fault(0, FaultKind::Header);
                let records = salvage(bytes, 0, next);
                self.take(records);
                next
            }
            None => {
                if !is_blank(bytes) {
                    self.take_torn(0, salvage(bytes, 0, bytes.len()));
                }
                bytes.len()
            }
        }
    }

    /// Takes the whole records out of a group that is not. Says where to go on.
    fn pass_over(&mut self, bytes: &'b [u8], at: usize, expected: &mut Option<u64>) -> usize {
        let next = next_group(bytes, at + 1);
        let end = next.unwrap_or(bytes.len());
        let records = salvage(bytes, at, end);
        if next.is_some() {
            self.fault(at, FaultKind::Group);
            self.take(records);
        } else {
            self.take_torn(at, records);
        }
        // What is missing in between is told by this fault.
        *expected = None;
        end
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// The group that begins at `at`, when all of it is whole.
fn whole_group(bytes: &[u8], mut at: usize) -> Option<(GroupHead, Vec<Found<'_>>)> {
    let head = GroupHead::decode(bytes.get(at..)?)?;
    at += GROUP_BYTES;
    let end = at.checked_add(head.length)?;
    if crc32fast::hash(bytes.get(at..end)?) != head.sum {
        return None;
    }
    let bytes = bytes.get(..end)?;
    let mut records = Vec::new();
    let mut seq = head.first;
    while at < end {
        let found = Found::decode(bytes, at).filter(|found| found.seq == seq)?;
        seq = seq.checked_add(1)?;
        at += found.len();
        records.push(found);
    }
    (u32::try_from(records.len()) == Ok(head.count)).then_some((head, records))
}

/// Where the next group with a whole head begins, from `from` on.
fn next_group(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    memmem::find_iter(rest, &GROUP_MAGIC)
        .find(|at| {
            rest.get(*at..)
                .is_some_and(|rest| GroupHead::decode(rest).is_some())
        })
        .map(|at| from + at)
}

/// Every whole record from `at` to `end`, where not everything is whole.
fn salvage(bytes: &[u8], mut at: usize, end: usize) -> Vec<Found<'_>> {
    let bytes = bytes.get(..end).unwrap_or(bytes);
    let mut found = Vec::new();
    let mut budget = end.saturating_sub(at).saturating_mul(EFFORT);
    while let Some(rest) = bytes.get(at..) {
        let Some(begin) = memmem::find(rest, &RECORD_MAGIC) else {
            break;
        };
        at += begin;
        let Some(candidate) = bytes.get(at..) else {
            break;
        };
        let length = record_length(candidate).filter(|length| *length <= candidate.len());
        budget = match budget.checked_sub(length.unwrap_or(0)) {
            Some(left) => left,
            None => break,
        };
        match length.and_then(|_| Found::decode(bytes, at)) {
            Some(record) => {
                at += record.len();
                found.push(record);
            }
            None => at += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests;
