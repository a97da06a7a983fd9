//! Files that hold secrets.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// More than any key or token takes; a larger file is something else.
const MOST_BYTES: u64 = 64 << 10;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretFileError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds nothing.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// It is no file for a secret.
    #[error("{} is larger than 64 KiB: it is not a file with a secret", .0.display())]
    TooLarge(PathBuf),
}

/// The text of a file, without white space around it.
///
/// # Errors
/// When it cannot be read, is empty, too large, or no text.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let unreadable = |source| SecretFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut text = Zeroizing::new(String::new());
    let taken = file
        .take(MOST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if u64::try_from(taken).unwrap_or(u64::MAX) > MOST_BYTES {
        return Err(SecretFileError::TooLarge(path.to_owned()));
    }
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(SecretFileError::Empty(path.to_owned()));
    }
    Ok(Zeroizing::new(trimmed.to_owned()))
}
