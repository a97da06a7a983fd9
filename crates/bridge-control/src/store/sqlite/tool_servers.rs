//! Tool servers in SQLite. Whatever changes the set of them also makes its generation grow, in the
//! same transaction.

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::column::{count, json, time, unreadable, uuid, word};
use super::user_tokens;
use super::users::taken;
use crate::api::ToolCredentialKind;
use crate::store::{StoreError, StoredToolServer, ToolServerSet, ToolServerSettings};

/// The version of the settings' form. It grows when what an older program reads of it would be wrong.
const VERSION: u32 = 1;

#[derive(serde::Serialize, serde::Deserialize)]
struct Versioned {
    #[serde(rename = "_version")]
    version: u32,
    #[serde(flatten)]
    settings: ToolServerSettings,
}

pub(super) fn put(
    connection: &Connection,
    server: &StoredToolServer,
    after: u64,
) -> Result<u64, StoreError> {
    if generation(connection)? != after {
        return Err(StoreError::Stale);
    }
    let settings = serde_json::to_string(&Versioned {
        version: VERSION,
        settings: server.settings.clone(),
    })?;
    let done = connection
        .prepare_cached(
            "INSERT INTO tool_servers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET
                 name = ?2, url = ?3, enabled = ?4, credential = ?5, settings = ?6, sealed = ?7,
                 updated_at = ?9",
        )?
        .execute(params![
            server.id.as_bytes(),
            server.name,
            server.url,
            server.enabled,
            server.credential.as_str(),
            settings,
            server.sealed,
            server.created_at.as_microsecond(),
            server.updated_at.as_microsecond(),
        ]);
    taken(done, "name")?;
    if server.credential != ToolCredentialKind::User {
        user_tokens::delete_of_server(connection, server.id)?;
    }
    grow(connection)?;
    generation(connection)
}

pub(super) fn delete(connection: &Connection, id: Uuid) -> Result<bool, StoreError> {
    let deleted = connection.execute("DELETE FROM tool_servers WHERE id = ?", [id.as_bytes()])?;
    if deleted == 0 {
        return Ok(false);
    }
    user_tokens::delete_of_server(connection, id)?;
    grow(connection)?;
    Ok(true)
}

fn grow(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE state SET tool_generation = tool_generation + 1", [])?;
    Ok(())
}

fn generation(connection: &Connection) -> Result<u64, StoreError> {
    let read = |row: &Row<'_>| count(row, "tool_generation");
    Ok(connection.query_row("SELECT tool_generation FROM state", [], read)?)
}

pub(super) fn standing(connection: &Connection) -> Result<(u64, bool), StoreError> {
    let read = |row: &Row<'_>| Ok((count(row, "tool_generation")?, row.get("has_servers")?));
    let found = connection
        .prepare_cached(
            "SELECT tool_generation,
                    EXISTS (SELECT 1 FROM tool_servers WHERE enabled) AS has_servers
             FROM state",
        )?
        .query_row([], read)?;
    Ok(found)
}

pub(super) fn set(connection: &Connection) -> Result<ToolServerSet, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM tool_servers ORDER BY name")?;
    let servers = statement.query_map([], read)?;
    Ok(ToolServerSet {
        generation: generation(connection)?,
        servers: servers.collect::<rusqlite::Result<_>>()?,
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredToolServer> {
    let Versioned { version, settings } = json(row, "settings")?;
    if version != VERSION {
        return Err(unreadable("settings of a version that is known"));
    }
    Ok(StoredToolServer {
        id: uuid(row, "id")?,
        name: row.get("name")?,
        url: row.get("url")?,
        enabled: row.get("enabled")?,
        credential: word(row, "credential", ToolCredentialKind::from_name)?,
        settings,
        sealed: row.get("sealed")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}
