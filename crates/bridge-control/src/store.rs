//! The seam behind which the control plane keeps what it knows.

mod provider;
mod sqlite;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
mod tool_server;

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::api::{
    GatewayKeyView, InterceptionDetail, InterceptionStatus, InterceptionView, KeyView, Page,
    SessionDetail, SessionView, UserStatus, UserView,
};
use crate::record::{NewRecord, Rejection};

pub use provider::{Bedrock, ProviderSet, StoredProvider, StoredProviderKey, Upstream};
pub use sqlite::{OpenError, SqliteStore};
pub use tool_server::{
    ListedUserToken, OAuth, StoredToolServer, StoredUserToken, ToolServerSet, ToolServerSettings,
    UserTokenFilter,
};

/// Keeps users, keys, providers, tool servers and records.
///
/// A call that has answered is kept: it survives a killed process and a power failure. Dropping a
/// returned future may or may not leave the change made, as a whole. What is read is in the words
/// of the [`crate::api`]. Whoever writes a store runs the cases of `store_suite!` against it
/// (feature `suite`).
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds a user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] on `username` when a user who is not deleted has the name.
    async fn insert_user(&self, user: UserView) -> Result<(), StoreError>;

    /// The user of this id or, ignoring case, of this name: the one who is not deleted, else the
    /// one who was made last.
    async fn user(&self, id_or_name: &str) -> Result<Option<UserView>, StoreError>;

    /// Users in the order in which they were made.
    async fn users(&self, page: PageQuery) -> Result<Page<UserView>, StoreError>;

    /// Changes a user who is not deleted; none when there is no such user. One who is deleted loses
    /// all tokens for tool servers.
    async fn update_user(
        &self,
        id: Uuid,
        change: UserChange,
        at: Timestamp,
    ) -> Result<Option<UserView>, StoreError>;

    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] on `id` when the id is taken.
    async fn insert_key(&self, key: NewStoredKey) -> Result<(), StoreError>;

    /// What is known of a key, and its owner if there is one.
    async fn key(&self, id: &str) -> Result<Option<StoredKey>, StoreError>;

    /// What is known of these keys, with their owners, in no order. Ids of no key are left out.
    async fn keys_of_ids(&self, ids: Vec<String>) -> Result<Vec<StoredKey>, StoreError>;

    /// Keys, of one user if given, in the order in which they were made.
    async fn keys(&self, user: Option<Uuid>, page: PageQuery) -> Result<Page<KeyView>, StoreError>;

    /// Takes a key away. Says whether there was one.
    async fn delete_key(&self, id: &str) -> Result<bool, StoreError>;

    /// Notes that a key was used. Never waits; under load the note may be lost.
    fn touch_key(&self, id: &str, at: Timestamp);

    /// Adds a gateway key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] on `name` or `id` when that is taken, a name ignoring case;
    /// [`StoreError::Full`] on `name` when there are as many as `most`.
    async fn insert_gateway_key(
        &self,
        key: NewStoredGatewayKey,
        most: usize,
    ) -> Result<(), StoreError>;

    /// Gateway keys in the order in which they were made.
    async fn gateway_keys(&self, page: PageQuery) -> Result<Page<GatewayKeyView>, StoreError>;

    /// All gateway keys with their hashes, by id.
    async fn gateway_key_set(&self) -> Result<Vec<NewStoredGatewayKey>, StoreError>;

    /// Takes away the gateway key of this name, ignoring case, or else of this id; none when there
    /// is no such key.
    async fn delete_gateway_key(
        &self,
        name_or_id: &str,
    ) -> Result<Option<GatewayKeyView>, StoreError>;

    /// Notes that a gateway is connected with this key. Says whether there is one.
    async fn see_gateway_key(&self, id: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// Makes these providers, or makes those of these ids what is given, all or none of them, if
    /// nothing has changed after this generation. Nobody sees some of them changed and others not.
    /// Says the generation that has all of them.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the set is another one by now, [`StoreError::Conflict`] on `name`
    /// when a provider of another id has it.
    async fn put_providers(
        &self,
        providers: Vec<StoredProvider>,
        after: u64,
    ) -> Result<u64, StoreError>;

    /// The provider of this name, or else of this id, that is not deleted. Settings that cannot be
    /// read are as if there were none.
    async fn provider(&self, id_or_name: &str) -> Result<Option<StoredProvider>, StoreError>;

    /// The same for a page of them, by name.
    async fn providers(&self, page: PageQuery) -> Result<Page<StoredProvider>, StoreError>;

    /// Marks the provider of this name, or else of this id, as deleted, and forgets its secrets. Its
    /// name is free then. Says whether there was one; then the generation grows.
    async fn delete_provider(&self, id_or_name: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// All providers that are not deleted, with their secrets, and the generation they belong to.
    async fn provider_set(&self) -> Result<ProviderSet, StoreError>;

    /// Makes a tool server, or makes the one of this id what is given, if nothing has changed after
    /// this generation. Says the generation that has it. One that takes no tokens of users loses
    /// those that it has.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the set is another one by now, [`StoreError::Conflict`] on `name`
    /// when a server of another id has it.
    async fn put_tool_server(
        &self,
        server: StoredToolServer,
        after: u64,
    ) -> Result<u64, StoreError>;

    /// Takes away the tool server of this id and all tokens for it. Says whether there was one; then
    /// the generation grows.
    async fn delete_tool_server(&self, id: Uuid) -> Result<bool, StoreError>;

    /// All tool servers, and the generation they belong to. Settings that cannot be read are an
    /// error: what a server may not offer would be lost with them.
    async fn tool_server_set(&self) -> Result<ToolServerSet, StoreError>;

    /// The generation of that set, and whether any server is enabled.
    async fn tool_generation(&self) -> Result<(u64, bool), StoreError>;

    /// Keeps a user's token, in place of the one that there is. With `after`, only if that has this
    /// revision. Says the revision that it has now, and nothing when it was not kept: another one
    /// is there, or a server that takes tokens of users or a user who is not deleted is not. The
    /// token's own revision does not matter.
    async fn put_user_token(
        &self,
        token: StoredUserToken,
        after: Option<u64>,
    ) -> Result<Option<u64>, StoreError>;

    /// Notes that the token of this revision was refused, if that was not noted before.
    async fn refuse_user_token(
        &self,
        server: Uuid,
        user: Uuid,
        revision: u64,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Takes a user's token away. Says whether there was one.
    async fn delete_user_token(&self, server: Uuid, user: Uuid) -> Result<bool, StoreError>;

    /// All tokens of a user, in no order.
    async fn tokens_of_user(&self, user: Uuid) -> Result<Vec<StoredUserToken>, StoreError>;

    /// Tokens, by name of the server and then of the user.
    async fn user_tokens(
        &self,
        filter: UserTokenFilter,
        page: PageQuery,
    ) -> Result<Page<ListedUserToken>, StoreError>;

    /// Whether anything that is kept is sealed.
    async fn has_sealed(&self) -> Result<bool, StoreError>;

    /// Keeps records, in this order, all or none of them. On success every record is kept, was kept
    /// before, or is named in the answer as one that never can be.
    async fn store_records(&self, records: Vec<NewRecord>) -> Result<Vec<Rejection>, StoreError>;

    /// Interceptions, newest first.
    async fn interceptions(
        &self,
        filter: InterceptionFilter,
        page: PageQuery,
    ) -> Result<Page<InterceptionView>, StoreError>;

    /// One interception with everything that is remembered of it.
    async fn interception(&self, id: Uuid) -> Result<Option<InterceptionDetail>, StoreError>;

    /// Sessions, newest first.
    async fn sessions(
        &self,
        filter: SessionFilter,
        page: PageQuery,
    ) -> Result<Page<SessionView>, StoreError>;

    /// A session with its threads.
    ///
    /// # Errors
    /// [`StoreError::Ambiguous`] when no user is given and several have a session of this id.
    async fn session(
        &self,
        id: &str,
        user: Option<Uuid>,
    ) -> Result<Option<SessionDetail>, StoreError>;
}

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// At most so many items.
    pub limit: u32,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// What changes of a user; none leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserChange {
    /// The new status.
    pub status: Option<UserStatus>,
    /// The new address; an inner none takes it away.
    pub email: Option<Option<String>>,
}

/// A key to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStoredKey {
    /// The part of the credential that is no secret.
    pub id: String,
    /// SHA-256 of the part that is.
    pub secret_hash: [u8; 32],
    /// Its owner.
    pub user: Uuid,
    /// What it is for.
    pub name: Option<String>,
    /// The workspace it is made for.
    pub workspace_id: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Option<Timestamp>,
}

