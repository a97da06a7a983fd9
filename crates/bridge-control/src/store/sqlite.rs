//! The store in one SQLite file.
//!
//! One thread writes, a few connections read; nobody waits for a disk on an asynchronous thread.
//! Keys of providers stand in the file in the clear, so the file's mode is 0600 and its folder
//! should be as private. What comes sealed is kept as it comes.

mod column;
mod gateway_keys;
mod interceptions;
mod keys;
mod open;
mod providers;
mod readers;
mod records;
mod select;
mod sessions;
mod started;
mod tool_servers;
mod user_tokens;
mod users;
mod writer;

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use self::readers::Readers;
use self::writer::Writer;
use super::{
    InterceptionFilter, ListedUserToken, NewStoredGatewayKey, NewStoredKey, PageQuery, ProviderSet,
    SessionFilter, Store, StoreError, StoredKey, StoredProvider, StoredToolServer, StoredUserToken,
    ToolServerSet, UserChange, UserTokenFilter,
};
use crate::api::{
    GatewayKeyView, InterceptionDetail, InterceptionView, KeyView, Page, SessionDetail,
    SessionView, UserView,
};
use crate::record::{NewRecord, Rejection};

pub use self::open::OpenError;

/// Questions that may be answered at once.
const READERS: usize = 4;

/// A [`Store`] in one file with a write-ahead log beside it.
///
/// Dropping it finishes what waits to be written and closes the file; that may block for as long
/// as the disk takes.
#[derive(Debug)]
pub struct SqliteStore {
    // Readers are dropped first, so that the writer's connection is the last one and closes the log.
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, makes it if there is none, and brings its schema up to date. Its folder must
    /// exist. Blocks for as long as the disk takes: milliseconds, or longer when a schema changes.
    ///
    /// # Errors
    /// When the file cannot be written, is damaged, is another program's or a newer version's.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let connection = open::writer(path)?;
        let readers: Result<_, OpenError> = (0..READERS).map(|_| open::reader(path)).collect();
        Ok(Self {
            readers: Readers::new(readers?),
            writer: Writer::start(connection).map_err(OpenError::Thread)?,
        })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn insert_user(&self, user: UserView) -> Result<(), StoreError> {
        self.writer.run(move |to| users::insert(to, &user)).await
    }

    async fn user(&self, id_or_name: &str) -> Result<Option<UserView>, StoreError> {
        let id_or_name = id_or_name.to_owned();
        self.readers
            .run(move |from| users::find(from, &id_or_name))
            .await
    }

    async fn users(&self, page: PageQuery) -> Result<Page<UserView>, StoreError> {
        self.readers.run(move |from| users::list(from, &page)).await
    }

    async fn update_user(
        &self,
        id: Uuid,
        change: UserChange,
        at: Timestamp,
    ) -> Result<Option<UserView>, StoreError> {
        self.writer
            .run(move |to| users::update(to, id, &change, at))
            .await
    }

    async fn insert_key(&self, key: NewStoredKey) -> Result<(), StoreError> {
        self.writer.run(move |to| keys::insert(to, &key)).await
    }

    async fn key(&self, id: &str) -> Result<Option<StoredKey>, StoreError> {
        let id = id.to_owned();
        self.readers.run(move |from| keys::find(from, &id)).await
    }

    async fn keys_of_ids(&self, ids: Vec<String>) -> Result<Vec<StoredKey>, StoreError> {
        self.readers
            .run(move |from| keys::find_many(from, &ids))
            .await
    }

    async fn keys(&self, user: Option<Uuid>, page: PageQuery) -> Result<Page<KeyView>, StoreError> {
        self.readers
            .run(move |from| keys::list(from, user, &page))
            .await
    }

    async fn delete_key(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.writer.run(move |to| keys::delete(to, &id)).await
    }

    fn touch_key(&self, id: &str, at: Timestamp) {
        let id = id.to_owned();
        self.writer.leave(move |to| keys::touch(to, &id, at));
    }

    async fn insert_gateway_key(
        &self,
        key: NewStoredGatewayKey,
        most: usize,
    ) -> Result<(), StoreError> {
        self.writer
            .run(move |to| gateway_keys::insert(to, &key, most))
            .await
    }

    async fn gateway_keys(&self, page: PageQuery) -> Result<Page<GatewayKeyView>, StoreError> {
        self.readers
            .run(move |from| gateway_keys::list(from, &page))
            .await
    }

    async fn gateway_key_set(&self) -> Result<Vec<NewStoredGatewayKey>, StoreError> {
        self.readers.run(gateway_keys::set).await
    }

