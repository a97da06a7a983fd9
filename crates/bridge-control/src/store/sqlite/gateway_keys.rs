//! Gateway keys in SQLite.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::column::{cursor, read_cursor, time, time_if};
use super::select::Select;
use super::users::taken;
use crate::api::{GatewayKeyView, Page};
use crate::store::{NewStoredGatewayKey, PageQuery, StoreError};

pub(super) fn insert(
    connection: &Connection,
    key: &NewStoredGatewayKey,
    most: usize,
) -> Result<(), StoreError> {
    let has_name = connection
        .prepare_cached("SELECT 1 FROM gateway_keys WHERE name = ?")?
        .exists([&key.name])?;
    if has_name {
        return Err(StoreError::Conflict("name"));
    }
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM gateway_keys")?
        .query_row([], |row| row.get(0))?;
    if usize::try_from(count).is_ok_and(|count| count >= most) {
        return Err(StoreError::Full("name"));
    }
    let done = connection
        .prepare_cached("INSERT INTO gateway_keys VALUES (?, ?, ?, ?, NULL)")?
        .execute(params![
            key.id,
            key.key_hash,
            key.name,
            key.created_at.as_microsecond(),
        ]);
    taken(done, "id").map(|_| ())
}

pub(super) fn list(
    connection: &Connection,
    page: &PageQuery,
) -> Result<Page<GatewayKeyView>, StoreError> {
    let mut select = Select::new("SELECT id, name, created_at, last_seen_at FROM gateway_keys");
    if let Some(after) = &page.after {
        let (at, id) = read_cursor(after, |id| Some(id.to_owned()))?;
        let values = vec![Value::Integer(at), Value::Text(id)];
        select.and_all("(created_at, id) > (?, ?)", values);
    }
    select.page(connection, "created_at, id", page.limit, read, |key| {
        cursor(key.created_at, &key.id)
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<GatewayKeyView> {
    Ok(GatewayKeyView {
        id: row.get("id")?,
        name: row.get("name")?,
        created_at: time(row, "created_at")?,
        last_seen_at: time_if(row, "last_seen_at")?,
    })
}

pub(super) fn set(connection: &Connection) -> Result<Vec<NewStoredGatewayKey>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id, key_hash, name, created_at FROM gateway_keys ORDER BY id")?;
    let keys = statement.query_map([], |row| {
        Ok(NewStoredGatewayKey {
            id: row.get("id")?,
            key_hash: row.get("key_hash")?,
            name: row.get("name")?,
            created_at: time(row, "created_at")?,
        })
    })?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}

/// By name or, when no key has the name, by id.
pub(super) fn delete(
    connection: &Connection,
    name_or_id: &str,
) -> Result<Option<GatewayKeyView>, StoreError> {
    for statement in [
        "DELETE FROM gateway_keys WHERE name = ? RETURNING *",
        "DELETE FROM gateway_keys WHERE id = ? RETURNING *",
    ] {
        let deleted = connection
            .prepare_cached(statement)?
            .query_row([name_or_id], read)
            .optional()?;
        if deleted.is_some() {
            return Ok(deleted);
        }
    }
    Ok(None)
}

pub(super) fn see(connection: &Connection, id: &str, at: Timestamp) -> Result<bool, StoreError> {
    let seen = connection
        .prepare_cached(
            "UPDATE gateway_keys SET last_seen_at = max(?2, coalesce(last_seen_at, 0))
             WHERE id = ?1",
        )?
        .execute(params![id, at.as_microsecond()])?;
    Ok(seen > 0)
}
