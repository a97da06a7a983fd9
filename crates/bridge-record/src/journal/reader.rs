//! Reads a journal from outside, beside the process that writes it or without one.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::folder::{Folder, SegmentFile};
use super::format::VERSION;
use super::recover::OpenError;
use super::scan::{FaultKind, Scan, scan};
use crate::Record;

/// Reads the files of a journal and changes nothing.
#[derive(Debug, Clone)]
pub struct JournalReader {
    folder: Folder,
    acknowledged: u64,
}

/// A file of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalFile {
    /// Where it is.
    pub path: PathBuf,
    /// The number in its name.
    pub number: u64,
    /// How long it is.
    pub bytes: u64,
    /// Whether it is a damaged segment that was set aside; its whole records are in another file
    /// as well, or were delivered.
    pub is_aside: bool,
}

/// What is in a file of a journal.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentContent {
    /// The file.
    pub file: JournalFile,
    /// When it was made, if its header is whole.
    pub made_at: Option<SystemTime>,
    /// Every record that is whole and can be understood, with its sequence number, in order.
    pub records: Vec<(u64, Record)>,
    /// What is wrong with it.
    pub faults: Vec<SegmentFault>,
    /// Where a group begins that is not whole and is the last one: it is being written now, or
    /// was when the process ended.
    pub torn_at: Option<u64>,
    /// What its header says was safe before it, and whether gaps in it are known.
    ends: Option<(u64, bool)>,
    last: Option<u64>,
}

/// Something that is wrong with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentFault {
    /// Bytes from the beginning of the file.
    pub offset: u64,
    /// What it is.
    pub what: FaultKind,
}

impl JournalReader {
    /// The journal in this folder.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        fs::read_dir(path).map_err(|source| disk(path, source))?;
        let folder = Folder::at(path);
        let acknowledged = folder.acknowledged();
        Ok(Self {
            folder,
            acknowledged,
        })
    }

    /// The sink has every record up to this sequence number.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// All segments, the oldest first, behind those that were set aside.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn files(&self) -> Result<Vec<JournalFile>, OpenError> {
        let listed = self.folder.damaged().and_then(|aside| {
            let own = self.folder.segments()?;
            let aside = aside.into_iter().map(|file| known(file, true));
            Ok(aside
                .chain(own.into_iter().map(|file| known(file, false)))
                .collect())
        });
        listed.map_err(|source| disk(self.folder.path(), source))
    }

    /// Reads one file. Nothing when it is gone, because everything in it is acknowledged.
    ///
    /// # Errors
    /// When it cannot be read, or a later version wrote it.
    pub fn read(&self, file: &JournalFile) -> Result<Option<SegmentContent>, OpenError> {
        match fs::read(&file.path) {
            Ok(bytes) => SegmentContent::decode(file, &bytes).map(Some),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(disk(&file.path, source)),
        }
    }

    /// How many whole records the sink has not acknowledged.
    ///
    /// # Errors
    /// As [`JournalReader::files`] and [`JournalReader::read`].
    pub fn unacknowledged(&self) -> Result<u64, OpenError> {
        let mut count = 0;
        self.verify(|segment| {
            let records = segment.records.iter();
            let fresh = records.filter(|(seq, _)| *seq > self.acknowledged);
            count += fresh.count() as u64;
        })?;
        Ok(count)
    }

    /// Looks at every segment that was not set aside, and whether each goes on where the one
    /// before it ended. `each` gets them in order.
    ///
    /// # Errors
    /// As [`JournalReader::read`].
    pub fn verify(&self, mut each: impl FnMut(&SegmentContent)) -> Result<(), OpenError> {
        let mut seen = self.acknowledged;
        let mut before: Option<SegmentContent> = None;
        for file in self.files()?.iter().filter(|file| !file.is_aside) {
            let Some(segment) = self.read(file)? else {
                // It was delivered meanwhile, as was what is before it, and the next one may go on
                // behind it.
                before.take().iter().for_each(&mut each);
                continue;
            };
            if let Some(mut before) = before.take() {
                seen = seen.max(before.last.unwrap_or(0));
                before.check_end(&segment, seen);
                each(&before);
            }
            before = Some(segment);
        }
        if let Some(last) = before {
            each(&last);
        }
        Ok(())
    }
}

impl SegmentContent {
    /// Finds everything in the bytes of a segment, whatever they are. `file` says where they are
    /// from and is not read.
    ///
    /// # Errors
    /// When a later version wrote them.
    pub fn decode(file: &JournalFile, bytes: &[u8]) -> Result<Self, OpenError> {
        let scan = scan(bytes);
        if let Some(header) = scan
            .header
            .as_ref()
            .filter(|header| header.version > VERSION)
        {
            return Err(OpenError::Newer {
                path: file.path.clone(),
                version: header.version,
            });
        }
        let (records, faults) = understand(&scan);
        let header = scan.header.as_ref();
        Ok(Self {
            made_at: header
                .map(|header| SystemTime::UNIX_EPOCH + Duration::from_millis(header.made_at)),
            ends: header.map(|header| (header.safe_before, header.is_repaired)),
            last: scan.last(),
            records,
            faults,
            torn_at: scan.torn_at.map(|at| at as u64),
            file: file.clone(),
        })
    }

    /// Whether `next` says that there was more than is there.
    fn check_end(&mut self, next: &Self, seen: u64) {
        let is_repaired = self.ends.is_some_and(|(_, is_repaired)| is_repaired);
        if let Some((safe_before, _)) = next.ends
            && safe_before > seen
            && !is_repaired
        {
            let what = FaultKind::Shortened;
            let offset = self.torn_at.take().unwrap_or(self.file.bytes);
            self.faults.push(SegmentFault { offset, what });
        }
    }
}

fn known(file: SegmentFile, is_aside: bool) -> JournalFile {
    JournalFile {
        path: file.path,
        number: file.number,
        bytes: file.bytes,
        is_aside,
    }
}

fn understand(scan: &Scan<'_>) -> (Vec<(u64, Record)>, Vec<SegmentFault>) {
    let told = scan.faults.iter().map(|fault| SegmentFault {
        offset: fault.offset as u64,
        what: fault.what,
    });
    let mut faults: Vec<_> = told.collect();
    let mut records = Vec::with_capacity(scan.records.len());
    for found in &scan.records {
        match found.record() {
            Ok(Some(record)) => records.push((found.seq, record)),
            Ok(None) => {}
            Err(_) => faults.push(SegmentFault {
                offset: found.at as u64,
                what: FaultKind::Unreadable,
            }),
        }
    }
    (records, faults)
}

fn disk(path: &Path, source: io::Error) -> OpenError {
    OpenError::Disk {
        path: path.to_owned(),
        source,
    }
}
