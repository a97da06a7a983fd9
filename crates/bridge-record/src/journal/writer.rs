//! The thread that writes: whatever waits becomes one group, is written at once and synced once.
//!
//! It alone changes files of a running journal.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::{ErrorChain, keys, wall_clock};
use parking_lot::MutexGuard;
use slog::{error, warn};
use tokio::time::Instant;

use super::folder::{Folder, encode_acknowledged};
use super::format::{GroupBuffer, Kind};
use super::open_set::OpenSet;
use super::queue::{Entry, Queue, Trouble, tell};
use super::recover::{Recovered, Stretch};
use super::segment::{Segment, millis};
use super::shared::Shared;
use crate::Backoff;

/// No longer is the pause between two attempts to write to a disk that refused.
const RETRY_CEILING: Duration = Duration::from_secs(5);
/// How long a full journal waits before it looks for space again, if nobody tells of any.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The writer's own things.
pub(super) struct Writer {
    shared: Arc<Shared>,
    folder: Folder,
    segment: Option<Segment>,
    acknowledged_file: Option<File>,
    /// What the file says.
    acknowledged: u64,
    next_number: u64,
    /// The last record that is on the disk.
    on_disk: u64,
    /// The record that the segment expects next.
    expected: u64,
    open: OpenSet,
    group: GroupBuffer,
    last_sync: Option<Instant>,
    /// Whether several waited for the last group, so that it pays to let more share the next.
    is_shared: bool,
    backoff: Backoff,
    /// Until then nothing is tried.
    rest_until: Option<Instant>,
}

/// What there is to do.
enum Work {
    Write(Vec<Entry>),
    TidyUp,
    End,
}