/// A key that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The key itself.
    pub key: NewStoredKey,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// Its owner; none when there is no such user.
    pub owner: Option<UserView>,
}

/// A gateway key to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStoredGatewayKey {
    /// The part of it that is no secret.
    pub id: String,
    /// SHA-256 of the whole.
    pub key_hash: [u8; 32],
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which interceptions. What is none does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterceptionFilter {
    /// Who asked.
    pub user: Option<Uuid>,
    /// Name or format family of the provider.
    pub provider: Option<String>,
    /// The model as the caller wrote it.
    pub model: Option<String>,
    /// Name of the calling program.
    pub client: Option<String>,
    /// Id of the session.
    pub session: Option<String>,
    /// Whether and how it ended.
    pub status: Option<InterceptionStatus>,
    /// Started then or later.
    pub started_after: Option<Timestamp>,
    /// Started earlier than that.
    pub started_before: Option<Timestamp>,
}

/// Which sessions. What is none does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionFilter {
    /// Who spoke.
    pub user: Option<Uuid>,
    /// Name of the calling program.
    pub client: Option<String>,
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Something else has this value already.
    #[error("{0} is taken")]
    Conflict(&'static str),
    /// There are as many of these as there may be.
    #[error("{0}: there are as many as there may be")]
    Full(&'static str),
    /// Somebody else has changed it meanwhile.
    #[error("it was changed meanwhile")]
    Stale,
    /// More than one thing is meant.
    #[error("more than one session has this id")]
    Ambiguous,
    /// The `after` of a page query is no cursor of this list.
    #[error("not a cursor of this list")]
    BadCursor,
    /// It cannot be done now. Nothing was changed.
    #[error("the store is unavailable")]
    Unavailable(#[source] Arc<dyn Error + Send + Sync>),
}
