//! Users' tokens for tool servers in SQLite.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::column::{count, time, time_if, user_ref, uuid};
use super::select::Select;
use crate::api::{Page, ToolCredentialKind};
use crate::store::{ListedUserToken, PageQuery, StoreError, StoredUserToken, UserTokenFilter};

pub(super) fn put(
    connection: &Connection,
    token: &StoredUserToken,
    after: Option<u64>,
) -> Result<Option<u64>, StoreError> {
    if !may_be_kept(connection, token)? {
        return Ok(None);
    }
    if let Some(after) = after
        && revision(connection, token)? != Some(after)
    {
        return Ok(None);
    }
    let next: i64 = connection.query_row(
        "UPDATE state SET token_revision = token_revision + 1 RETURNING token_revision",
        [],
        |row| row.get(0),
    )?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO user_tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?
        .execute(params![
            token.server.as_bytes(),
            token.user.as_bytes(),
            next,
            token.sealed,
            token.is_renewable,
            token.expires_at.map(Timestamp::as_microsecond),
            token.refused_at.map(Timestamp::as_microsecond),
            token.set_at.as_microsecond(),
            token.refreshed_at.map(Timestamp::as_microsecond),
        ])?;
    revision(connection, token)
}

/// Whether there are such a server, which takes tokens of users, and such a user.
fn may_be_kept(connection: &Connection, token: &StoredUserToken) -> Result<bool, StoreError> {
    let both = connection
        .prepare_cached(
            "SELECT 1 FROM tool_servers, users
             WHERE tool_servers.id = ? AND tool_servers.credential = ?
               AND users.id = ? AND users.status <> 'deleted'",
        )?
        .exists(params![
            token.server.as_bytes(),
            ToolCredentialKind::User.as_str(),
            token.user.as_bytes(),
        ])?;
    Ok(both)
}

fn revision(connection: &Connection, token: &StoredUserToken) -> Result<Option<u64>, StoreError> {
    let found = connection
        .prepare_cached("SELECT revision FROM user_tokens WHERE server_id = ? AND user_id = ?")?
        .query_row(
            params![token.server.as_bytes(), token.user.as_bytes()],
            |row| count(row, "revision"),
        )
        .optional()?;
    Ok(found)
}

pub(super) fn refuse(
    connection: &Connection,
    server: Uuid,
    user: Uuid,
    revision: u64,
    at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE user_tokens SET refused_at = ?4
             WHERE server_id = ?1 AND user_id = ?2 AND revision = ?3 AND refused_at IS NULL",
        )?
        .execute(params![
            server.as_bytes(),
            user.as_bytes(),
            i64::try_from(revision).unwrap_or(i64::MAX),
            at.as_microsecond(),
        ])?;
    Ok(())
}

pub(super) fn delete(
    connection: &Connection,
    server: Uuid,
    user: Uuid,
) -> Result<bool, StoreError> {
    let deleted = connection.execute(
        "DELETE FROM user_tokens WHERE server_id = ? AND user_id = ?",
        params![server.as_bytes(), user.as_bytes()],
    )?;
    Ok(deleted > 0)
}

pub(super) fn delete_of_server(connection: &Connection, server: Uuid) -> Result<(), StoreError> {
    let id = server.as_bytes();
    connection.execute("DELETE FROM user_tokens WHERE server_id = ?", [id])?;
    Ok(())
}

pub(super) fn delete_of_user(connection: &Connection, user: Uuid) -> Result<(), StoreError> {
    let id = user.as_bytes();
    connection.execute("DELETE FROM user_tokens WHERE user_id = ?", [id])?;
    Ok(())
}

pub(super) fn of_user(
    connection: &Connection,
    user: Uuid,
) -> Result<Vec<StoredUserToken>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM user_tokens WHERE user_id = ?")?;
    let tokens = statement.query_map([user.as_bytes()], read)?;
    Ok(tokens.collect::<rusqlite::Result<_>>()?)
}

/// The cursor is what the list is ordered by: both names.
pub(super) fn list(
    connection: &Connection,
    filter: UserTokenFilter,
    page: &PageQuery,
) -> Result<Page<ListedUserToken>, StoreError> {
    let mut select = Select::new(
        "SELECT user_tokens.*, tool_servers.name AS server_name, users.username AS username
         FROM user_tokens
         JOIN tool_servers ON tool_servers.id = user_tokens.server_id
         JOIN users ON users.id = user_tokens.user_id",
    );
    let blob = |id: Uuid| id.as_bytes().to_vec();
    select.and("user_tokens.server_id = ?", filter.server.map(blob));
    select.and("user_tokens.user_id = ?", filter.user.map(blob));
    if let Some(after) = &page.after {
        let (server, user) = after.split_once('.').ok_or(StoreError::BadCursor)?;
        let values = [server, user].map(|name| Value::Text(name.to_owned()));
        select.and_all(
            "(tool_servers.name, users.username) > (?, ?)",
            values.into(),
        );
    }
    let order = "tool_servers.name, users.username";
    select.page(connection, order, page.limit, read_listed, |listed| {
        format!("{}.{}", listed.server_name, listed.user.username)
    })
}

pub(super) fn has_sealed(connection: &Connection) -> Result<bool, StoreError> {
    let found = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM user_tokens)
                OR EXISTS (SELECT 1 FROM tool_servers WHERE sealed IS NOT NULL)",
        [],
        |row| row.get(0),
    )?;
    Ok(found)
}

fn read_listed(row: &Row<'_>) -> rusqlite::Result<ListedUserToken> {
    Ok(ListedUserToken {
        token: read(row)?,
        server_name: row.get("server_name")?,
        user: user_ref(row)?,
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredUserToken> {
    Ok(StoredUserToken {
        server: uuid(row, "server_id")?,
        user: uuid(row, "user_id")?,
        revision: count(row, "revision")?,
        sealed: row.get("sealed")?,
        is_renewable: row.get("is_renewable")?,
        expires_at: time_if(row, "expires_at")?,
        refused_at: time_if(row, "refused_at")?,
        set_at: time(row, "set_at")?,
        refreshed_at: time_if(row, "refreshed_at")?,
    })
}
