//! Providers and their keys in SQLite. Whatever changes the set of providers also makes its
//! generation grow, in the same transaction.

use bridge_auth::Secret;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::column::{count, time, uuid, word};
use super::select::Select;
use crate::api::{Page, ProviderType};
use crate::store::{PageQuery, ProviderSet, StoreError, StoredProvider, StoredProviderKey};

pub(super) fn put(
    connection: &Connection,
    providers: &[StoredProvider],
    after: u64,
) -> Result<u64, StoreError> {
    if generation(connection)? != after {
        return Err(StoreError::Stale);
    }
    for provider in providers {
        put_one(connection, provider)?;
    }
    grow(connection)?;
    generation(connection)
}

fn put_one(connection: &Connection, provider: &StoredProvider) -> Result<(), StoreError> {
    let bedrock = provider.bedrock.as_ref().map(written).transpose()?;
    let upstream = provider.upstream.as_ref().map(written).transpose()?;
    connection
        .prepare_cached(
            "INSERT INTO providers
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, NULL)
             ON CONFLICT (id) DO UPDATE SET
                 name = ?2, type = ?3, display_name = ?4, icon = ?5, base_url = ?6, enabled = ?7,
                 bedrock = ?8, upstream = ?9, updated_at = ?11",
        )?
        .execute(params![
            provider.id.as_bytes(),
            provider.name,
            provider.kind.as_str(),
            provider.display_name,
            provider.icon,
            provider.base_url,
            provider.enabled,
            bedrock,
            upstream,
            provider.created_at.as_microsecond(),
            provider.updated_at.as_microsecond(),
        ])
        .map_err(|cause| match cause.sqlite_error_code() {
            // The one index over names.
            Some(rusqlite::ErrorCode::ConstraintViolation) => StoreError::Conflict("name"),
            _ => cause.into(),
        })?;
    replace_keys(connection, provider)
}

fn replace_keys(connection: &Connection, provider: &StoredProvider) -> Result<(), StoreError> {
    forget_keys(connection, provider.id)?;
    let mut insert =
        connection.prepare_cached("INSERT INTO provider_keys VALUES (?, ?, ?, ?, ?)")?;
    for (position, key) in (0_i64..).zip(&provider.keys) {
        insert.execute(params![
            provider.id.as_bytes(),
            position,
            key.id.as_bytes(),
            key.secret.expose(),
            key.created_at.as_microsecond(),
        ])?;
    }
    Ok(())
}

fn forget_keys(connection: &Connection, id: Uuid) -> Result<(), StoreError> {
    connection.execute(
        "DELETE FROM provider_keys WHERE provider = ?",
        [id.as_bytes()],
    )?;
    Ok(())
}

/// The row stays, without anything secret.
pub(super) fn delete(
    connection: &Connection,
    id_or_name: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let Some(provider) = find(connection, id_or_name)? else {
        return Ok(false);
    };
    connection.execute(
        "UPDATE providers SET deleted_at = ?2, updated_at = ?2, bedrock = NULL, upstream = NULL
         WHERE id = ?1",
        params![provider.id.as_bytes(), at.as_microsecond()],
    )?;
    forget_keys(connection, provider.id)?;
    grow(connection)?;
    Ok(true)
}

fn grow(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE state SET generation = generation + 1", [])?;
    Ok(())
}

/// A name goes before an id: it may have the form of one.
pub(super) fn find(
    connection: &Connection,
    id_or_name: &str,
) -> Result<Option<StoredProvider>, StoreError> {
    let id = Uuid::try_parse(id_or_name).ok();
    let found = connection
        .prepare_cached(
            "SELECT * FROM providers WHERE deleted_at IS NULL AND (name = ?1 OR id = ?2)
             ORDER BY name = ?1 DESC",
        )?
        .query_row(params![id_or_name, id.as_ref().map(Uuid::as_bytes)], read)
        .optional()?;
    found
        .map(|found| with_keys(connection, found.provider))
        .transpose()
}

