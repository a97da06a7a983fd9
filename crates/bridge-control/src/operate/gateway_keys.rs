//! Making and deleting the keys by which gateways on other machines prove themselves.

use bridge_telemetry::keys;
use slog::info;

use crate::api::{CreatedGatewayKey, GatewayKeyView, NewGatewayKey, Page, SecretText};
use crate::control::{ControlServer, now};
use crate::error::ControlError;
use crate::gateway_key;
use crate::store::{NewStoredGatewayKey, PageQuery};
use crate::validate;

/// All of them are held in memory while gateways are served.
const MOST: usize = 1_000;

impl ControlServer {
    /// Makes a gateway key. The secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// When the name breaks its rule or is taken, or there are a thousand keys already.
    pub async fn create_gateway_key(
        &self,
        new: NewGatewayKey,
    ) -> Result<CreatedGatewayKey, ControlError> {
        validate::gateway_key_name(&new.name)?;
        let minted = gateway_key::mint().map_err(ControlError::Random)?;
        let stored = NewStoredGatewayKey {
            id: minted.id,
            key_hash: minted.hash,
            name: new.name,
            created_at: now(),
        };
        let secret = SecretText::from(minted.whole);
        let this = self.clone();
        self.whole(async move {
            let inner = &this.0;
            let _alone = inner.gateways.changing.lock().await;
            inner.store.insert_gateway_key(stored.clone(), MOST).await?;
            inner.gateways.add(&stored);
            info!(inner.logger, "gateway key made";
                keys::GATEWAY_KEY_ID => &stored.id, "key_name" => &stored.name);
            let key = GatewayKeyView {
                id: stored.id,
                name: stored.name,
                created_at: stored.created_at,
                last_seen_at: None,
            };
            Ok(CreatedGatewayKey { key, secret })
        })
        .await
    }

    /// Gateway keys in the order in which they were made.
    ///
    /// # Errors
    /// When the cursor is none.
    pub async fn gateway_keys(
        &self,
        page: PageQuery,
    ) -> Result<Page<GatewayKeyView>, ControlError> {
        Ok(self.0.store.gateway_keys(page).await?)
    }

    /// Takes a gateway key away, by name or else by id. Gateways that are connected with it are cut
    /// off at once, and refused when they come again.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_gateway_key(&self, name_or_id: &str) -> Result<(), ControlError> {
        let this = self.clone();
        let name_or_id = name_or_id.to_owned();
        self.whole(async move {
            let inner = &this.0;
            let _alone = inner.gateways.changing.lock().await;
            let deleted = inner.store.delete_gateway_key(&name_or_id).await?;
            let key = deleted.ok_or_else(|| ControlError::not_found("gateway key", &name_or_id))?;
            let closed = inner.gateways.remove(&key.id);
            info!(inner.logger, "gateway key deleted"; keys::GATEWAY_KEY_ID => &key.id,
                "key_name" => &key.name, "connections" => closed);
            Ok(())
        })
        .await
    }
}
