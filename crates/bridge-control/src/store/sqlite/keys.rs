//! Keys of users in SQLite.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::column::{cursor, read_cursor, time, time_if, user_ref, uuid, uuid_if};
use super::select::Select;
use super::users::{self, taken};
use crate::api::{KeyView, Page};
use crate::store::{NewStoredKey, PageQuery, StoreError, StoredKey};

pub(super) fn insert(connection: &Connection, key: &NewStoredKey) -> Result<(), StoreError> {
    let done = connection
        .prepare_cached("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, NULL)")?
        .execute(params![
            key.id,
            key.secret_hash,
            key.user.as_bytes(),
            key.name,
            key.workspace_id.map(Uuid::into_bytes),
            key.created_at.as_microsecond(),
            key.expires_at.map(Timestamp::as_microsecond),
        ]);
    taken(done, "id").map(|_| ())
}

pub(super) fn find(connection: &Connection, id: &str) -> Result<Option<StoredKey>, StoreError> {
    let found = connection
        .prepare_cached("SELECT * FROM keys WHERE id = ?")?
        .query_row([id], read_stored)
        .optional()?;
    let Some((key, last_used_at)) = found else {
        return Ok(None);
    };
    let owner = users::by_id(connection, key.user)?;
    Ok(Some(StoredKey {
        key,
        last_used_at,
        owner,
    }))
}

/// Two questions for any number of ids, which travel as one JSON text.
pub(super) fn find_many(
    connection: &Connection,
    ids: &[String],
) -> Result<Vec<StoredKey>, StoreError> {
    let ids = serde_json::to_string(ids)?;
    let owners = users::of_keys(connection, &ids)?;
    let mut statement = connection
        .prepare_cached("SELECT * FROM keys WHERE id IN (SELECT value FROM json_each(?))")?;
    let found = statement.query_map([ids], read_stored)?;
    let stored = found.map(|found| {
        let (key, last_used_at) = found?;
        let owner = owners.get(&key.user).cloned();
        Ok(StoredKey {
            key,
            last_used_at,
            owner,
        })
    });
    stored.collect()
}

fn read_stored(row: &Row<'_>) -> rusqlite::Result<(NewStoredKey, Option<Timestamp>)> {
    let key = NewStoredKey {
        id: row.get("id")?,
        secret_hash: row.get("secret_hash")?,
        user: uuid(row, "user_id")?,
        name: row.get("name")?,
        workspace_id: uuid_if(row, "workspace_id")?,
        created_at: time(row, "created_at")?,
        expires_at: time_if(row, "expires_at")?,
    };
    Ok((key, time_if(row, "last_used_at")?))
}

pub(super) fn list(
    connection: &Connection,
    user: Option<Uuid>,
    page: &PageQuery,
) -> Result<Page<KeyView>, StoreError> {
    let mut select = Select::new(
        "SELECT k.id, k.user_id, u.username, k.name, k.workspace_id, k.created_at, k.expires_at,
                k.last_used_at
         FROM keys k JOIN users u ON u.id = k.user_id",
    );
    select.and("k.user_id = ?", user.map(|id| id.as_bytes().to_vec()));
    if let Some(after) = &page.after {
        let (at, id) = read_cursor(after, |id| Some(id.to_owned()))?;
        let values = vec![Value::Integer(at), Value::Text(id)];
        select.and_all("(k.created_at, k.id) > (?, ?)", values);
    }
    select.page(connection, "k.created_at, k.id", page.limit, read, |key| {
        cursor(key.created_at, &key.id)
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeyView> {
    Ok(KeyView {
        id: row.get("id")?,
        user: user_ref(row)?,
        name: row.get("name")?,
        workspace_id: uuid_if(row, "workspace_id")?,
        created_at: time(row, "created_at")?,
        expires_at: time_if(row, "expires_at")?,
        last_used_at: time_if(row, "last_used_at")?,
    })
}

pub(super) fn delete(connection: &Connection, id: &str) -> Result<bool, StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM keys WHERE id = ?")?
        .execute([id])?;
    Ok(deleted > 0)
}

pub(super) fn touch(connection: &Connection, id: &str, at: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE keys SET last_used_at = max(?2, coalesce(last_used_at, 0)) WHERE id = ?1",
        )?
        .execute(params![id, at.as_microsecond()])?;
    Ok(())
}
