//! Between columns and values: ids, times, counts, words and cursors.

use std::error::Error;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Row, RowIndex};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::api::{TokenSums, UserRef, UserStatus};
use crate::store::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Unavailable(Arc::new(cause))
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(cause: serde_json::Error) -> Self {
        Self::Unavailable(Arc::new(cause))
    }
}

/// The store's threads have ended.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the store is closed")]
struct Closed;

pub(super) fn closed() -> StoreError {
    StoreError::Unavailable(Arc::new(Closed))
}

/// A column holds what no version of ours wrote.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a column holds no {0}")]
struct Unreadable(&'static str);

pub(super) fn unreadable(what: &'static str) -> rusqlite::Error {
    foreign(Unreadable(what))
}

fn foreign(cause: impl Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(cause))
}

pub(super) fn uuid(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Uuid> {
    row.get::<_, [u8; 16]>(column).map(Uuid::from_bytes)
}

pub(super) fn uuid_if(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<Uuid>> {
    let bytes = row.get::<_, Option<[u8; 16]>>(column)?;
    Ok(bytes.map(Uuid::from_bytes))
}

pub(super) fn time(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(foreign)
}

pub(super) fn time_if(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<Timestamp>> {
    let micros: Option<i64> = row.get(column)?;
    micros
        .map(Timestamp::from_microsecond)
        .transpose()
        .map_err(foreign)
}

pub(super) fn count(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(foreign)
}

pub(super) fn count_if(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<u64>> {
    let count: Option<i64> = row.get(column)?;
    count.map(u64::try_from).transpose().map_err(foreign)
}

pub(super) fn json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: impl RowIndex,
) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(foreign)
}

/// A word of a closed list.
pub(super) fn word<T>(
    row: &Row<'_>,
    column: impl RowIndex,
    read: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    read(row.get_ref(column)?.as_str()?).ok_or_else(|| unreadable("word of its list"))
}

pub(super) fn user_status(word: &str) -> Option<UserStatus> {
    [
        UserStatus::Active,
        UserStatus::Suspended,
        UserStatus::Dormant,
        UserStatus::Deleted,
    ]
    .into_iter()
    .find(|status| status.as_str() == word)
}

/// The four sums, under the names they have in every table.
pub(super) fn sums(row: &Row<'_>) -> rusqlite::Result<TokenSums> {
    Ok(TokenSums {
        input: count(row, "input_tokens")?,
        output: count(row, "output_tokens")?,
        cache_read: count(row, "cache_read_tokens")?,
        cache_write: count(row, "cache_write_tokens")?,
    })
}

/// A user mentioned, from the columns `user_id` and `username`.
pub(super) fn user_ref(row: &Row<'_>) -> rusqlite::Result<UserRef> {
    Ok(UserRef {
        id: uuid(row, "user_id")?,
        username: row.get("username")?,
    })
}

/// Where a page ends: the time its list is ordered by, and the id that orders equal times.
pub(super) fn cursor(at: Timestamp, id: impl std::fmt::Display) -> String {
    format!("{}.{id}", at.as_microsecond())
}

/// Reads a cursor back.
pub(super) fn read_cursor<T>(
    text: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<(i64, T), StoreError> {
    let (at, id) = text.split_once('.').ok_or(StoreError::BadCursor)?;
    let at = at.parse().map_err(|_| StoreError::BadCursor)?;
    let id = read(id).ok_or(StoreError::BadCursor)?;
    Ok((at, id))
}

pub(super) fn read_uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}
