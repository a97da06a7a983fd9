//! What the journal holds in memory: records that are not safe yet, the newest of those that are,
//! and who waits. No input and output happens here.

mod figures;
mod skipped;
mod stretches;
#[cfg(test)]
mod tests;
mod waiters;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::oneshot;

use self::skipped::Skipped;
use self::stretches::Stretches;
use self::waiters::Waiter;
pub(super) use self::waiters::tell;
use super::config::{Durability, JournalConfig};
use super::format::Kind;
use super::recover::{Recovered, Stretch};
use crate::delivery::weight;
use crate::{InterceptionId, Record, RecordError};

/// How much a group may hold; one larger record is a group of its own.
const GROUP_LIMIT: usize = 4 << 20;
/// What was started may use this many times the memory that something new may.
const HARD_FACTOR: usize = 2;

/// A record with its place in the order.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) record: Arc<Record>,
    pub(super) weight: usize,
}

/// Why nothing can be written now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    Failing { since: SystemTime, reason: Arc<str> },
    NoSpace,
}

/// What is to be delivered next.
#[derive(Debug)]
pub(super) enum Next {
    Nothing,
    /// These, which were in memory.
    Records(Vec<Record>, u64),
    /// What this segment holds.
    Backlog(Stretch),
}

#[derive(Debug)]
pub(super) struct Queue {
    config: JournalConfig,
    /// Taken and not safe, without those in the writer's hands.
    waiting: VecDeque<Entry>,
    waiting_bytes: usize,
    /// In the writer's hands, and older than all that wait.
    writing: Vec<Entry>,
    writing_bytes: usize,
    /// Safe and not handed out for delivery, as far as memory allows.
    kept: VecDeque<Entry>,
    kept_bytes: usize,
    /// The sequence number that the next record gets.
    next: u64,
    /// Everything up to this one needs no writing any more.
    safe: u64,
    /// The sink has everything up to this one.
    pub(super) acknowledged: u64,
    /// Segments with records, the oldest first; the last one is the one that is written, if
    /// `current` says so.
    pub(super) stretches: Stretches,
    pub(super) current: Option<u64>,
    waiters: VecDeque<Waiter>,
    pub(super) trouble: Option<Trouble>,
    pub(super) is_closed: bool,
    /// Nobody writes or delivers any more.
    pub(super) is_over: bool,
    /// Interceptions whose beginning was not kept, so that the rest is of no use.
    unkept: HashSet<InterceptionId>,
    /// Records that were delivered and therefore never written.
    pub(super) skipped: Skipped,
    /// Counted since the last look.
    pub(super) not_kept: u64,
    /// Segments that turned out to be damaged after the start.
    pub(super) damaged: usize,
}

impl Queue {
    pub(super) fn new(config: JournalConfig, recovered: &Recovered) -> Self {
        Self {
            config,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            writing: Vec::new(),
            writing_bytes: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            next: recovered.last.saturating_add(1),
            safe: recovered.last,
            acknowledged: recovered.acknowledged,
            stretches: Stretches::of(&recovered.stretches),
            current: None,
            waiters: VecDeque::new(),
            trouble: None,
            is_closed: false,
            is_over: false,
            unkept: HashSet::new(),
            skipped: Skipped::default(),
            not_kept: 0,
            damaged: 0,
        }
    }

    /// Takes the first record of an interception. Says its number; nothing when it is not kept.
    pub(super) fn start(&mut self, record: Record) -> Result<Option<u64>, RecordError> {
        if self.is_closed {
            return Err(RecordError::Closed);
        }
        let weight = weight(&record);
        let has_room = self.unsafe_bytes() + weight <= self.config.delivery.waiting_bytes;
        match self.config.durability {
            Durability::Strict => {
                self.check(has_room)?;
                Ok(Some(self.push(record, weight)))
            }
            Durability::Relaxed if has_room => Ok(Some(self.push(record, weight))),
            Durability::Relaxed => {
                self.unkept.insert(record.interception);
                self.not_kept += 1;
                Ok(None)
            }
        }
    }

