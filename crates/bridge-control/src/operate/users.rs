//! Making, changing and deleting users.

use uuid::Uuid;

use crate::api::{NewUser, Page, UserPatch, UserStatus, UserView};
use crate::control::{ControlServer, Revocation, ToolChange, now};
use crate::error::ControlError;
use crate::store::{PageQuery, UserChange};
use crate::validate;

impl ControlServer {
    /// Makes a user.
    ///
    /// # Errors
    /// When a field breaks its rule or the name is taken.
    pub async fn create_user(&self, new: NewUser) -> Result<UserView, ControlError> {
        validate::username(&new.username)?;
        new.email.as_deref().map_or(Ok(()), validate::email)?;
        let name = new.name.as_deref();
        name.map_or(Ok(()), |name| validate::display_name(name, None))?;
        let now = now();
        let user = UserView {
            id: Uuid::now_v7(),
            username: new.username,
            email: new.email,
            name: new.name,
            status: UserStatus::Active,
            is_system: false,
            created_at: now,
            updated_at: now,
        };
        self.0.store.insert_user(user.clone()).await?;
        Ok(user)
    }

    /// The user of this id or login name; a deleted one only when no other has the name.
    ///
    /// # Errors
    /// When there is none.
    pub async fn user(&self, id_or_name: &str) -> Result<UserView, ControlError> {
        let found = self.0.store.user(id_or_name).await?;
        found.ok_or_else(|| ControlError::not_found("user", id_or_name))
    }

    /// Users in the order in which they were made, deleted ones included.
    ///
    /// # Errors
    /// When the cursor is none.
    pub async fn users(&self, page: PageQuery) -> Result<Page<UserView>, ControlError> {
        Ok(self.0.store.users(page).await?)
    }

    /// Changes a user. Gateways forget what they knew of the user at once.
    ///
    /// # Errors
    /// When there is no such user, nothing is to change, a field breaks its rule, or the user is
    /// deleted.
    pub async fn change_user(
        &self,
        id_or_name: &str,
        patch: UserPatch,
    ) -> Result<UserView, ControlError> {
        if patch.status == Some(UserStatus::Deleted) {
            let message = "must be active, suspended or dormant";
            return Err(ControlError::invalid("status", message));
        }
        let email = patch
            .email
            .map(|email| Some(email).filter(|email| !email.is_empty()));
        if let Some(Some(email)) = &email {
            validate::email(email)?;
        }
        if patch.status.is_none() && email.is_none() {
            return Err(ControlError::invalid("status", "or email must be given"));
        }
        let status = patch.status;
        self.update_user(id_or_name, UserChange { status, email })
            .await
    }

    /// Deletes a user for good, with all tokens for tool servers. Records stay; every key is refused at
    /// once.
    ///
    /// # Errors
    /// When there is no such user, or the user is deleted already.
    pub async fn delete_user(&self, id_or_name: &str) -> Result<(), ControlError> {
        let change = UserChange {
            status: Some(UserStatus::Deleted),
            email: None,
        };
        self.update_user(id_or_name, change).await.map(|_| ())
    }

    async fn update_user(
        &self,
        id_or_name: &str,
        change: UserChange,
    ) -> Result<UserView, ControlError> {
        let user = self.live_user("username", id_or_name).await?;
        let this = self.clone();
        self.whole(async move {
            let changed = this.0.store.update_user(user.id, change, now()).await?;
            let changed = changed.ok_or_else(|| is_deleted("username"))?;
            this.revoke(Revocation::User(changed.id));
            this.tools_changed(ToolChange::Tokens(changed.id));
            Ok(changed)
        })
        .await
    }

    /// A user who is not deleted.
    pub(super) async fn live_user(
        &self,
        field: &'static str,
        id_or_name: &str,
    ) -> Result<UserView, ControlError> {
        let user = self.user(id_or_name).await?;
        if user.status == UserStatus::Deleted {
            return Err(is_deleted(field));
        }
        Ok(user)
    }
}

fn is_deleted(field: &'static str) -> ControlError {
    ControlError::conflict(field, "the user is deleted")
}
