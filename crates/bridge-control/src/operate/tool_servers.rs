//! Making, changing and deleting tool servers. Gateways learn of each change at once.

use bridge_telemetry::keys;
use slog::info;
use uuid::Uuid;

use crate::api::{NewToolServer, Page, ToolServerPatch, ToolServerView};
use crate::control::{ControlServer, ToolChange, now};
use crate::error::ControlError;
use crate::store::{PageQuery, StoreError, StoredToolServer, ToolServerSet};
use crate::tool_server::{Opened, ToolServer, made, patched, view};
use crate::validate::MOST_TOOL_SERVERS;

/// How often a change is tried that others got in the way of.
const ATTEMPTS: usize = 8;

impl ControlServer {
    /// Makes a tool server.
    ///
    /// # Errors
    /// When a field breaks its rule, the name is taken, there are as many as there may be, or its
    /// secrets cannot be encrypted.
    pub async fn create_tool_server(
        &self,
        new: NewToolServer,
    ) -> Result<ToolServerView, ControlError> {
        let draft = made(&new)?;
        let this = self.clone();
        self.whole(async move {
            for _ in 0..ATTEMPTS {
                let set = this.0.store.tool_server_set().await?;
                if set.servers.iter().any(|known| known.name == draft.stored.name) {
                    return Err(StoreError::Conflict("name").into());
                }
                if set.servers.len() >= MOST_TOOL_SERVERS {
                    return Err(StoreError::Full("name").into());
                }
                if let Some(kept) = this.keep(&draft, set.generation).await? {
                    info!(this.0.logger, "tool server made"; keys::TOOL_SERVER => &kept.stored.name);
                    return Ok(view(&kept));
                }
            }
            Err(stale())
        })
        .await
    }

    /// Changes what is given of a tool server.
    ///
    /// # Errors
    /// When there is no such server, nothing is given, a field breaks its rule, the new name is
    /// taken, or secrets cannot be encrypted.
    pub async fn change_tool_server(
        &self,
        id_or_name: &str,
        patch: ToolServerPatch,
    ) -> Result<ToolServerView, ControlError> {
        let this = self.clone();
        let id_or_name = id_or_name.to_owned();
        self.whole(async move {
            for _ in 0..ATTEMPTS {
                let set = this.0.store.tool_server_set().await?;
                let old = this.opened(wanted(&set, &id_or_name)?.clone()).await;
                let draft = patched(&old, &patch)?;
                if is_same(&old, &draft) {
                    return Ok(view(&old));
                }
                if let Some(kept) = this.keep(&draft, set.generation).await? {
                    info!(this.0.logger, "tool server changed";
                        keys::TOOL_SERVER => &kept.stored.name);
                    return Ok(view(&kept));
                }
            }
            Err(stale())
        })
        .await
    }

    /// The tool server of this name, or else of this id, without its secrets.
    ///
    /// # Errors
    /// When there is none.
    pub async fn tool_server(&self, id_or_name: &str) -> Result<ToolServerView, ControlError> {
        let stored = self.stored_tool_server(id_or_name).await?;
        Ok(view(&self.opened(stored).await))
    }

    /// Tool servers by name.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tool_servers(
        &self,
        page: PageQuery,
    ) -> Result<Page<ToolServerView>, ControlError> {
        let set = self.0.store.tool_server_set().await?;
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let after = page.after.as_deref();
        let mut servers = set.servers.into_iter();
        let mut rest = servers
            .by_ref()
            .skip_while(|server| after.is_some_and(|after| server.name.as_str() <= after));
        let mut items = Vec::new();
        while items.len() < limit
            && let Some(stored) = rest.next()
        {
            items.push(view(&self.opened(stored).await));
        }
        let has_more = rest.next().is_some();
        let last = items.last().filter(|_| has_more);
        let next = last.map(|server| server.name.clone());
        Ok(Page { items, next })
    }

    /// Takes a tool server away, with its secrets and all tokens of users for it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_tool_server(&self, id_or_name: &str) -> Result<(), ControlError> {
        let this = self.clone();
        let id_or_name = id_or_name.to_owned();
        self.whole(async move {
            let server = this.stored_tool_server(&id_or_name).await?;
            if !this.0.store.delete_tool_server(server.id).await? {
                return Err(ControlError::not_found(TOOL_SERVER, &id_or_name));
            }
            this.tools_changed(ToolChange::Servers);
            info!(this.0.logger, "tool server deleted"; keys::TOOL_SERVER => &server.name);
            Ok(())
        })
        .await
    }

    /// As the store has it.
    pub(super) async fn stored_tool_server(
        &self,
        id_or_name: &str,
    ) -> Result<StoredToolServer, ControlError> {
        let set = self.0.store.tool_server_set().await?;
        wanted(&set, id_or_name).cloned()
    }

    /// Seals and stores it, and tells gateways; nothing when the set is another one by now.
    async fn keep(
        &self,
        draft: &ToolServer,
        generation: u64,
    ) -> Result<Option<Opened>, ControlError> {
        let mut stored = draft.stored.clone();
        stored.sealed = self.seal_secrets(stored.id, &draft.secrets).await?;
        stored.updated_at = now().max(stored.created_at);
        match self
            .0
            .store
            .put_tool_server(stored.clone(), generation)
            .await
        {
            Ok(_) => {
                self.tools_changed(ToolChange::Servers);
                let secrets = Ok(draft.secrets.clone());
                Ok(Some(Opened { stored, secrets }))
            }
            Err(StoreError::Stale) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}

/// What they are called to operators.
const TOOL_SERVER: &str = "tool server";

fn stale() -> ControlError {
    ControlError::conflict("tool_server", "was changed meanwhile: try again")
}

/// Whether nothing would change but the time.
fn is_same(old: &Opened, draft: &ToolServer) -> bool {
    let then = StoredToolServer {
        sealed: None,
        updated_at: draft.stored.updated_at,
        ..old.stored.clone()
    };
    then == draft.stored && old.secrets.as_ref().is_ok_and(|old| *old == draft.secrets)
}

/// The one of this name, or else of this id.
pub(super) fn wanted<'s>(
    set: &'s ToolServerSet,
    id_or_name: &str,
) -> Result<&'s StoredToolServer, ControlError> {
    let by_id = || {
        let id = Uuid::try_parse(id_or_name).ok()?;
        set.servers.iter().find(|server| server.id == id)
    };
    let mut named = set.servers.iter();
    named
        .find(|server| server.name == id_or_name)
        .or_else(by_id)
        .ok_or_else(|| ControlError::not_found(TOOL_SERVER, id_or_name))
}