/// Why a group was not written.
enum Refused {
    Disk(io::Error),
    NoSpace,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, folder: Folder, recovered: Recovered) -> Self {
        Self {
            shared,
            folder,
            segment: None,
            acknowledged_file: None,
            acknowledged: recovered.acknowledged,
            next_number: recovered.next_number,
            on_disk: recovered.last,
            expected: 0,
            open: recovered.open,
            group: GroupBuffer::default(),
            last_sync: None,
            is_shared: false,
            backoff: Backoff::up_to(RETRY_CEILING),
            rest_until: None,
        }
    }

    /// Writes until it is ordered to end.
    pub(super) fn run(mut self) {
        loop {
            match self.next_work() {
                Work::Write(entries) => self.write(&entries),
                Work::TidyUp => {}
                Work::End => break,
            }
            self.tidy_up();
            self.shared.report();
        }
        self.finish();
    }

    /// Waits until there is something to do.
    fn next_work(&self) -> Work {
        let mut queue = self.shared.queue.lock();
        let mut has_lingered = false;
        loop {
            let (has_work, is_urgent) = queue.to_write();
            if self.shared.is_ending() && (!has_work || queue.trouble.is_some()) {
                return Work::End;
            }
            if queue.acknowledged != self.acknowledged {
                return Work::TidyUp;
            }
            let is_in_trouble = queue.trouble.is_some();
            let pause = match (has_work, is_urgent || has_lingered || is_in_trouble) {
                // With nothing to write, a disk that refused is tried with a segment of its own.
                (false, _) => is_in_trouble.then(|| self.pause(true)),
                (true, true) => Some(self.pause(is_in_trouble)),
                (true, false) => {
                    has_lingered = true;
                    Some(self.shared.config.group_patience)
                }
            };
            match pause {
                Some(Duration::ZERO) => return Work::Write(queue.begin_group()),
                Some(pause) => self.wait(&mut queue, pause),
                None => self.shared.work.wait(&mut queue),
            }
        }
    }

    fn wait(&self, queue: &mut MutexGuard<'_, Queue>, pause: Duration) {
        // Whether it was told or waited long enough, it looks again.
        let _told = self.shared.work.wait_for(queue, pause);
    }

    /// How long the next attempt must wait, for the sync before it or for a disk that refused.
    fn pause(&self, is_in_trouble: bool) -> Duration {
        let now = Instant::now();
        let rested = self.rest_until.filter(|_| is_in_trouble);
        let shared = self
            .last_sync
            .filter(|_| self.is_shared)
            .map(|last| last + self.shared.config.group_interval);
        let until = rested.max(shared);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    fn write(&mut self, entries: &[Entry]) {
        self.last_sync = Some(Instant::now());
        match self.try_write(entries) {
            Ok(()) => self.written(entries),
            Err(Refused::Disk(cause)) => {
                self.shared.metrics.journal_failed();
                self.give_up_segment();
                let trouble = Trouble::Failing {
                    since: wall_clock(),
                    reason: ErrorChain(&cause).to_string().into(),
                };
                let delay = self.backoff.delay();
                self.refused(trouble, delay);
            }
            Err(Refused::NoSpace) => self.refused(Trouble::NoSpace, LOOK_AGAIN),
        }
    }

    fn refused(&mut self, trouble: Trouble, delay: Duration) {
        self.rest_until = Some(Instant::now() + delay);
        self.shared.queue.lock().group_failed(trouble);
        self.shared.deliverable.notify_one();
        self.shared.progress.notify_waiters();
    }

    fn try_write(&mut self, entries: &[Entry]) -> Result<(), Refused> {
        let next = || self.shared.queue.lock().last_taken() + 1;
        let first = entries.first().map_or_else(next, |entry| entry.seq);
        self.encode(first, entries);
        self.make_room(first)?;
        if entries.is_empty() {
            return Ok(());
        }
        match self.segment.as_mut() {
            Some(segment) => segment.append(self.group.finish()).map_err(Refused::Disk),
            None => Err(Refused::NoSpace),
        }
    }

    fn encode(&mut self, first: u64, entries: &[Entry]) {
        self.group.begin(first);
        for Entry { record, .. } in entries {
            let Err(cause) = self.group.add(record) else {
                continue;
            };
            error!(self.shared.logger, "a record cannot be written";
                "record_id" => %record.id, keys::ERROR => ErrorChain(&cause));
            self.shared.queue.lock().not_kept += 1;
            // A few bytes fit where a record fits.
            let _ignored = self.group.add_blank(record.interception);
        }
    }

    /// Sees to it that there is a segment which the group fits into.
    fn make_room(&mut self, first: u64) -> Result<(), Refused> {
        self.note_skipped(first);
        let more = self.group.len() as u64;
        let config = &self.shared.config;
        let (held, used) = {
            let queue = self.shared.queue.lock();
            (queue.held_bytes(), queue.used_bytes())
        };
        if held + more > config.max_bytes {
            return Err(Refused::NoSpace);
        }
        let is_full = used + more > config.max_bytes;
        let limit = config.segment_limit();
        let is_outgrown = |segment: &Segment| {
            segment.has_groups() && (is_full || segment.length() + more > limit)
                || first != self.expected
        };
        if self.segment.as_ref().is_some_and(is_outgrown) {
            self.segment = None;
            self.shared.queue.lock().current = None;
        }
        if self.segment.is_none() {
            self.begin_segment(first).map_err(Refused::Disk)?;
            self.tidy_up();
        }
        Ok(())
    }

    fn begin_segment(&mut self, first: u64) -> io::Result<()> {
        let segment = Segment::create(
            &self.folder,
            self.next_number,
            first,
            self.on_disk,
            &self.open,
        )?;
        self.next_number = segment.number() + 1;
        self.expected = first;
        let mut queue = self.shared.queue.lock();
        queue.current = Some(segment.number());
        queue.stretches.begin(Stretch {
            number: segment.number(),
            bytes: segment.length(),
            first,
            last: first - 1,
            made_at: millis(wall_clock()),
            is_damaged: false,
        });
        drop(queue);
        self.segment = Some(segment);
        Ok(())
    }

    fn written(&mut self, entries: &[Entry]) {
        self.shared.metrics.journal_synced();
        for Entry { seq, record, .. } in entries {
            self.open.note(Kind::of(record), record.interception);
            self.on_disk = *seq;
            self.expected = seq + 1;
        }
        let mut queue = self.shared.queue.lock();
        if let Some(segment) = &self.segment {
            queue.stretches.change_newest(|current| {
                current.last = self.expected - 1;
                current.bytes = segment.length();
            });
        }
        let was_in_trouble = queue.trouble.take().is_some();
        let told = queue.group_is_safe();
        drop(queue);
        self.is_shared = told.len() > 1;
        if was_in_trouble {
            self.backoff.reset();
        }
        tell(told);
        self.shared.deliverable.notify_one();
        self.shared.progress.notify_waiters();
    }

    /// What a file holds after a failed sync is not known, so nothing is added to it.
    fn give_up_segment(&mut self) {
        let Some(segment) = self.segment.take() else {
            return;
        };
        let length = segment.abandon(&self.folder);
        let mut queue = self.shared.queue.lock();
        queue.current = None;
        match length {
            Some(length) => queue
                .stretches
                .change_newest(|newest| newest.bytes = length),
            None => queue.stretches.remove_newest(),
        }
    }

    /// What was delivered from memory is not written any more, and neither open nor to be ended.
    fn note_skipped(&mut self, first: u64) {
        let skipped = self.shared.queue.lock().skipped.take_before(first);
        for (kind, interception) in skipped {
            self.open.note(kind, interception);
        }
    }

    /// Remembers what is acknowledged and gives back the space.
    fn tidy_up(&mut self) {
        let has_open = !self.open.is_empty();
        let (acknowledged, expired) = {
            let mut queue = self.shared.queue.lock();
            (queue.acknowledged, queue.expired(has_open))
        };
        if acknowledged != self.acknowledged {
            self.acknowledged = acknowledged;
            self.remember_acknowledged();
        }
        // Space that is given back may be what was missing.
        if expired.iter().any(|stretch| stretch.last >= stretch.first) {
            self.rest_until = None;
        }
        for stretch in expired {
            self.remove(stretch);
        }
    }

    /// Not synced: when it is lost, records are delivered twice, which does no harm.
    fn remember_acknowledged(&mut self) {
        let outcome = match &self.acknowledged_file {
            Some(_) => Ok(()),
            None => self
                .folder
                .open_acknowledged()
                .map(|file| self.acknowledged_file = Some(file)),
        };
        let bytes = encode_acknowledged(self.acknowledged);
        let written = outcome.and_then(|()| match &self.acknowledged_file {
            Some(file) => file.write_all_at(&bytes, 0),
            None => Ok(()),
        });
        if let Err(cause) = written {
            self.acknowledged_file = None;
            warn!(self.shared.logger, "what is acknowledged cannot be written down";
                keys::ERROR => ErrorChain(&cause));
        }
    }

    fn remove(&self, stretch: Stretch) {
        let removed = if stretch.is_damaged {
            self.folder.set_aside(stretch.number).map(|_| ())
        } else {
            fs::remove_file(self.folder.segment(stretch.number))
        };
        if let Err(cause) = removed {
            warn!(self.shared.logger, "a segment of the journal cannot be removed";
                "segment" => stretch.number, keys::ERROR => ErrorChain(&cause));
        }
    }

    /// Says what is open after all that was delivered from memory, and in the segment that nothing is
    /// missing behind its last record.
    fn finish(mut self) {
        self.tidy_up();
        if self.on_disk < self.shared.queue.lock().last_taken() {
            // Without it the next start makes up ends for what has one.
            let _ignored = self.try_write(&[]);
        }
        if let Some(segment) = self.segment.as_mut() {
            self.group.begin(self.expected);
            // Without it the next start takes damage at the very end for a torn tail.
            let _ignored = segment.append(self.group.finish());
        }
        if let Some(file) = &self.acknowledged_file {
            // When it is lost, records are delivered twice.
            let _ignored = file.sync_data();
        }
        self.shared.report();
    }
}
