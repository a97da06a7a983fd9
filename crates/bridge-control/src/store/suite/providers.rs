//! Providers, their keys and their generation.

use bridge_auth::Secret;
use uuid::Uuid;

use super::Case;
use super::sample::{at, page};
use crate::api::ProviderType;
use crate::store::{NewProvider, NewProviderSecret, Store, StoreError};

fn secret(text: &str) -> NewProviderSecret {
    NewProviderSecret {
        id: Uuid::now_v7(),
        secret: Secret::new(text.to_owned()),
    }
}

fn provider(name: &str, keys: Option<&[&str]>) -> NewProvider {
    NewProvider {
        name: name.to_owned(),
        kind: ProviderType::OpenAiCompat,
        base_url: "https://example.com/v1".to_owned(),
        enabled: true,
        keys: keys.map(|keys| keys.iter().copied().map(secret).collect()),
    }
}

/// Made, changed, listed, deleted; what is shown of a key is a hint.
pub async fn providers_are_kept(store: &dyn Store) -> Case {
    let put = store
        .put_provider(provider("b", Some(&["operator-key"])), at(1))
        .await?;
    assert!(put.is_new);
    assert_eq!(store.provider("b").await?, Some(put.provider.clone()));
    let hints: Vec<_> = put
        .provider
        .keys
        .iter()
        .map(|key| key.hint.as_str())
        .collect();
    assert_eq!(hints, ["op...ey"]);

    let changed = NewProvider {
        kind: ProviderType::Anthropic,
        enabled: false,
        ..provider("b", None)
    };
    let put = store.put_provider(changed, at(2)).await?;
    assert!(!put.is_new && !put.provider.enabled);
    assert_eq!(put.provider.kind, ProviderType::Anthropic);
    assert_eq!(put.provider.keys.len(), 1);
    let times = (put.provider.created_at, put.provider.updated_at);
    assert_eq!(times, (at(1), at(2)));

    store.put_provider(provider("a", None), at(3)).await?;
    let first = store.providers(page(1, None)).await?;
    let second = store.providers(page(1, first.next)).await?;
    let names = first.items.into_iter().chain(second.items);
    assert_eq!(names.map(|p| p.name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(second.next, None);

    let set = store.provider_set().await?;
    let keys = set.providers.iter().flat_map(|provider| &provider.keys);
    assert_eq!(
        keys.map(Secret::expose).collect::<Vec<_>>(),
        ["operator-key"]
    );

    assert!(store.delete_provider("b").await?);
    assert!(!store.delete_provider("b").await?);
    store.put_provider(provider("b", None), at(4)).await?;
    let again = store.provider("b").await?;
    assert_eq!(again.map(|provider| provider.keys), Some(Vec::new()));
    Ok(())
}

/// It grows with each change and with nothing else.
pub async fn every_change_has_a_generation(store: &dyn Store) -> Case {
    let mut last = store.provider_set().await?.generation;
    let mut grows = async |by: bool| -> Case {
        let now = store.provider_set().await?.generation;
        assert_eq!(now > last, by, "from {last} to {now}");
        last = now;
        Ok(())
    };
    store.put_provider(provider("a", None), at(1)).await?;
    grows(true).await?;
    let added = store.add_provider_key("a", secret("k"), 2, at(2)).await?;
    grows(true).await?;
    let twice = store.add_provider_key("a", secret("k"), 2, at(2)).await;
    assert!(matches!(twice, Err(StoreError::Conflict("key"))));
    grows(false).await?;
    let id = added.map(|key| key.id).unwrap_or_default();
    assert!(!store.delete_provider_key("a", Uuid::nil(), at(3)).await?);
    assert!(!store.delete_provider_key("b", id, at(3)).await?);
    grows(false).await?;
    assert!(store.delete_provider_key("a", id, at(3)).await?);
    grows(true).await?;
    assert!(store.delete_provider("a").await?);
    grows(true).await?;
    assert!(!store.delete_provider("a").await?);
    grows(false).await?;
    let none = store.add_provider_key("a", secret("k"), 2, at(4)).await?;
    assert_eq!(none, None);
    grows(false).await
}

/// A key that is given again is the same key; the order is the order given.
pub async fn keys_that_stay_keep_their_ids(store: &dyn Store) -> Case {
    let put = store
        .put_provider(provider("a", Some(&["one", "two"])), at(1))
        .await?;
    let before: Vec<_> = put.provider.keys.iter().map(|key| key.id).collect();
    let put = store
        .put_provider(provider("a", Some(&["two", "three", "one"])), at(2))
        .await?;
    let after: Vec<_> = put.provider.keys.iter().map(|key| key.id).collect();
    assert_eq!(after.first(), before.last());
    assert_eq!(after.last(), before.first());
    assert_eq!(after.len(), 3);
    let full = store.add_provider_key("a", secret("four"), 3, at(3)).await;
    assert!(matches!(full, Err(StoreError::Full("key"))));
    store.put_provider(provider("a", Some(&[])), at(4)).await?;
    let set = store.provider_set().await?;
    assert!(
        set.providers
            .iter()
            .all(|provider| provider.keys.is_empty())
    );
    Ok(())
}