    fn check(&self, has_room: bool) -> Result<(), RecordError> {
        if let Some(Trouble::Failing { reason, .. }) = &self.trouble {
            return Err(RecordError::Failing {
                reason: reason.to_string(),
            });
        }
        let (used, limit) = (self.held_bytes(), self.config.start_limit());
        if used >= limit || self.trouble.is_some() {
            return Err(RecordError::Full {
                waiting_bytes: usize::try_from(used).unwrap_or(usize::MAX),
                limit_bytes: usize::try_from(limit).unwrap_or(usize::MAX),
            });
        }
        if !has_room {
            return Err(RecordError::Full {
                waiting_bytes: self.unsafe_bytes(),
                limit_bytes: self.config.delivery.waiting_bytes,
            });
        }
        Ok(())
    }

    /// Takes a later record, if there is any room for it.
    pub(super) fn take(&mut self, record: Record) {
        let weight = weight(&record);
        let ends = Kind::of(&record) == Kind::Ends;
        let is_unkept = if ends {
            self.unkept.remove(&record.interception)
        } else {
            self.unkept.contains(&record.interception)
        };
        let limit = self
            .config
            .delivery
            .waiting_bytes
            .saturating_mul(HARD_FACTOR);
        // An end always finds room, so that nothing stays open that is known to have ended. There
        // are no more of them than interceptions that run.
        let has_room = ends || self.unsafe_bytes() + weight <= limit;
        if self.is_over || is_unkept || !has_room {
            self.not_kept += 1;
        } else {
            self.push(record, weight);
        }
    }

    fn push(&mut self, record: Record, weight: usize) -> u64 {
        let seq = self.next;
        self.next += 1;
        self.waiting_bytes += weight;
        self.waiting.push_back(Entry {
            seq,
            record: Arc::new(record),
            weight,
        });
        seq
    }

    /// The number of the last record that was taken.
    pub(super) const fn last_taken(&self) -> u64 {
        self.next - 1
    }

    pub(super) const fn is_safe(&self, seq: u64) -> bool {
        self.safe >= seq
    }

    /// Whether there is something to write, and whether somebody waits for it.
    pub(super) fn to_write(&self) -> (bool, bool) {
        let is_urgent =
            !self.waiters.is_empty() || self.is_closed || self.waiting_bytes >= GROUP_LIMIT;
        (!self.waiting.is_empty(), is_urgent)
    }

    /// Hands the next group to the writer.
    pub(super) fn begin_group(&mut self) -> Vec<Entry> {
        let (mut bytes, mut count) = (0, 0);
        for entry in &self.waiting {
            if count > 0 && bytes + entry.weight > GROUP_LIMIT {
                break;
            }
            bytes += entry.weight;
            count += 1;
        }
        self.waiting_bytes -= bytes;
        self.writing_bytes = bytes;
        self.writing = self.waiting.drain(..count).collect();
        self.writing.clone()
    }

    fn end_group(&mut self) -> Vec<Entry> {
        self.writing_bytes = 0;
        std::mem::take(&mut self.writing)
    }

    /// The writer's group is on the disk. Gives back those who waited for it.
    pub(super) fn group_is_safe(&mut self) -> Vec<oneshot::Sender<()>> {
        let group = self.end_group();
        self.safe = self.safe.max(group.last().map_or(0, |entry| entry.seq));
        for entry in group {
            if entry.seq > self.acknowledged {
                self.kept_bytes += entry.weight;
                self.kept.push_back(entry);
            }
        }
        while self.kept_bytes > self.config.delivery.waiting_bytes && self.kept.len() > 1 {
            self.forget_oldest();
        }
        self.release()
    }

    fn forget_oldest(&mut self) {
        if let Some(entry) = self.kept.pop_front() {
            self.kept_bytes -= entry.weight;
        }
    }

    /// The writer's group could not be written: it waits again, and nobody waits for it.
    pub(super) fn group_failed(&mut self, trouble: Trouble) {
        for entry in self.end_group().into_iter().rev() {
            if entry.seq > self.acknowledged {
                self.waiting_bytes += entry.weight;
                self.waiting.push_front(entry);
            } else {
                self.skipped.note(&entry);
            }
        }
        self.fail(trouble);
    }

