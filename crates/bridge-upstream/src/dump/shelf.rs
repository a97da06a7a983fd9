//! The folder of dumps: who may read it, and what is thrown away when it grows.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use bridge_telemetry::wall_clock;

use super::name::{Stem, begun};
use super::{DumpConfig, DumpError};

/// Only the owner may enter and read.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Whether others than the owner may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// How many files there may be, whatever their size.
const MOST_FILES: usize = 100_000;

/// The folder and what is in it.
#[derive(Debug)]
pub(super) struct Shelf {
    root: PathBuf,
    most_bytes: u64,
    max_age: Duration,
    /// The files and their sizes, the oldest first.
    files: BTreeMap<(u64, PathBuf), u64>,
    bytes: u64,
}

impl Shelf {
    /// Makes the folder if it is not there.
    ///
    /// # Errors
    /// When it cannot be made, or others may write into it: they could lead us elsewhere.
    pub(super) fn open(config: &DumpConfig) -> Result<Self, DumpError> {
        let path = config.folder.clone();
        let refused = |source| DumpError::Folder {
            path: path.clone(),
            source,
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE);
        match fs::metadata(&path) {
            Ok(found) if !found.is_dir() => return Err(DumpError::NotFolder(path)),
            Ok(found) if found.mode() & WRITABLE_BY_OTHERS != 0 => {
                return Err(DumpError::Open(path));
            }
            Ok(_) => {}
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                builder.create(&path).map_err(refused)?;
            }
            Err(cause) => return Err(refused(cause)),
        }
        Ok(Self {
            root: config.folder.clone(),
            most_bytes: config.folder_bytes,
            max_age: config.max_age,
            files: BTreeMap::new(),
            bytes: 0,
        })
    }

    /// Finds what an earlier process left.
    pub(super) fn look(&mut self) {
        let providers = folders(&self.root);
        for folder in providers.flat_map(|provider| folders(&provider)) {
            for (path, name, size) in files(&folder) {
                if let Some(millis) = begun(&name) {
                    self.keep(millis, path, size);
                }
            }
        }
    }

    /// Makes a file that was not there, which nobody else can read. It counts from now on, with
    /// this size, whatever becomes of writing it.
    pub(super) fn make(&mut self, stem: &Stem, suffix: &str, size: u64) -> io::Result<File> {
        let mut folder = self.root.clone();
        for name in stem.folders() {
            folder.push(name);
            self.make_folder(&folder)?;
        }
        let file = OpenOptions::new()
            .write(true)
            // What is there already, be it a link to elsewhere, is never written to.
            .create_new(true)
            .mode(FILE_MODE)
            .open(stem.file(&self.root, suffix))?;
        self.has_grown(stem, suffix, size);
        Ok(file)
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                let found = fs::symlink_metadata(folder)?;
                match found.is_dir() {
                    true => Ok(()),
                    false => Err(io::Error::other(format!(
                        "{} is not a folder",
                        folder.display()
                    ))),
                }
            }
            made => made,
        }
    }

    /// A file is so large now.
    pub(super) fn has_grown(&mut self, stem: &Stem, suffix: &str, size: u64) {
        self.keep(stem.millis, stem.file(&self.root, suffix), size);
    }

    fn keep(&mut self, millis: u64, path: PathBuf, size: u64) {
        self.bytes += size;
        if let Some(before) = self.files.insert((millis, path), size) {
            self.bytes -= before;
        }
    }

    /// Throws away what is too much or too old, the oldest first.
    pub(super) fn tidy(&mut self) {
        let since = wall_clock().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest = since.saturating_sub(self.max_age).as_millis();
        while let Some(((millis, _), _)) = self.files.first_key_value() {
            let is_old = u128::from(*millis) < oldest;
            if !is_old && self.bytes <= self.most_bytes && self.files.len() <= MOST_FILES {
                return;
            }
            let Some(((_, path), size)) = self.files.pop_first() else {
                return;
            };
            self.bytes -= size;
            // One that somebody else took away is gone as well.
            let _gone = fs::remove_file(&path);
            if let Some(folder) = path.parent() {
                // It stays when something is in it.
                let _stays = fs::remove_dir(folder);
            }
        }
    }
}

/// Folders in a folder; links are none.
fn folders(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
}

fn files(path: &Path) -> impl Iterator<Item = (PathBuf, String, u64)> + use<> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let found = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let name = entry.file_name().into_string().ok()?;
        Some((entry.path(), name, found.len()))
    })
}
