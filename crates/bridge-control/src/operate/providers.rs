//! Making, changing and deleting providers and their keys. Gateways learn of each change at once.

mod draft;

use uuid::Uuid;

use self::draft::{added_key, made, patched};
use crate::api::{
    NewProviderKey, Page, ProviderKeyView, ProviderPatch, ProviderSpec, ProviderView,
};
use crate::control::{ControlServer, now};
use crate::error::ControlError;
use crate::store::{PageQuery, ProviderSet, StoreError, StoredProvider};
use crate::validate;

/// How often a change is tried that others got in the way of.
const ATTEMPTS: usize = 8;

/// What [`ControlServer::put_provider`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutProvider {
    /// The provider as it is now.
    pub provider: ProviderView,
    /// Whether there was none before.
    pub is_new: bool,
}

impl ControlServer {
    /// Says whether a provider could be stored, and stores nothing.
    ///
    /// # Errors
    /// When the name or a field breaks its rule.
    pub fn check_provider(&self, name: &str, spec: &ProviderSpec) -> Result<(), ControlError> {
        made(None, name, spec).map(|_| ())
    }

    /// Makes a provider.
    ///
    /// # Errors
    /// When the name or a field breaks its rule, or there is a provider of this name.
    pub async fn create_provider(&self, spec: ProviderSpec) -> Result<ProviderView, ControlError> {
        let Some(name) = spec.name.clone() else {
            return Err(ControlError::invalid("name", "is missing"));
        };
        let create = move |set: &ProviderSet| {
            if placed(set, &name).is_some() {
                return Err(ControlError::conflict("name", "is taken"));
            }
            let provider = made(None, &name, &spec)?;
            Ok((vec![provider.clone()], ProviderView::from(&provider)))
        };
        self.change_providers(create).await.map(|(_, view)| view)
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
        let name = name.to_owned();
        let put = move |set: &ProviderSet| {
            let old = placed(set, &name);
            let provider = made(old, &name, &spec)?;
            let put = PutProvider {
                provider: ProviderView::from(&provider),
                is_new: old.is_none(),
            };
            Ok((vec![provider], put))
        };
        self.change_providers(put).await.map(|(_, put)| put)
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
        if specs.is_empty() {
            return Ok(None);
        }
        let put = move |set: &ProviderSet| {
            let made = specs
                .iter()
                .map(|(name, spec)| made(placed(set, name), name, spec));
            Ok((made.collect::<Result<_, _>>()?, ()))
        };
        let changed = self.change_providers(put).await;
        changed.map(|(generation, ())| Some(generation))
    }

    /// Changes what is given of a provider.
    ///
    /// # Errors
    /// When there is no such provider, nothing is given, a field breaks its rule, or the new name is
    /// taken.
    pub async fn change_provider(
        &self,
        id_or_name: &str,
        patch: ProviderPatch,
    ) -> Result<ProviderView, ControlError> {
        let id_or_name = id_or_name.to_owned();
        let change = move |set: &ProviderSet| {
            let provider = patched(wanted(set, &id_or_name)?, &patch)?;
            Ok((vec![provider.clone()], ProviderView::from(&provider)))
        };
        self.change_providers(change).await.map(|(_, view)| view)
    }

    /// The provider of this name, or else of this id, without its secrets.
    ///
    /// # Errors
    /// When there is none.
    pub async fn provider(&self, id_or_name: &str) -> Result<ProviderView, ControlError> {
        let found = self.0.store.provider(id_or_name).await?;
        let found = found.ok_or_else(|| ControlError::not_found("provider", id_or_name))?;
        Ok(ProviderView::from(&found))
    }

