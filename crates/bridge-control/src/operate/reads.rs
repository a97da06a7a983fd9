//! Reading what was recorded.

use uuid::Uuid;

use crate::api::{InterceptionDetail, InterceptionView, Page, SessionDetail, SessionView};
use crate::control::ControlServer;
use crate::error::ControlError;
use crate::store::{InterceptionFilter, PageQuery, SessionFilter};

impl ControlServer {
    /// Interceptions, newest first.
    ///
    /// # Errors
    /// When the cursor is none.
    pub async fn interceptions(
        &self,
        filter: InterceptionFilter,
        page: PageQuery,
    ) -> Result<Page<InterceptionView>, ControlError> {
        Ok(self.0.store.interceptions(filter, page).await?)
    }

    /// One interception with everything that is remembered of it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn interception(&self, id: Uuid) -> Result<InterceptionDetail, ControlError> {
        let found = self.0.store.interception(id).await?;
        found.ok_or_else(|| ControlError::not_found("interception", &id.to_string()))
    }

    /// Sessions, newest first.
    ///
    /// # Errors
    /// When the cursor is none.
    pub async fn sessions(
        &self,
        filter: SessionFilter,
        page: PageQuery,
    ) -> Result<Page<SessionView>, ControlError> {
        Ok(self.0.store.sessions(filter, page).await?)
    }

    /// A session with its threads. The user's id or login name is needed only when several users
    /// have a session of this id.
    ///
    /// # Errors
    /// When there is none, or when there are several.
    pub async fn session(
        &self,
        id: &str,
        user: Option<&str>,
    ) -> Result<SessionDetail, ControlError> {
        let user = self.user_id(user).await?;
        let found = self.0.store.session(id, user).await?;
        found.ok_or_else(|| ControlError::not_found("session", id))
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check_store(&self) -> Result<(), ControlError> {
        let page = PageQuery {
            limit: 1,
            after: None,
        };
        self.0.store.gateway_keys(page).await?;
        Ok(())
    }

    /// The id of a user who is named, if one is.
    pub(crate) async fn user_id(
        &self,
        id_or_name: Option<&str>,
    ) -> Result<Option<Uuid>, ControlError> {
        match id_or_name {
            None => Ok(None),
            Some(name) => Ok(Some(self.user(name).await?.id)),
        }
    }
}