    /// Nothing can be written now. What it was before stays what it was since.
    pub(super) fn fail(&mut self, trouble: Trouble) {
        let is_same = match (&self.trouble, &trouble) {
            (Some(Trouble::Failing { .. }), Trouble::Failing { .. })
            | (Some(Trouble::NoSpace), Trouble::NoSpace) => true,
            (Some(Trouble::Failing { .. } | Trouble::NoSpace) | None, _) => false,
        };
        if !is_same {
            self.trouble = Some(trouble);
        }
        self.waiters.clear();
    }

    /// What is to be delivered after the record `position`.
    pub(super) fn next_after(&mut self, position: u64) -> Next {
        while self.kept.front().is_some_and(|entry| entry.seq <= position) {
            self.forget_oldest();
        }
        let in_memory = self.kept.front().map_or(u64::MAX, |entry| entry.seq);
        let on_disk = self.stretches.behind(position);
        if let Some(stretch) = on_disk.filter(|stretch| stretch.first.max(position + 1) < in_memory)
        {
            return Next::Backlog(*stretch);
        }
        if !self.kept.is_empty() {
            return self.next_kept();
        }
        if self.trouble.is_some() {
            return self.next_unsafe(position);
        }
        if self.unsafe_records() == 0 && position < self.safe {
            // Damage has taken the rest, and nothing that comes would tell.
            return Next::Records(Vec::new(), self.safe);
        }
        Next::Nothing
    }

    fn next_kept(&mut self) -> Next {
        let weights = self.kept.iter().map(|entry| entry.weight);
        let (count, bytes) = self.config.delivery.fitting(weights);
        self.kept_bytes -= bytes;
        let entries: Vec<Entry> = self.kept.drain(..count).collect();
        let position = entries.last().map_or(0, |entry| entry.seq);
        let records = entries.into_iter();
        let records = records.map(|entry| Arc::unwrap_or_clone(entry.record));
        Next::Records(records.collect(), position)
    }

    /// While the disk fails, what is not safe is delivered all the same, beginning with what the
    /// writer tries to write. It stays here until it is acknowledged.
    fn next_unsafe(&self, position: u64) -> Next {
        let all = || self.writing.iter().chain(&self.waiting);
        let fresh = || all().filter(|entry| entry.seq > position);
        let (count, _) = self
            .config
            .delivery
            .fitting(fresh().map(|entry| entry.weight));
        match fresh().take(count).last() {
            None => Next::Nothing,
            Some(last) => {
                let records = fresh()
                    .take(count)
                    .map(|entry| Record::clone(&entry.record));
                Next::Records(records.collect(), last.seq)
            }
        }
    }

    /// The sink has everything up to `position`. Gives back those who need not wait any more.
    pub(super) fn acknowledge(&mut self, position: u64) -> Vec<oneshot::Sender<()>> {
        self.acknowledged = self.acknowledged.max(position);
        self.safe = self.safe.max(position);
        while let Some(entry) = self.waiting.pop_front_if(|entry| entry.seq <= position) {
            self.waiting_bytes -= entry.weight;
            self.skipped.note(&entry);
        }
        self.release()
    }

    /// Takes the segments off that hold nothing any more which is not acknowledged. The newest one
    /// stays while interceptions are open, although it is not written any more: until a newer one
    /// names them, it alone says which they are.
    pub(super) fn expired(&mut self, has_open: bool) -> Vec<Stretch> {
        let acknowledged = self.acknowledged;
        let newest = self.stretches.newest().map(|stretch| stretch.number);
        let current = self.current.or(newest.filter(|_| has_open));
        self.stretches
            .take_while(|stretch| stretch.last <= acknowledged && Some(stretch.number) != current)
    }

    /// Damage was seen in this segment.
    pub(super) fn mark_damaged(&mut self, number: u64) {
        self.damaged += 1;
        self.stretches.mark_damaged(number);
    }
}
