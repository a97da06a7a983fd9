//! Making, changing and deleting providers and their keys. Gateways learn of each change at once.

use uuid::Uuid;

use crate::api::{
    NewProviderKey, Page, ProviderKeyView, ProviderSpec, ProviderType, ProviderView, SecretText,
};
use crate::control::{ControlServer, now};
use crate::error::ControlError;
use crate::store::{NewProvider, NewProviderSecret, PageQuery, PutProvider};
use crate::validate::{self, MOST_PROVIDER_KEYS};

impl ControlServer {
    /// Says whether a provider could be stored, and stores nothing.
    ///
    /// # Errors
    /// When the name or a field breaks its rule.
    pub fn check_provider(&self, name: &str, spec: &ProviderSpec) -> Result<(), ControlError> {
        checked(name, spec).map(|_| ())
    }

    /// Makes a provider, or makes the one of this name what is given.
    ///
    /// # Errors
    /// When the name or a field breaks its rule.
    pub async fn put_provider(
        &self,
        name: &str,
        spec: ProviderSpec,
    ) -> Result<PutProvider, ControlError> {
        let provider = new(name, spec)?;
        let this = self.clone();
        self.whole(async move {
            let put = this.0.store.put_provider(provider, now()).await?;
            this.providers_changed();
            Ok(put)
        })
        .await
    }

    /// The same for all of these, or for none of them. Gateways learn of all at once. Says the
    /// generation of the set that has them; nothing when there are none.
    ///
    /// # Errors
    /// When a name or a field breaks its rule.
    pub async fn put_providers(
        &self,
        specs: Vec<(String, ProviderSpec)>,
    ) -> Result<Option<u64>, ControlError> {
        let specs = specs.into_iter().map(|(name, spec)| new(&name, spec));
        let providers: Vec<_> = specs.collect::<Result<_, _>>()?;
        if providers.is_empty() {
            return Ok(None);
        }
        let this = self.clone();
        self.whole(async move {
            let generation = this.0.store.put_providers(providers, now()).await?;
            this.providers_changed();
            Ok(Some(generation))
        })
        .await
    }

    /// The provider of this name, its keys masked.
    ///
    /// # Errors
    /// When there is none.
    pub async fn provider(&self, name: &str) -> Result<ProviderView, ControlError> {
        let found = self.0.store.provider(name).await?;
        found.ok_or_else(|| ControlError::not_found("provider", name))
    }

    /// Providers by name.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn providers(&self, page: PageQuery) -> Result<Page<ProviderView>, ControlError> {
        Ok(self.0.store.providers(page).await?)
    }

    /// Takes a provider and its keys away.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_provider(&self, name: &str) -> Result<(), ControlError> {
        let this = self.clone();
        let name = name.to_owned();
        self.whole(async move {
            if !this.0.store.delete_provider(&name).await? {
                return Err(ControlError::not_found("provider", &name));
            }
            this.providers_changed();
            Ok(())
        })
        .await
    }

    /// Adds a key behind those the provider has.
    ///
    /// # Errors
    /// When there is no such provider, the key breaks its rule, or the provider has it already or
    /// has as many as it may.
    pub async fn add_provider_key(
        &self,
        name: &str,
        new: NewProviderKey,
    ) -> Result<ProviderKeyView, ControlError> {
        validate::provider_key("key", &new.key)?;
        if !self.provider(name).await?.kind.takes_keys() {
            let message = "this type of provider takes no keys";
            return Err(ControlError::invalid("key", message));
        }
        let this = self.clone();
        let name = name.to_owned();
        self.whole(async move {
            let store = &this.0.store;
            let added = store
                .add_provider_key(&name, secret(new.key), MOST_PROVIDER_KEYS, now())
                .await?;
            let added = added.ok_or_else(|| ControlError::not_found("provider", &name))?;
            this.providers_changed();
            Ok(added)
        })
        .await
    }

    /// Takes a provider's key away.
    ///
    /// # Errors
    /// When there is no such provider or key.
    pub async fn delete_provider_key(&self, name: &str, id: Uuid) -> Result<(), ControlError> {
        let this = self.clone();
        let name = name.to_owned();
        self.whole(async move {
            let store = &this.0.store;
            if !store.delete_provider_key(&name, id, now()).await? {
                return Err(ControlError::not_found("provider key", &id.to_string()));
            }
            this.providers_changed();
            Ok(())
        })
        .await
    }
}

fn checked(name: &str, spec: &ProviderSpec) -> Result<ProviderType, ControlError> {
    validate::provider_name(name)?;
    let kind = validate::provider_type(&spec.kind)?;
    validate::base_url(&spec.base_url)?;
    validate::provider_keys(kind, spec.keys.as_deref().unwrap_or_default())?;
    Ok(kind)
}

fn new(name: &str, spec: ProviderSpec) -> Result<NewProvider, ControlError> {
    let kind = checked(name, &spec)?;
    // Whoever turns a provider into one that takes no keys takes its keys away.
    let none = (!kind.takes_keys()).then(Vec::new);
    let keys = spec.keys.or(none);
    Ok(NewProvider {
        name: name.to_owned(),
        kind,
        base_url: spec.base_url,
        enabled: spec.enabled,
        keys: keys.map(|keys| keys.into_iter().map(secret).collect()),
    })
}

fn secret(key: SecretText) -> NewProviderSecret {
    NewProviderSecret {
        id: Uuid::now_v7(),
        secret: key.into(),
    }
}
