//! Providers and their keys in SQLite. Whatever changes the set of providers also makes its
//! generation grow, in the same transaction.

use bridge_auth::{Secret, SecretHint};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::column::{count, time, uuid, word};
use super::select::Select;
use crate::api::{Page, ProviderKeyView, ProviderType, ProviderView};
use crate::store::{
    NewProvider, NewProviderSecret, PageQuery, ProviderSet, PutProvider, StoreError, StoredProvider,
};

pub(super) fn put(
    connection: &Connection,
    provider: &NewProvider,
    at: Timestamp,
) -> Result<PutProvider, StoreError> {
    let is_new = find(connection, &provider.name)?.is_none();
    connection
        .prepare_cached(
            "INSERT INTO providers VALUES (?1, ?2, ?3, ?4, ?5, ?5)
             ON CONFLICT (name) DO UPDATE SET type = ?2, base_url = ?3, enabled = ?4, updated_at = ?5",
        )?
        .execute(params![
            provider.name,
            provider.kind.as_str(),
            provider.base_url,
            provider.enabled,
            at.as_microsecond(),
        ])?;
    if let Some(keys) = &provider.keys {
        replace_keys(connection, &provider.name, keys, at)?;
    }
    grow(connection)?;
    let provider = find(connection, &provider.name)?;
    let provider = provider.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(PutProvider { provider, is_new })
}

/// A key that was there keeps its id and its age.
fn replace_keys(
    connection: &Connection,
    name: &str,
    keys: &[NewProviderSecret],
    at: Timestamp,
) -> Result<(), StoreError> {
    let old = stored_keys(connection, name)?;
    connection.execute("DELETE FROM provider_keys WHERE provider = ?", [name])?;
    for (position, key) in (0_i64..).zip(keys) {
        let known = old.iter().find(|old| old.secret == key.secret);
        let (id, created_at) = known.map_or((key.id, at), |old| (old.id, old.created_at));
        insert_key(connection, name, position, id, &key.secret, created_at)?;
    }
    Ok(())
}

fn insert_key(
    connection: &Connection,
    name: &str,
    position: i64,
    id: Uuid,
    secret: &Secret,
    created_at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO provider_keys VALUES (?, ?, ?, ?, ?)")?
        .execute(params![
            name,
            position,
            id.as_bytes(),
            secret.expose(),
            created_at.as_microsecond(),
        ])?;
    Ok(())
}

pub(super) fn add_key(
    connection: &Connection,
    name: &str,
    key: &NewProviderSecret,
    most: usize,
    at: Timestamp,
) -> Result<Option<ProviderKeyView>, StoreError> {
    if !exists(connection, name)? {
        return Ok(None);
    }
    let old = stored_keys(connection, name)?;
    if old.iter().any(|old| old.secret == key.secret) {
        return Err(StoreError::Conflict("key"));
    }
    if old.len() >= most {
        return Err(StoreError::Full("key"));
    }
    let position = old.last().map_or(0, |last| last.position + 1);
    insert_key(connection, name, position, key.id, &key.secret, at)?;
    touch(connection, name, at)?;
    Ok(Some(ProviderKeyView {
        id: key.id,
        hint: SecretHint::of(&key.secret).to_string(),
        created_at: at,
    }))
}

pub(super) fn delete_key(
    connection: &Connection,
    name: &str,
    id: Uuid,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let deleted = connection.execute(
        "DELETE FROM provider_keys WHERE provider = ? AND id = ?",
        params![name, id.as_bytes()],
    )?;
    if deleted > 0 {
        touch(connection, name, at)?;
    }
    Ok(deleted > 0)
}

pub(super) fn delete(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let deleted = connection.execute("DELETE FROM providers WHERE name = ?", [name])?;
    if deleted > 0 {
        connection.execute("DELETE FROM provider_keys WHERE provider = ?", [name])?;
        grow(connection)?;
    }
    Ok(deleted > 0)
}

fn touch(connection: &Connection, name: &str, at: Timestamp) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE providers SET updated_at = ?2 WHERE name = ?1",
        params![name, at.as_microsecond()],
    )?;
    grow(connection)
}

fn grow(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE state SET generation = generation + 1", [])?;
    Ok(())
}

fn exists(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM providers WHERE name = ?")?;
    Ok(statement.exists([name])?)
}

pub(super) fn find(
    connection: &Connection,
    name: &str,
) -> Result<Option<ProviderView>, StoreError> {
    let found = connection
        .prepare_cached("SELECT * FROM providers WHERE name = ?")?
        .query_row([name], read)
        .optional()?;
    found.map(|found| with_keys(connection, found)).transpose()
}

pub(super) fn list(
    connection: &Connection,
    page: &PageQuery,
) -> Result<Page<ProviderView>, StoreError> {
    let mut select = Select::new("SELECT * FROM providers");
    select.and("name > ?", page.after.clone());
    let page = select.page(connection, "name", page.limit, read, |provider| {
        provider.name.clone()
    })?;
    let items = page.items.into_iter();
    let items = items.map(|provider| with_keys(connection, provider));
    Ok(Page {
        items: items.collect::<Result<_, _>>()?,
        next: page.next,
    })
}

pub(super) fn generation(connection: &Connection) -> Result<u64, StoreError> {
    let read = |row: &Row<'_>| count(row, "generation");
    Ok(connection.query_row("SELECT generation FROM state", [], read)?)
}

pub(super) fn set(connection: &Connection) -> Result<ProviderSet, StoreError> {
    let generation = generation(connection)?;
    let mut statement = connection.prepare_cached("SELECT * FROM providers ORDER BY name")?;
    let rows = statement.query_map([], read)?;
    let mut providers = Vec::new();
    for row in rows {
        let provider = row?;
        let keys = stored_keys(connection, &provider.name)?.into_iter();
        providers.push(StoredProvider {
            keys: keys.map(|key| key.secret).collect(),
            name: provider.name,
            kind: provider.kind,
            base_url: provider.base_url,
            enabled: provider.enabled,
        });
    }
    Ok(ProviderSet {
        generation,
        providers,
    })
}

struct KeyRow {
    position: i64,
    id: Uuid,
    secret: Secret,
    created_at: Timestamp,
}

fn stored_keys(connection: &Connection, name: &str) -> Result<Vec<KeyRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, id, secret, created_at FROM provider_keys
         WHERE provider = ? ORDER BY position",
    )?;
    let rows = statement.query_map([name], |row| {
        Ok(KeyRow {
            position: row.get("position")?,
            id: uuid(row, "id")?,
            secret: Secret::new(row.get("secret")?),
            created_at: time(row, "created_at")?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn with_keys(
    connection: &Connection,
    mut provider: ProviderView,
) -> Result<ProviderView, StoreError> {
    let keys = stored_keys(connection, &provider.name)?.into_iter();
    provider.keys = keys
        .map(|key| ProviderKeyView {
            id: key.id,
            hint: SecretHint::of(&key.secret).to_string(),
            created_at: key.created_at,
        })
        .collect();
    Ok(provider)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ProviderView> {
    Ok(ProviderView {
        name: row.get("name")?,
        kind: word(row, "type", ProviderType::from_name)?,
        base_url: row.get("base_url")?,
        enabled: row.get("enabled")?,
        keys: Vec::new(),
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}
