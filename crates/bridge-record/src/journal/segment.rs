//! The segment that is written: appending, syncing, and giving it up.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::time::SystemTime;

use bridge_telemetry::wall_clock;

use super::folder::Folder;
use super::format::{Header, VERSION};
use super::open_set::OpenSet;

/// How many numbers are tried for a new segment.
const MOST_NUMBERS: u64 = 1_000;

/// A segment that can be appended to. After a failed append it must be abandoned: what a file
/// holds after a failed sync is not known.
#[derive(Debug)]
pub(super) struct Segment {
    file: File,
    number: u64,
    /// Bytes that are written and synced.
    length: u64,
    header: u64,
}

impl Segment {
    /// Makes the next free segment from `number` on. Its header is on the disk when this returns.
    ///
    /// # Errors
    /// When the disk refuses. Nothing is left behind then, if that can be helped.
    pub(super) fn create(
        folder: &Folder,
        number: u64,
        first: u64,
        safe_before: u64,
        open: &OpenSet,
    ) -> io::Result<Self> {
        let (file, number) = create_free(folder, number)?;
        let header = Header {
            version: VERSION,
            is_repaired: false,
            number,
            first,
            safe_before,
            made_at: millis(wall_clock()),
            open: open.list(),
        };
        let bytes = header.encode().map_err(io::Error::other)?;
        let mut segment = Self {
            file,
            number,
            length: 0,
            header: bytes.len() as u64,
        };
        match segment.append(&bytes).and_then(|()| folder.sync()) {
            Ok(()) => Ok(segment),
            Err(cause) => {
                // A header that is not whole is cut at the next start, so that this may fail.
                let _ignored = fs::remove_file(folder.segment(number));
                Err(cause)
            }
        }
    }

    /// Writes at the end and waits until the disk has it.
    ///
    /// # Errors
    /// When the disk refuses. How much of it is there then is not known.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Gives the segment up after a failed append, cut to what is known to be whole. If it cannot
    /// be cut, readers know from the next segment where this one ended. Says how long it is; nothing
    /// when there was nothing in it, and it is removed.
    pub(super) fn abandon(self, folder: &Folder) -> Option<u64> {
        if !self.has_groups() && fs::remove_file(folder.segment(self.number)).is_ok() {
            return None;
        }
        let _ignored = self.file.set_len(self.length);
        Some(self.length)
    }

    /// Whether there is more in it than its header.
    pub(super) const fn has_groups(&self) -> bool {
        self.length > self.header
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }
}

fn create_free(folder: &Folder, from: u64) -> io::Result<(File, u64)> {
    for number in from..from.saturating_add(MOST_NUMBERS) {
        match Folder::create(&folder.segment(number)) {
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {}
            Err(cause) => return Err(cause),
            Ok(file) => return Ok((file, number)),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

pub(super) fn millis(at: SystemTime) -> u64 {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
