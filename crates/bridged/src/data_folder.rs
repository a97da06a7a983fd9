//! The folder in which one server keeps everything: its database, its token, its lock.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bridge_auth::Secret;

use crate::config::secret_file::{self, SecretFileError};

const LOCK: &str = "lock";
const TOKEN: &str = "admin-token";
const PROBE: &str = ".probe";

/// Only the owner may enter and read.
const FOLDER_MODE: u32 = 0o700;
const SECRET_MODE: u32 = 0o600;

/// How many random bytes a token is made of.
const TOKEN_BYTES: usize = 32;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataFolderError {
    /// A file is in its place.
    #[error("the data folder {} is not a folder: move that file away, or name another folder", .0.display())]
    NotFolder(PathBuf),
    /// It is not there and cannot be made.
    #[error("cannot make the data folder {}", path.display())]
    Make {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing can be written into it.
    #[error("cannot write into the data folder {}{}", path.display(), advice(source))]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another server is using it.
    #[error(
        "another bridged uses the data folder {}: stop it, or name another folder", .0.display()
    )]
    InUse(PathBuf),
    /// The token in it cannot be used.
    #[error("the admin token cannot be used: delete its file to have a new one made")]
    Token(#[source] SecretFileError),
    /// There is no randomness to make a token from.
    #[error("cannot make an admin token")]
    Random(#[source] getrandom::Error),
    /// No server has made a token yet.
    #[error(
        "there is no admin token in {}: start a server with `bridged serve`, or name the token's \
         file with --admin-token-file", .0.display()
    )]
    NoToken(PathBuf),
}

fn advice(source: &io::Error) -> &'static str {
    let is = |kind| source.kind() == kind;
    if is(io::ErrorKind::PermissionDenied) {
        ": give this user the right to, or name another folder"
    } else if is(io::ErrorKind::ReadOnlyFilesystem) {
        ": name a folder that is not read-only"
    } else if is(io::ErrorKind::StorageFull) || is(io::ErrorKind::QuotaExceeded) {
        ": make room"
    } else {
        ""
    }
}

/// A folder that this process alone uses. Dropping it lets others use it.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Holds the lock for as long as it is open.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is not there, checks that it can be written, and locks it.
    ///
    /// # Errors
    /// When it cannot be made or written, or another server uses it.
    pub(crate) fn open(path: &Path) -> Result<Self, DataFolderError> {
        make(path)?;
        let unwritable = |source| DataFolderError::Unwritable {
            path: path.to_owned(),
            source,
        };
        let lock = lock(path)?;
        probe(path).map_err(unwritable)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The operator's token: the one that was given, or else that of the folder.
    ///
    /// # Errors
    /// As [`DataFolder::admin_token`].
    pub(crate) fn admin_token_unless(
        &self,
        given: Option<&Secret>,
    ) -> Result<Secret, DataFolderError> {
        given.map_or_else(|| self.admin_token(), |given| Ok(given.clone()))
    }

    /// The operator's token; one is made when there is none yet.
    ///
    /// # Errors
    /// When the one that is there cannot be read, or none can be made.
    pub(crate) fn admin_token(&self) -> Result<Secret, DataFolderError> {
        match read_admin_token(&self.path) {
            Err(DataFolderError::NoToken(_)) => self.make_token(),
            Ok(token) => {
                self.close_token()
                    .map_err(|source| self.unwritable(source))?;
                Ok(token)
            }
            Err(other) => Err(other),
        }
    }

    fn make_token(&self) -> Result<Secret, DataFolderError> {
        let mut bytes = [0_u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(DataFolderError::Random)?;
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = Secret::new(text);
        self.write_token(&token)
            .map_err(|source| self.unwritable(source))?;
        Ok(token)
    }

    /// Whole or not at all: the file takes its name when it is written.
    fn write_token(&self, token: &Secret) -> io::Result<()> {
        let fresh = self.path.join(format!("{TOKEN}.new"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(SECRET_MODE)
            .open(&fresh)?;
        file.set_permissions(Permissions::from_mode(SECRET_MODE))?;
        writeln!(file, "{}", token.expose())?;
        file.sync_all()?;
        fs::rename(&fresh, self.path.join(TOKEN))
    }

    /// Nobody but the owner has business with the token.
    fn close_token(&self) -> io::Result<()> {
        let path = self.path.join(TOKEN);
        if fs::metadata(&path)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(&path, Permissions::from_mode(SECRET_MODE))?;
        }
        Ok(())
    }

    fn unwritable(&self, source: io::Error) -> DataFolderError {
        DataFolderError::Unwritable {
            path: self.path.clone(),
            source,
        }
    }
}

/// Where the token of the server with this data folder lies.
pub(crate) fn admin_token_path(folder: &Path) -> PathBuf {
    folder.join(TOKEN)
}

/// The token that a server made in its data folder.
///
/// # Errors
/// When there is none, or it cannot be read.
pub(crate) fn read_admin_token(folder: &Path) -> Result<Secret, DataFolderError> {
    let path = admin_token_path(folder);
    match secret_file::read(&path) {
        Ok(text) => Ok(Secret::new(text.to_string())),
        Err(SecretFileError::Unreadable { source, .. })
            if source.kind() == io::ErrorKind::NotFound =>
        {
            Err(DataFolderError::NoToken(folder.to_owned()))
        }
        Err(other) => Err(DataFolderError::Token(other)),
    }
}

fn make(path: &Path) -> Result<(), DataFolderError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => return Err(DataFolderError::NotFolder(path.to_owned())),
        Err(_) => {}
    }
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(|source| DataFolderError::Make {
            path: path.to_owned(),
            source,
        })
}

