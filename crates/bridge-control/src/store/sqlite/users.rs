//! Users in SQLite.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::column::{cursor, read_cursor, read_uuid, time, user_status, uuid, word};
use super::select::Select;
use super::user_tokens;
use crate::api::{Page, UserStatus, UserView};
use crate::store::{PageQuery, StoreError, UserChange};

const COLUMNS: &str =
    "SELECT id, username, email, name, status, is_system, created_at, updated_at FROM users";

pub(super) fn insert(connection: &Connection, user: &UserView) -> Result<(), StoreError> {
    let done = connection
        .prepare_cached("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?
        .execute(params![
            user.id.as_bytes(),
            user.username,
            user.email,
            user.name,
            user.status.as_str(),
            user.is_system,
            user.created_at.as_microsecond(),
            user.updated_at.as_microsecond(),
        ]);
    taken(done, "username").map(|_| ())
}

/// Tells a value that is taken from a store that does not work.
pub(super) fn taken<T>(done: rusqlite::Result<T>, field: &'static str) -> Result<T, StoreError> {
    done.map_err(|cause| match cause.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => StoreError::Conflict(field),
        _ => cause.into(),
    })
}

pub(super) fn find(
    connection: &Connection,
    id_or_name: &str,
) -> Result<Option<UserView>, StoreError> {
    let found = match read_uuid(id_or_name) {
        Some(id) => by_id(connection, id)?,
        None => connection
            .prepare_cached(&format!(
                "{COLUMNS} WHERE username = ?
                 ORDER BY status = 'deleted', created_at DESC LIMIT 1"
            ))?
            .query_row([id_or_name], read)
            .optional()?,
    };
    Ok(found)
}

pub(super) fn by_id(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<UserView>> {
    connection
        .prepare_cached(&format!("{COLUMNS} WHERE id = ?"))?
        .query_row([id.as_bytes()], read)
        .optional()
}

/// The owners of keys, whose ids are a JSON text.
pub(super) fn of_keys(
    connection: &Connection,
    ids: &str,
) -> rusqlite::Result<HashMap<Uuid, UserView>> {
    let mut statement = connection.prepare_cached(&format!(
        "{COLUMNS} WHERE id IN
         (SELECT user_id FROM keys WHERE id IN (SELECT value FROM json_each(?)))"
    ))?;
    let found = statement.query_map([ids], read)?;
    found.map(|user| user.map(|user| (user.id, user))).collect()
}

pub(super) fn list(
    connection: &Connection,
    page: &PageQuery,
) -> Result<Page<UserView>, StoreError> {
    let mut select = Select::new(
        "SELECT id, username, email, name, status, is_system, created_at, updated_at FROM users",
    );
    if let Some(after) = &page.after {
        let (at, id) = read_cursor(after, read_uuid)?;
        let values = vec![Value::Integer(at), Value::Blob(id.as_bytes().to_vec())];
        select.and_all("(created_at, id) > (?, ?)", values);
    }
    select.page(connection, "created_at, id", page.limit, read, |user| {
        cursor(user.created_at, user.id)
    })
}

pub(super) fn update(
    connection: &Connection,
    id: Uuid,
    change: &UserChange,
    at: Timestamp,
) -> Result<Option<UserView>, StoreError> {
    let at = at.as_microsecond();
    let changed = connection
        .prepare_cached(
            "UPDATE users SET status = coalesce(?2, status),
                              email = CASE WHEN ?3 THEN ?4 ELSE email END,
                              updated_at = ?5
             WHERE id = ?1 AND status <> 'deleted'",
        )?
        .execute(params![
            id.as_bytes(),
            change.status.map(|status| status.as_str()),
            change.email.is_some(),
            change.email.as_ref().and_then(Option::as_ref),
            at,
        ])?;
    if changed == 0 {
        return Ok(None);
    }
    if change.status == Some(UserStatus::Deleted) {
        user_tokens::delete_of_user(connection, id)?;
    }
    Ok(by_id(connection, id)?)
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<UserView> {
    Ok(UserView {
        id: uuid(row, "id")?,
        username: row.get("username")?,
        email: row.get("email")?,
        name: row.get("name")?,
        status: word(row, "status", user_status)?,
        is_system: row.get("is_system")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}
