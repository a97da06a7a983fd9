//! What is done with the files of a process that ended: torn tails are cut, damaged segments are
//! set aside with their whole records kept, and what is open is found.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use slog::{Logger, error, info};

use super::folder::{Folder, SegmentFile};
use super::format::{Header, VERSION};
use super::open_set::OpenSet;
use super::repair;
use super::scan::{Fault, FaultKind, Scan, scan};

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk refused.
    #[error("the journal cannot use {}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes this journal.
    #[error("another process uses the journal {}: stop it, or name another folder", .0.display())]
    InUse(PathBuf),
    /// A later version wrote it.
    #[error(
        "{} has version {version} of the journal's format, and this program knows {VERSION}: \
         let the version that wrote it deliver it first", path.display()
    )]
    Newer {
        /// The segment.
        path: PathBuf,
        /// Its version.
        version: u16,
    },
}

/// What was found at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments that were set aside now.
    pub damaged: Vec<DamagedSegment>,
    /// Segments that are not there although others say that they were.
    pub missing: Vec<u64>,
    /// How many bytes of torn tails were cut: writes that nobody waits for any more.
    pub cut_bytes: u64,
    /// Records that the sink has not acknowledged.
    pub unacknowledged: u64,
    /// Interceptions that the process before left open; each gets an end.
    pub left_open: usize,
}

impl Recovery {
    /// How many segments are damaged or missing.
    pub(super) fn faulty(&self) -> usize {
        self.damaged.len() + self.missing.len()
    }
}

/// A segment that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedSegment {
    /// Where it is now.
    pub path: PathBuf,
    /// What is wrong with it first.
    pub fault: FaultKind,
    /// Where that begins, in bytes from the beginning of the file.
    pub offset: u64,
    /// Records of it that are whole, and are delivered.
    pub whole_records: usize,
}

/// A segment with records that the sink may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) number: u64,
    pub(super) bytes: u64,
    /// Sequence numbers of its first and last record.
    pub(super) first: u64,
    pub(super) last: u64,
    /// Milliseconds since 1970.
    pub(super) made_at: u64,
    /// Damage was seen after the start: the file is set aside instead of being removed.
    pub(super) is_damaged: bool,
}

/// What a journal goes on from.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub(super) stretches: Vec<Stretch>,
    pub(super) acknowledged: u64,
    /// The last sequence number that was used.
    pub(super) last: u64,
    pub(super) next_number: u64,
    pub(super) open: OpenSet,
    pub(super) report: Recovery,
}

/// What one file turned out to be.
struct Examined {
    file: SegmentFile,
    header: Option<Header>,
    /// What was open when the segment began.
    open_before: OpenSet,
    first: Option<u64>,
    last: Option<u64>,
    /// The last record of a whole group, or what was safe before the segment.
    last_untorn: u64,
    records: usize,
    fault: Option<Fault>,
    torn_at: Option<usize>,
    /// Behind the last whole group.
    end: usize,
    /// Whole records behind it.
    torn_records: usize,
}

/// Brings the folder into order and says what is in it.
///
/// # Errors
/// When the disk refuses, or a later version wrote a segment.
pub(super) fn recover(folder: &Folder, logger: &Logger) -> Result<Recovered, OpenError> {
    finish_replacements(folder)?;
    let mut recovered = Recovered {
        acknowledged: folder.acknowledged(),
        ..Recovered::default()
    };
    recovered.last = recovered.acknowledged;
    let files = folder.segments().map_err(disk(folder.path()))?;
    let aside = folder.damaged().map_err(disk(folder.path()))?;
    let numbers = files.iter().chain(&aside).map(|file| file.number);
    recovered.next_number = numbers.max().map_or(1, |highest| highest.saturating_add(1));
    let mut examined = Vec::new();
    for file in files {
        examined.push(examine(file, &mut recovered.open)?);
    }
    check_ends(&mut examined, &mut recovered);
    if !recovered.report.missing.is_empty() {
        error!(logger, "segments of the journal are missing";
            "segments" => ?recovered.report.missing);
    }
    let mut newest_first = examined.iter().rev();
    let newest = newest_first.find(|segment| segment.header.is_some());
    let newest = newest.map(|segment| segment.file.number);
    for segment in examined {
        let names_open = Some(segment.file.number) == newest && !recovered.open.is_empty();
        settle(folder, segment, names_open, &mut recovered, logger)?;
    }
    recovered.report.left_open = recovered.open.list().len();
    Ok(recovered)
}

