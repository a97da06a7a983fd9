//! Providers, their keys and their generation.

use bridge_auth::Secret;
use uuid::Uuid;

use super::Case;
use super::sample::{at, page};
use crate::api::{ProviderType, SecretText};
use crate::store::{Bedrock, Store, StoreError, StoredProvider, StoredProviderKey, Upstream};

fn key(text: &str) -> StoredProviderKey {
    StoredProviderKey {
        id: Uuid::now_v7(),
        secret: Secret::new(text.to_owned()),
        created_at: at(1),
    }
}

fn provider(name: &str, keys: &[&str]) -> StoredProvider {
    StoredProvider {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        kind: ProviderType::OpenAiCompat,
        display_name: "Office".to_owned(),
        icon: String::new(),
        base_url: "https://example.com/v1".to_owned(),
        enabled: true,
        keys: keys.iter().copied().map(key).collect(),
        bedrock: None,
        upstream: None,
        created_at: at(1),
        updated_at: at(1),
    }
}

/// With every setting that there is.
fn with_settings(name: &str) -> StoredProvider {
    let text = |text: &str| Some(text.to_owned());
    let secret = |text: &str| Some(SecretText::new(text.to_owned()));
    StoredProvider {
        kind: ProviderType::Bedrock,
        bedrock: Some(Bedrock {
            region: "eu-central-1".to_owned(),
            protocol: text("mantle"),
            model: text("large"),
            small_fast_model: text("small"),
            access_key_id: secret("access"),
            secret_access_key: secret("signing"),
            session_token: secret("session"),
            role_arn: text("role"),
            external_id: text("external"),
            profile: text("profile"),
        }),
        upstream: Some(Upstream {
            connect_timeout_ms: Some(1),
            first_byte_timeout_ms: Some(2),
            idle_timeout_ms: Some(u64::MAX),
            total_timeout_ms: Some(0),
            max_retries: Some(3),
            proxy_url: secret("http://user:word@proxy"),
            ca_pem: text("certificate"),
            http_version: text("2"),
            allowed_private: vec!["10.0.0.0/8".to_owned(), "fd00::/8".to_owned()],
        }),
        ..provider(name, &[])
    }
}

async fn put(store: &dyn Store, providers: Vec<StoredProvider>) -> Result<u64, StoreError> {
    let now = store.provider_set().await?.generation;
    store.put_providers(providers, now).await
}

/// Made, changed, listed, deleted; found by name and by id.
pub async fn providers_are_kept(store: &dyn Store) -> Case {
    let b = provider("b", &["operator-key"]);
    put(store, vec![b.clone()]).await?;
    assert_eq!(store.provider("b").await?, Some(b.clone()));
    assert_eq!(store.provider(&b.id.to_string()).await?, Some(b.clone()));
    assert_eq!(store.provider("c").await?, None);
    let look_alike = provider(&b.id.to_string(), &[]);
    put(store, vec![look_alike.clone()]).await?;
    assert_eq!(
        store.provider(&look_alike.name).await?,
        Some(look_alike.clone()),
        "a name goes first"
    );
    assert!(store.delete_provider(&look_alike.name, at(1)).await?);
    assert_eq!(store.provider(&look_alike.name).await?, Some(b.clone()));

    let changed = StoredProvider {
        id: b.id,
        name: "c".to_owned(),
        enabled: false,
        display_name: String::new(),
        icon: "box".to_owned(),
        updated_at: at(2),
        ..with_settings("c")
    };
    put(store, vec![changed.clone()]).await?;
    assert_eq!(store.provider("b").await?, None, "it has another name");
    assert_eq!(store.provider("c").await?, Some(changed.clone()));
    assert_eq!(store.provider_set().await?.providers, [changed]);

    put(store, vec![provider("a", &[])]).await?;
    let first = store.providers(page(1, None)).await?;
    let second = store.providers(page(1, first.next)).await?;
    let names = first.items.into_iter().chain(second.items);
    assert_eq!(names.map(|p| p.name).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(second.next, None);

    assert!(store.delete_provider("c", at(3)).await?);
    assert!(!store.delete_provider("c", at(3)).await?);
    assert_eq!(store.provider(&b.id.to_string()).await?, None);
    assert_eq!(store.providers(page(9, None)).await?.items.len(), 1);
    let again = provider("c", &[]);
    put(store, vec![again.clone()]).await?;
    assert_eq!(store.provider("c").await?, Some(again), "the name is free");
    Ok(())
}

/// It grows with each change and with nothing else, and a change that was decided on an older set is
/// not made.
pub async fn every_change_has_a_generation(store: &dyn Store) -> Case {
    let first = store.provider_set().await?.generation;
    let second = put(store, vec![provider("a", &[])]).await?;
    assert!(second > first);
    let late = store.put_providers(vec![provider("b", &[])], first).await;
    assert!(matches!(late, Err(StoreError::Stale)), "{late:?}");
    let both = vec![provider("b", &[]), provider("a", &[])];
    let taken = put(store, both).await;
    assert!(
        matches!(taken, Err(StoreError::Conflict("name"))),
        "{taken:?}"
    );
    let set = store.provider_set().await?;
    assert_eq!((set.generation, set.providers.len()), (second, 1));
    assert!(store.delete_provider("a", at(1)).await?);
    let third = store.provider_set().await?.generation;
    assert!(third > second);
    assert!(!store.delete_provider("a", at(1)).await?);
    assert_eq!(store.provider_set().await?.generation, third);
    Ok(())
}

/// In the order given, with their ids; those that are not given are gone.
pub async fn keys_are_what_was_given_last(store: &dyn Store) -> Case {
    let mut a = provider("a", &["one", "two"]);
    put(store, vec![a.clone()]).await?;
    a.keys.reverse();
    a.keys.push(key("three"));
    put(store, vec![a.clone()]).await?;
    assert_eq!(store.provider("a").await?, Some(a.clone()));
    a.keys = Vec::new();
    put(store, vec![a.clone()]).await?;
    assert_eq!(store.provider_set().await?.providers, [a]);
    Ok(())
}