fn lock(path: &Path) -> Result<File, DataFolderError> {
    let unwritable = |source| DataFolderError::Unwritable {
        path: path.to_owned(),
        source,
    };
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(SECRET_MODE)
        .open(path.join(LOCK))
        .map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(DataFolderError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => return Err(unwritable(source)),
    }
    // For people who look for the owner; the lock itself is what counts.
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(unwritable)?;
    Ok(file)
}

/// A disk may be full or read-only although the lock's file was there already.
fn probe(path: &Path) -> io::Result<()> {
    let probe = path.join(PROBE);
    let mut file = File::create(&probe)?;
    file.write_all(&[0; 4_096])?;
    file.sync_all()?;
    fs::remove_file(&probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_missing_folder_is_made_for_the_owner_alone() {
        let base = folder();
        let path = base.path().join("a/b");
        let data = DataFolder::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(data.path(), path);
    }

    #[test]
    fn two_servers_do_not_share_a_folder() {
        let base = folder();
        let first = DataFolder::open(base.path()).unwrap();
        let refused = DataFolder::open(base.path()).unwrap_err();
        assert!(matches!(refused, DataFolderError::InUse(_)), "{refused}");
        drop(first);
        DataFolder::open(base.path()).unwrap();
    }

    #[test]
    fn the_token_is_made_once_and_closed_to_others() {
        let base = folder();
        let data = DataFolder::open(base.path()).unwrap();
        let absent = read_admin_token(base.path()).unwrap_err();
        assert!(absent.to_string().contains("bridged serve"), "{absent}");
        let token = data.admin_token().unwrap();
        assert_eq!(token.expose().len(), 2 * TOKEN_BYTES);
        let path = admin_token_path(base.path());
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(data.admin_token().unwrap() == token);
        assert_eq!(mode(&path), 0o600);
        assert!(read_admin_token(base.path()).unwrap() == token);
        let elsewhere = folder();
        let other = DataFolder::open(elsewhere.path()).unwrap();
        assert!(other.admin_token().unwrap() != token);
    }

    #[test]
    fn an_empty_token_is_not_a_token() {
        let base = folder();
        let data = DataFolder::open(base.path()).unwrap();
        fs::write(admin_token_path(base.path()), "\n").unwrap();
        let refused = data.admin_token().unwrap_err();
        assert!(refused.to_string().contains("delete its file"), "{refused}");
    }

    #[test]
    fn what_cannot_be_a_data_folder_is_explained() {
        let base = folder();
        let file = base.path().join("file");
        fs::write(&file, "").unwrap();
        let check = |path: &Path, part: &str| {
            let told = DataFolder::open(path).unwrap_err().to_string();
            assert!(told.contains(part) && told.contains("file"), "{told}");
        };
        check(&file, "is not a folder");
        check(&file.join("below"), "cannot make the data folder");
        // Files of the kernel refuse to be made, for every user.
        let told = DataFolder::open(Path::new("/proc/self/fdinfo")).unwrap_err();
        assert!(matches!(told, DataFolderError::Unwritable { .. }), "{told}");
    }

    #[test]
    fn causes_come_with_advice() {
        let check = |kind: io::ErrorKind, part: &str| {
            let error = DataFolderError::Unwritable {
                path: PathBuf::from("/d"),
                source: kind.into(),
            };
            assert!(error.to_string().contains(part), "{error}");
        };
        check(io::ErrorKind::PermissionDenied, "give this user the right");
        check(io::ErrorKind::ReadOnlyFilesystem, "read-only");
        check(io::ErrorKind::StorageFull, "make room");
    }
}