/// A process may have ended between setting a segment aside and putting its replacement there.
fn finish_replacements(folder: &Folder) -> Result<(), OpenError> {
    for file in folder.replacements().map_err(disk(folder.path()))? {
        let target = folder.segment(file.number);
        let done = if target.exists() {
            fs::remove_file(&file.path)
        } else {
            fs::rename(&file.path, &target)
        };
        done.and_then(|()| folder.sync())
            .map_err(disk(&file.path))?;
    }
    Ok(())
}

fn examine(file: SegmentFile, open: &mut OpenSet) -> Result<Examined, OpenError> {
    let bytes = fs::read(&file.path).map_err(disk(&file.path))?;
    let scan = scan(&bytes);
    if let Some(header) = &scan.header {
        if header.version > VERSION {
            let (path, version) = (file.path, header.version);
            return Err(OpenError::Newer { path, version });
        }
        *open = OpenSet::of(&header.open);
    }
    let open_before = open.clone();
    for found in &scan.records {
        open.note(found.kind, found.interception);
    }
    Ok(Examined {
        file,
        open_before,
        first: scan.records.first().map(|found| found.seq),
        last: scan.last(),
        last_untorn: last_untorn(&scan),
        records: scan.records.len(),
        fault: scan.faults.first().copied(),
        torn_at: scan.torn_at,
        end: scan.end,
        torn_records: scan.torn_records,
        header: scan.header,
    })
}

fn last_untorn(scan: &Scan<'_>) -> u64 {
    let count = scan.records.len() - scan.torn_records;
    let before = scan.header.as_ref().map_or(0, |header| header.safe_before);
    let last = count.checked_sub(1).and_then(|last| scan.records.get(last));
    last.map_or(before, |found| found.seq)
}

/// Each segment's header says where the one before it ended.
fn check_ends(examined: &mut [Examined], recovered: &mut Recovered) {
    let mut seen = recovered.acknowledged;
    for at in 1..examined.len() {
        let (before, rest) = examined.split_at_mut(at);
        let (Some(before), Some(next)) = (before.last_mut(), rest.first()) else {
            continue;
        };
        seen = seen.max(before.last.unwrap_or(0));
        let Some(header) = &next.header else {
            continue;
        };
        // What was safe cannot be torn.
        let torn_at = before
            .torn_at
            .filter(|_| header.safe_before > before.last_untorn);
        if let Some(offset) = torn_at {
            let what = FaultKind::Group;
            before.fault.get_or_insert(Fault { offset, what });
        }
        let is_repaired = before
            .header
            .as_ref()
            .is_some_and(|header| header.is_repaired);
        if header.safe_before <= seen || is_repaired {
            continue;
        }
        let absent = before.file.number + 1..next.file.number;
        if absent.is_empty() {
            let offset = before.end;
            let what = FaultKind::Shortened;
            before.fault.get_or_insert(Fault { offset, what });
        } else {
            recovered.report.missing.extend(absent);
        }
        seen = header.safe_before;
    }
}