    async fn delete_gateway_key(
        &self,
        name_or_id: &str,
    ) -> Result<Option<GatewayKeyView>, StoreError> {
        let name_or_id = name_or_id.to_owned();
        self.writer
            .run(move |to| gateway_keys::delete(to, &name_or_id))
            .await
    }

    async fn see_gateway_key(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.writer
            .run(move |to| gateway_keys::see(to, &id, at))
            .await
    }

    async fn put_providers(
        &self,
        providers: Vec<StoredProvider>,
        after: u64,
    ) -> Result<u64, StoreError> {
        // What fails is undone as a whole: it is one job of the writer.
        self.writer
            .run(move |to| providers::put(to, &providers, after))
            .await
    }

    async fn provider(&self, id_or_name: &str) -> Result<Option<StoredProvider>, StoreError> {
        let id_or_name = id_or_name.to_owned();
        self.readers
            .run(move |from| providers::find(from, &id_or_name))
            .await
    }

    async fn providers(&self, page: PageQuery) -> Result<Page<StoredProvider>, StoreError> {
        self.readers
            .run(move |from| providers::list(from, &page))
            .await
    }

    async fn delete_provider(&self, id_or_name: &str, at: Timestamp) -> Result<bool, StoreError> {
        let id_or_name = id_or_name.to_owned();
        self.writer
            .run(move |to| providers::delete(to, &id_or_name, at))
            .await
    }

    async fn provider_set(&self) -> Result<ProviderSet, StoreError> {
        self.readers.run(providers::set).await
    }

    async fn put_tool_server(
        &self,
        server: StoredToolServer,
        after: u64,
    ) -> Result<u64, StoreError> {
        self.writer
            .run(move |to| tool_servers::put(to, &server, after))
            .await
    }

    async fn delete_tool_server(&self, id: Uuid) -> Result<bool, StoreError> {
        self.writer
            .run(move |to| tool_servers::delete(to, id))
            .await
    }

    async fn tool_server_set(&self) -> Result<ToolServerSet, StoreError> {
        self.readers.run(tool_servers::set).await
    }

    async fn tool_generation(&self) -> Result<(u64, bool), StoreError> {
        self.readers.run(tool_servers::standing).await
    }

    async fn put_user_token(
        &self,
        token: StoredUserToken,
        after: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        self.writer
            .run(move |to| user_tokens::put(to, &token, after))
            .await
    }

    async fn refuse_user_token(
        &self,
        server: Uuid,
        user: Uuid,
        revision: u64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer
            .run(move |to| user_tokens::refuse(to, server, user, revision, at))
            .await
    }

    async fn delete_user_token(&self, server: Uuid, user: Uuid) -> Result<bool, StoreError> {
        self.writer
            .run(move |to| user_tokens::delete(to, server, user))
            .await
    }

    async fn tokens_of_user(&self, user: Uuid) -> Result<Vec<StoredUserToken>, StoreError> {
        self.readers
            .run(move |from| user_tokens::of_user(from, user))
            .await
    }

    async fn user_tokens(
        &self,
        filter: UserTokenFilter,
        page: PageQuery,
    ) -> Result<Page<ListedUserToken>, StoreError> {
        self.readers
            .run(move |from| user_tokens::list(from, filter, &page))
            .await
    }

    async fn has_sealed(&self) -> Result<bool, StoreError> {
        self.readers.run(user_tokens::has_sealed).await
    }

    async fn store_records(&self, records: Vec<NewRecord>) -> Result<Vec<Rejection>, StoreError> {
        self.writer
            .run(move |to| records::store(to, &records))
            .await
    }

    async fn interceptions(
        &self,
        filter: InterceptionFilter,
        page: PageQuery,
    ) -> Result<Page<InterceptionView>, StoreError> {
        self.readers
            .run(move |from| interceptions::list(from, filter, &page))
            .await
    }

    async fn interception(&self, id: Uuid) -> Result<Option<InterceptionDetail>, StoreError> {
        self.readers
            .run(move |from| interceptions::detail(from, id))
            .await
    }

    async fn sessions(
        &self,
        filter: SessionFilter,
        page: PageQuery,
    ) -> Result<Page<SessionView>, StoreError> {
        self.readers
            .run(move |from| sessions::list(from, filter, &page))
            .await
    }

    async fn session(
        &self,
        id: &str,
        user: Option<Uuid>,
    ) -> Result<Option<SessionDetail>, StoreError> {
        let id = id.to_owned();
        self.readers
            .run(move |from| sessions::detail(from, &id, user))
            .await
    }
}

#[cfg(test)]
mod tests;
