//! Keys of gateways.

use super::Case;
use super::sample::{at, first_page, page};
use crate::api::GatewayKeyView;
use crate::store::{NewStoredGatewayKey, Store, StoreError};

const MOST: usize = 10;

fn key(id: &str, name: &str, second: u32) -> NewStoredGatewayKey {
    NewStoredGatewayKey {
        id: id.to_owned(),
        key_hash: [7; 32],
        name: name.to_owned(),
        created_at: at(second),
    }
}

fn ids(keys: &[GatewayKeyView]) -> Vec<&str> {
    keys.iter().map(|key| key.id.as_str()).collect()
}

/// Names and ids are taken once, names ignoring case; there is room for so many.
pub async fn gateway_keys_are_kept(store: &dyn Store) -> Case {
    let (north, south) = (key("one", "north", 1), key("two", "south", 2));
    store.insert_gateway_key(north.clone(), MOST).await?;
    let taken = store.insert_gateway_key(key("six", "NORTH", 3), MOST).await;
    assert!(matches!(taken, Err(StoreError::Conflict("name"))));
    let taken = store.insert_gateway_key(key("one", "west", 3), MOST).await;
    assert!(matches!(taken, Err(StoreError::Conflict("id"))));
    let full = store.insert_gateway_key(south.clone(), 1).await;
    assert!(matches!(full, Err(StoreError::Full("name"))));
    store.insert_gateway_key(south.clone(), 2).await?;
    assert_eq!(store.gateway_key_set().await?, [north, south]);
    Ok(())
}

/// In the order in which they were made.
pub async fn gateway_keys_come_in_pages(store: &dyn Store) -> Case {
    for (id, name, second) in [("a", "x", 3), ("b", "y", 1), ("c", "z", 1)] {
        store
            .insert_gateway_key(key(id, name, second), MOST)
            .await?;
    }
    let first = store.gateway_keys(page(2, None)).await?;
    assert_eq!(ids(&first.items), ["b", "c"]);
    let second = store.gateway_keys(page(2, first.next)).await?;
    assert_eq!((ids(&second.items), second.next), (vec!["a"], None));
    let wrong = store.gateway_keys(page(2, Some("b".to_owned()))).await;
    assert!(matches!(wrong, Err(StoreError::BadCursor)));
    Ok(())
}

/// By name, ignoring case, or by id; a name wins over the id of another.
pub async fn gateway_keys_are_deleted(store: &dyn Store) -> Case {
    store.insert_gateway_key(key("one", "two", 1), MOST).await?;
    store
        .insert_gateway_key(key("two", "three", 2), MOST)
        .await?;
    assert_eq!(store.delete_gateway_key("ONE").await?, None);
    let deleted = store.delete_gateway_key("TWO").await?;
    assert_eq!(deleted.map(|key| key.id).as_deref(), Some("one"));
    let deleted = store.delete_gateway_key("two").await?;
    assert_eq!(deleted.map(|key| key.name).as_deref(), Some("three"));
    assert_eq!(store.delete_gateway_key("two").await?, None);
    assert!(store.gateway_key_set().await?.is_empty());
    Ok(())
}

/// The latest time stays, and a key that is gone is not seen.
pub async fn gateways_are_seen(store: &dyn Store) -> Case {
    store
        .insert_gateway_key(key("one", "north", 1), MOST)
        .await?;
    let seen = async || {
        let keys = store.gateway_keys(first_page()).await?;
        Ok::<_, StoreError>(keys.items.first().and_then(|key| key.last_seen_at))
    };
    assert_eq!(seen().await?, None);
    assert!(store.see_gateway_key("one", at(5)).await?);
    assert!(store.see_gateway_key("one", at(3)).await?);
    assert_eq!(seen().await?, Some(at(5)));
    assert!(!store.see_gateway_key("two", at(5)).await?);
    Ok(())
}
