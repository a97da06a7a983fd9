//! The file of the sealing key: made once, whole or not at all, and never replaced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::SealingError;
use super::keys::KEY_BYTES;

/// Only the owner may read.
const MODE: u32 = 0o600;
/// Sixteen keys with remarks take less.
const MOST_BYTES: u64 = 64 << 10;
/// What stands above the key.
const REMARK: &str = "# Stored tokens of users and secrets of tool servers are encrypted with the first key below.\n\
                      # Keep a copy apart from that of the database. Without it they have to be given anew.\n";

/// The text of the file, if there is one.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, SealingError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(unusable(path, cause)),
    };
    let mut text = Zeroizing::new(String::new());
    file.take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(|cause| unusable(path, cause))?;
    Ok(Some(text))
}

/// Makes the file with a new key, unless somebody else makes it meanwhile. It takes its name when it is
/// on the disk.
pub(super) fn make(path: &Path) -> Result<(), SealingError> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(SealingError::Random)?;
    let key = Zeroizing::new(HEXLOWER.encode(bytes.as_slice()));
    let text = Zeroizing::new(format!("{REMARK}{}\n", key.as_str()));
    write(path, text.as_bytes()).map_err(|cause| unusable(path, cause))
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let fresh = fresh(path)?;
    // Made here, or not at all: nobody else reads it, or has given it its name already.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(&fresh)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    // A link, unlike a rename, never takes the place of a key that is there.
    let linked = written.and_then(|()| fs::hard_link(&fresh, path));
    fs::remove_file(&fresh)?;
    match linked {
        // Another process was faster: the key is its.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

/// What the file is called until it is whole. No other process calls its own so.
fn fresh(path: &Path) -> io::Result<PathBuf> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", HEXLOWER.encode(&bytes)));
    Ok(name.into())
}

fn unusable(path: &Path, cause: io::Error) -> SealingError {
    SealingError::File {
        path: path.to_owned(),
        cause: Arc::new(cause),
    }
}
