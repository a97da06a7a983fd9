//! The folder of a journal: which files it has, and what they are called.
//!
//! ```text
//! 00000000000000000001.log          a segment
//! 00000000000000000001.replacement  whole records of a damaged segment, on its way to its place
//! damaged/                          segments that were set aside
//! acknowledged                      up to which record the sink has everything
//! lock                              held by the process that writes
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const SEGMENT: &str = "log";
const REPLACEMENT: &str = "replacement";
const DAMAGED: &str = "damaged";
const ACKNOWLEDGED: &str = "acknowledged";
const LOCK: &str = "lock";

/// Records hold prompts: only the owner may enter and read.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

const ACK_MAGIC: [u8; 4] = *b"brja";
const ACK_BYTES: usize = 16;

/// How many files of one number can be set aside.
const MOST_ASIDE: u32 = 1_000;

/// A segment's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentFile {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// The folder of a journal.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder at this path, whether it is there or not.
    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the folder if it is not there.
    pub(super) fn make(&self) -> io::Result<()> {
        if self.0.is_dir() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(&self.0)?;
        match self.0.parent() {
            Some(parent) => sync_folder(parent),
            None => Ok(()),
        }
    }

    /// Takes the right to write. Nothing when another process has it.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(self.0.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(cause),
        }
    }

    /// Where the segment with this number is, or would be.
    pub(super) fn segment(&self, number: u64) -> PathBuf {
        self.0.join(format!("{number:020}.{SEGMENT}"))
    }

    /// Where the replacement of a damaged segment waits.
    pub(super) fn replacement(&self, number: u64) -> PathBuf {
        self.0.join(format!("{number:020}.{REPLACEMENT}"))
    }

    /// All segments, the oldest first. Files with other names are somebody else's.
    pub(super) fn segments(&self) -> io::Result<Vec<SegmentFile>> {
        let mut found = files(&self.0, SEGMENT)?;
        found.retain(|file| file.path == self.segment(file.number));
        Ok(found)
    }

    /// Replacements that did not reach their place.
    pub(super) fn replacements(&self) -> io::Result<Vec<SegmentFile>> {
        let mut found = files(&self.0, REPLACEMENT)?;
        found.retain(|file| file.path == self.replacement(file.number));
        Ok(found)
    }

    /// Segments that were set aside.
    pub(super) fn damaged(&self) -> io::Result<Vec<SegmentFile>> {
        match files(&self.0.join(DAMAGED), SEGMENT) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed,
        }
    }

    /// Moves a segment to those that were set aside. Says where it is then.
    pub(super) fn set_aside(&self, number: u64) -> io::Result<PathBuf> {
        let folder = self.0.join(DAMAGED);
        match DirBuilder::new().mode(FOLDER_MODE).create(&folder) {
            Err(cause) if cause.kind() != ErrorKind::AlreadyExists => return Err(cause),
            Ok(()) | Err(_) => {}
        }
        let target = (0..MOST_ASIDE)
            .map(|copy| folder.join(aside_name(number, copy)))
            .find(|path| !path.exists())
            .ok_or(ErrorKind::AlreadyExists)?;
        fs::rename(self.segment(number), &target)?;
        sync_folder(&folder)?;
        self.sync()?;
        Ok(target)
    }

    /// Makes what was created, renamed and removed last.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync_folder(&self.0)
    }

    /// Up to which record the sink has everything; zero when that is not known, because then
    /// everything is delivered again.
    pub(super) fn acknowledged(&self) -> u64 {
        fs::read(self.0.join(ACKNOWLEDGED))
            .ok()
            .and_then(|bytes| decode_acknowledged(&bytes))
            .unwrap_or(0)
    }

    /// The file that says up to which record the sink has everything.
    pub(super) fn open_acknowledged(&self) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(self.0.join(ACKNOWLEDGED))
    }

    /// Makes a file that was not there.
    pub(super) fn create(path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(path)
    }

    /// Writes a whole file and syncs it, in the place of one that may be there.
    pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }
}

/// What the file holds when everything up to `seq` is acknowledged.
pub(super) fn encode_acknowledged(seq: u64) -> [u8; ACK_BYTES] {
    let mut bytes = [0; ACK_BYTES];
    bytes[..4].copy_from_slice(&ACK_MAGIC);
    bytes[4..12].copy_from_slice(&seq.to_le_bytes());
    let sum = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode_acknowledged(bytes: &[u8]) -> Option<u64> {
    let seq = u64::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
    (bytes == encode_acknowledged(seq)).then_some(seq)
}

fn aside_name(number: u64, copy: u32) -> String {
    match copy {
        0 => format!("{number:020}.{SEGMENT}"),
        copy => format!("{number:020}-{copy}.{SEGMENT}"),
    }
}

/// The files with this extension whose names begin with a number, by number.
fn files(folder: &Path, extension: &str) -> io::Result<Vec<SegmentFile>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|found| found != extension) {
            continue;
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let digits = stem.and_then(|stem| stem.split('-').next());
        if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
            match fs::metadata(&path) {
                Ok(about) => found.push(SegmentFile {
                    number,
                    path,
                    bytes: about.len(),
                }),
                // It was delivered meanwhile, and its space given back.
                Err(cause) if cause.kind() == ErrorKind::NotFound => {}
                Err(cause) => return Err(cause),
            }
        }
    }
    found.sort();
    Ok(found)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