/// Does what the state of one segment asks for, and adds it to what is there. One without records
/// stays when it is the one that says which interceptions are open, or when without it a segment
/// would seem to be missing.
fn settle(
    folder: &Folder,
    mut segment: Examined,
    names_open: bool,
    recovered: &mut Recovered,
    logger: &Logger,
) -> Result<(), OpenError> {
    let safe_before = segment
        .header
        .as_ref()
        .map_or(0, |header| header.safe_before);
    recovered.last = recovered
        .last
        .max(safe_before)
        .max(segment.last.unwrap_or(0));
    if let Some(fault) = segment.fault {
        let path = set_aside(folder, &mut segment)?;
        error!(logger, "a damaged segment of the journal was set aside";
            "file" => %path.display(), "offset" => fault.offset, "fault" => %fault.what,
            "whole_records" => segment.records);
        recovered.report.damaged.push(DamagedSegment {
            path,
            fault: fault.what,
            offset: fault.offset as u64,
            whole_records: segment.records,
        });
    } else if let Some(offset) = segment.torn_at {
        let bytes = segment.file.bytes.saturating_sub(segment.end as u64);
        recovered.report.cut_bytes += bytes;
        info!(logger, "a torn tail of the journal was cut";
            "file" => %segment.file.path.display(), "offset" => offset, "bytes" => bytes);
        cut(folder, &mut segment)?;
    }
    if let (Some(first), Some(last)) = (segment.first, segment.last) {
        recovered.report.unacknowledged += unacknowledged(&segment, recovered.acknowledged);
        recovered.stretches.push(Stretch {
            number: segment.file.number,
            bytes: segment.file.bytes,
            first,
            last,
            made_at: segment.header.map_or(0, |header| header.made_at),
            is_damaged: false,
        });
    } else if names_open && segment.file.path.exists() || segment.fault.is_some() {
        recovered.stretches.push(Stretch {
            number: segment.file.number,
            bytes: segment.file.bytes,
            first: safe_before + 1,
            last: safe_before,
            made_at: segment.header.map_or(0, |header| header.made_at),
            is_damaged: false,
        });
    } else if segment.file.path.exists() {
        fs::remove_file(&segment.file.path).map_err(disk(&segment.file.path))?;
    }
    Ok(())
}

fn unacknowledged(segment: &Examined, acknowledged: u64) -> u64 {
    match (segment.first, segment.last) {
        (Some(first), Some(last)) if last > acknowledged => {
            let beyond = last - acknowledged.max(first.saturating_sub(1));
            beyond.min(segment.records as u64)
        }
        (Some(_) | None, Some(_) | None) => 0,
    }
}

/// Moves the file away and puts its whole records in its place. The replacement is on the disk
/// before the file is moved, and the next start finishes what a crash leaves.
fn set_aside(folder: &Folder, segment: &mut Examined) -> Result<PathBuf, OpenError> {
    let path = segment.file.path.clone();
    let bytes = fs::read(&path).map_err(disk(&path))?;
    let scan = scan(&bytes);
    let replacement = folder.replacement(segment.file.number);
    let written = repair::write(
        &replacement,
        segment.file.number,
        &scan,
        &segment.open_before,
    );
    segment.file.bytes = written
        .and_then(|bytes| folder.sync().map(|()| bytes))
        .map_err(disk(&replacement))?;
    let aside = folder.set_aside(segment.file.number).map_err(disk(&path))?;
    fs::rename(&replacement, &path)
        .and_then(|()| folder.sync())
        .map_err(disk(&path))?;
    Ok(aside)
}

/// Takes a torn tail off. Whole records in it are kept: they were taken, and do no harm.
fn cut(folder: &Folder, segment: &mut Examined) -> Result<(), OpenError> {
    let path = segment.file.path.clone();
    if segment.torn_records > 0 {
        let bytes = fs::read(&path).map_err(disk(&path))?;
        let replacement = folder.replacement(segment.file.number);
        let number = segment.file.number;
        let written = repair::write(&replacement, number, &scan(&bytes), &segment.open_before)
            .and_then(|bytes| fs::rename(&replacement, &path).map(|()| bytes))
            .and_then(|bytes| folder.sync().map(|()| bytes));
        segment.file.bytes = written.map_err(disk(&path))?;
    } else if segment.records > 0 {
        segment.file.bytes = segment.end as u64;
        let file = OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(disk(&path))?;
        file.set_len(segment.file.bytes)
            .and_then(|()| file.sync_all())
            .map_err(disk(&path))?;
    }
    Ok(())
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> OpenError + use<'_> {
    move |source| OpenError::Disk {
        path: path.to_owned(),
        source,
    }
}