    /// Providers by name.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn providers(&self, page: PageQuery) -> Result<Page<ProviderView>, ControlError> {
        let page = self.0.store.providers(page).await?;
        Ok(Page {
            items: page.items.iter().map(Into::into).collect(),
            next: page.next,
        })
    }

    /// Takes a provider and its secrets away.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_provider(&self, id_or_name: &str) -> Result<(), ControlError> {
        let this = self.clone();
        let id_or_name = id_or_name.to_owned();
        self.whole(async move {
            if !this.0.store.delete_provider(&id_or_name, now()).await? {
                return Err(ControlError::not_found("provider", &id_or_name));
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
        id_or_name: &str,
        new: NewProviderKey,
    ) -> Result<ProviderKeyView, ControlError> {
        validate::provider_key("key", &new.key)?;
        let id_or_name = id_or_name.to_owned();
        let add = move |set: &ProviderSet| {
            let (provider, key) = added_key(wanted(set, &id_or_name)?, &new.key)?;
            Ok((vec![provider], ProviderKeyView::from(&key)))
        };
        self.change_providers(add).await.map(|(_, key)| key)
    }

    /// Takes a provider's key away.
    ///
    /// # Errors
    /// When there is no such provider or key.
    pub async fn delete_provider_key(
        &self,
        id_or_name: &str,
        id: Uuid,
    ) -> Result<(), ControlError> {
        let id_or_name = id_or_name.to_owned();
        let delete = move |set: &ProviderSet| {
            let mut provider = wanted(set, &id_or_name)?.clone();
            let before = provider.keys.len();
            provider.keys.retain(|key| key.id != id);
            if provider.keys.len() == before {
                return Err(ControlError::not_found("provider key", &id.to_string()));
            }
            provider.updated_at = now();
            Ok((vec![provider], ()))
        };
        self.change_providers(delete).await.map(|_| ())
    }

    /// Looks at the set, decides, and stores what was decided if the set is still the same;
    /// otherwise looks again. What is as it was is not stored again, and gateways are told nothing
    /// of it. Says the generation of the set that has everything.
    async fn change_providers<T, D>(&self, decide: D) -> Result<(u64, T), ControlError>
    where
        T: Send + 'static,
        D: Fn(&ProviderSet) -> Result<(Vec<StoredProvider>, T), ControlError> + Send + 'static,
    {
        let this = self.clone();
        self.whole(async move {
            for _ in 0..ATTEMPTS {
                let set = this.0.store.provider_set().await?;
                let (mut providers, outcome) = decide(&set)?;
                providers.retain(|wanted| !set.providers.contains(wanted));
                if providers.is_empty() {
                    return Ok((set.generation, outcome));
                }
                match this.0.store.put_providers(providers, set.generation).await {
                    Ok(generation) => {
                        this.providers_changed();
                        return Ok((generation, outcome));
                    }
                    Err(StoreError::Stale) => {}
                    Err(other) => return Err(other.into()),
                }
            }
            Err(StoreError::Stale.into())
        })
        .await
    }
}

/// The one of this name, also when its settings cannot be read: whoever puts it anew mends it.
fn placed<'s>(set: &'s ProviderSet, name: &str) -> Option<&'s StoredProvider> {
    let mut all = set.providers.iter().chain(&set.unreadable);
    all.find(|provider| provider.name == name)
}

/// The one of this name, or else of this id.
fn wanted<'s>(set: &'s ProviderSet, id_or_name: &str) -> Result<&'s StoredProvider, ControlError> {
    if let Some(found) = among(&set.providers, id_or_name) {
        return Ok(found);
    }
    if among(&set.unreadable, id_or_name).is_some() {
        let text = "its stored settings cannot be read: put the whole provider, or delete it";
        return Err(ControlError::conflict("provider", text));
    }
    Err(ControlError::not_found("provider", id_or_name))
}

fn among<'s>(providers: &'s [StoredProvider], id_or_name: &str) -> Option<&'s StoredProvider> {
    let by_id = || {
        let id = Uuid::try_parse(id_or_name).ok()?;
        providers.iter().find(|provider| provider.id == id)
    };
    let mut named = providers.iter();
    named
        .find(|provider| provider.name == id_or_name)
        .or_else(by_id)
}
