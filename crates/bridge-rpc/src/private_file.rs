//! Small files in the data folder that only their owner may read, written whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Only the owner may read.
pub(crate) const MODE: u32 = 0o600;
/// A larger file is none of ours: a million grants are smaller.
const MOST_BYTES: u64 = 1 << 30;

/// The bytes of a file, if there is one.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause),
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Whole or not at all: the file takes its name when it is on the disk. Nothing half-written stays.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = fresh(path);
    if let Err(cause) = write_fresh(&fresh, bytes).and_then(|()| fs::rename(&fresh, path)) {
        let _gone = remove_one(&fresh);
        return Err(cause);
    }
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn write_fresh(fresh: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(MODE)
        .open(fresh)?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What a file is called until it is whole. Each has a name of its own.
fn fresh(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Takes a file away, and what a process that was killed had written of the next one. What is not
/// there is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    remove_one(path)?;
    remove_one(&fresh(path))
}

fn remove_one(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(read(&path).unwrap().is_none());
        for bytes in [b"first".as_slice(), b"2"] {
            write(&path, bytes).unwrap();
            assert_eq!(read(&path).unwrap().as_deref(), Some(bytes));
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, MODE);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn nothing_half_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let count = || fs::read_dir(folder.path()).unwrap().count();
        // What a folder has the name of cannot be written.
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        write(&taken, b"bytes").unwrap_err();
        assert_eq!(count(), 1);
        // A process that was killed while it wrote leaves this.
        let path = folder.path().join("file.key");
        fs::write(fresh(&path), b"half").unwrap();
        remove(&path).unwrap();
        assert_eq!(count(), 1);
        let other = folder.path().join("file");
        assert_ne!(fresh(&path), fresh(&other));
    }
}