pub(super) fn list(
    connection: &Connection,
    page: &PageQuery,
) -> Result<Page<StoredProvider>, StoreError> {
    let mut select = Select::new("SELECT * FROM providers");
    select.and_all("deleted_at IS NULL", Vec::new());
    select.and("name > ?", page.after.clone());
    let page = select.page(connection, "name", page.limit, read, |row| {
        row.provider.name.clone()
    })?;
    let items = page.items.into_iter();
    let items = items.map(|row| with_keys(connection, row.provider));
    Ok(Page {
        items: items.collect::<Result<_, _>>()?,
        next: page.next,
    })
}

fn generation(connection: &Connection) -> Result<u64, StoreError> {
    let read = |row: &Row<'_>| count(row, "generation");
    Ok(connection.query_row("SELECT generation FROM state", [], read)?)
}

pub(super) fn set(connection: &Connection) -> Result<ProviderSet, StoreError> {
    let mut set = ProviderSet {
        generation: generation(connection)?,
        ..ProviderSet::default()
    };
    let mut statement = connection
        .prepare_cached("SELECT * FROM providers WHERE deleted_at IS NULL ORDER BY name")?;
    for row in statement.query_map([], read)? {
        let row = row?;
        let list = if row.is_readable {
            &mut set.providers
        } else {
            &mut set.unreadable
        };
        list.push(with_keys(connection, row.provider)?);
    }
    Ok(set)
}

fn with_keys(
    connection: &Connection,
    mut provider: StoredProvider,
) -> Result<StoredProvider, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, secret, created_at FROM provider_keys WHERE provider = ? ORDER BY position",
    )?;
    let rows = statement.query_map([provider.id.as_bytes()], |row| {
        Ok(StoredProviderKey {
            id: uuid(row, "id")?,
            secret: Secret::new(row.get("secret")?),
            created_at: time(row, "created_at")?,
        })
    })?;
    provider.keys = rows.collect::<rusqlite::Result<_>>()?;
    Ok(provider)
}

/// A provider without its keys.
struct ProviderRow {
    provider: StoredProvider,
    /// Settings that cannot be read are as if there were none.
    is_readable: bool,
}

fn read(row: &Row<'_>) -> rusqlite::Result<ProviderRow> {
    let bedrock = settings(row, "bedrock")?;
    let upstream = settings(row, "upstream")?;
    Ok(ProviderRow {
        is_readable: bedrock.is_ok() && upstream.is_ok(),
        provider: StoredProvider {
            id: uuid(row, "id")?,
            name: row.get("name")?,
            kind: word(row, "type", ProviderType::from_name)?,
            display_name: row.get("display_name")?,
            icon: row.get("icon")?,
            base_url: row.get("base_url")?,
            enabled: row.get("enabled")?,
            keys: Vec::new(),
            bedrock: bedrock.unwrap_or_default(),
            upstream: upstream.unwrap_or_default(),
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
        },
    })
}

/// The column holds something that no version of ours wrote.
struct Unreadable;

fn settings<T: DeserializeOwned>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<Result<Option<T>, Unreadable>> {
    let text: Option<String> = row.get(column)?;
    let read = text.map(|text| serde_json::from_str::<Versioned<T>>(&text));
    Ok(match read.transpose() {
        Ok(None) => Ok(None),
        Ok(Some(versioned)) if versioned.version == VERSION => Ok(Some(versioned.settings)),
        Ok(Some(_)) | Err(_) => Err(Unreadable),
    })
}

/// The version of the settings' form. It grows when what an older program reads of it would be wrong.
const VERSION: u32 = 1;

#[derive(serde::Serialize, serde::Deserialize)]
struct Versioned<T> {
    #[serde(rename = "_version")]
    version: u32,
    #[serde(flatten)]
    settings: T,
}

fn written<T: Serialize>(settings: &T) -> Result<String, StoreError> {
    Ok(serde_json::to_string(&Versioned {
        version: VERSION,
        settings,
    })?)
}
