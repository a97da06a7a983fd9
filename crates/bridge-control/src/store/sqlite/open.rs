//! Opening the file: who may read it, whether it is ours, and bringing it up to date.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, Migrations};

/// Marks the file as one of ours: "brdg".
const APPLICATION_ID: i32 = 0x6272_6467;
/// The schema, step by step. A step that was released never changes.
const STEPS: &[M<'static>] = &[
    M::up(include_str!("../../../migrations/sqlite/0001_initial.sql")),
    M::up(include_str!(
        "../../../migrations/sqlite/0002_gateway_keys.sql"
    )),
    M::up(include_str!(
        "../../../migrations/sqlite/0003_provider_settings.sql"
    )),
    M::up(include_str!(
        "../../../migrations/sqlite/0004_tool_servers.sql"
    )),
    M::up(include_str!(
        "../../../migrations/sqlite/0005_injected_calls.sql"
    )),
];
const MIGRATIONS: Migrations<'static> = Migrations::from_slice(STEPS);
/// Only the owner may read or write: the file holds keys of providers.
const MODE: u32 = 0o600;
/// How long to wait for another process that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its folder cannot be written.
    #[error("{} cannot be opened for writing", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is no SQLite database, or damaged.
    #[error("{} is damaged or no SQLite database", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file is a database of another program.
    #[error("{} is a database of another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error("{} has schema version {found}, this version knows up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The newest one we know.
        known: i64,
    },
    /// The schema could not be brought up to date. The file is as it was.
    #[error("the schema of {} cannot be brought up to date", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite_migration::Error,
    },
    /// SQLite refused for another reason.
    #[error("{} cannot be opened", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// No thread could be started for the writer.
    #[error("the writer's thread cannot be started")]
    Thread(#[source] io::Error),
}

/// Opens the file for writing, makes it if need be, and brings its schema up to date.
pub(super) fn writer(path: &Path) -> Result<Connection, OpenError> {
    reserve(path)?;
    let failed = |source| failure(path, source);
    let mut connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    check_owner(path, &connection)?;
    check_version(path, &connection)?;
    close_to_others(path)?;
    settle(&connection).map_err(failed)?;
    migrate(path, &mut connection)?;
    Ok(connection)
}

/// Opens the file for reading. The writer was opened before.
pub(super) fn reader(path: &Path) -> Result<Connection, OpenError> {
    let failed = |source| failure(path, source);
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Makes the file with its mode before SQLite would make it with a wider one. The files beside it
/// (`-wal`, `-shm`) get the same mode from SQLite.
fn reserve(path: &Path) -> Result<(), OpenError> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(MODE)
        .open(path);
    opened.map(drop).map_err(|source| unwritable(path, source))
}

/// Takes a file of ours, which holds secrets, away from other users.
fn close_to_others(path: &Path) -> Result<(), OpenError> {
    let close = || {
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
        }
        Ok(())
    };
    close().map_err(|source| unwritable(path, source))
}

fn unwritable(path: &Path, source: io::Error) -> OpenError {
    OpenError::File {
        path: path.to_owned(),
        source,
    }
}

/// Refuses databases of other programs before anything is written to them.
fn check_owner(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let failed = |source| failure(path, source);
    let id: i32 = connection
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    match (id, tables) {
        (APPLICATION_ID, _) => Ok(()),
        (0, 0) => connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(failed),
        _ => Err(OpenError::Foreign {
            path: path.to_owned(),
        }),
    }
}

/// A write-ahead log lets readers read while the writer writes. `synchronous = FULL` syncs the log
/// at each commit: with NORMAL an acknowledged record would survive a killed process but not a
/// power failure. The writer commits many jobs at once, so the sync is paid once for all of them.
fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Refuses databases of newer versions before anything is written to them.
fn check_version(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let found: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|source| failure(path, source))?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        let path = path.to_owned();
        return Err(OpenError::Newer { path, found, known });
    }
    Ok(())
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), OpenError> {
    MIGRATIONS
        .to_latest(connection)
        .map_err(|source| OpenError::Migrate {
            path: path.to_owned(),
            source,
        })
}

fn failure(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            OpenError::Corrupt { path, source }
        }
        _ => OpenError::Sqlite { path, source },
    }
}
