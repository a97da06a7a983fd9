//! Users and their keys.

use jiff::Timestamp;
use uuid::Uuid;

use super::Case;
use super::sample::{at, first_page, kept_user, page, user};
use crate::api::UserStatus;
use crate::store::{NewStoredKey, Store, StoreError, UserChange};

fn deleted() -> UserChange {
    UserChange {
        status: Some(UserStatus::Deleted),
        email: None,
    }
}

/// Found by id and by name, ignoring case; a name is taken once.
pub async fn users_are_kept(store: &dyn Store) -> Case {
    let ada = user("Ada", 1);
    store.insert_user(ada.clone()).await?;
    let id = ada.id.to_string();
    for name in [id.as_str(), "Ada", "ada", "ADA"] {
        assert_eq!(store.user(name).await?, Some(ada.clone()), "{name}");
    }
    let nobody = Uuid::nil().to_string();
    for name in ["", "ad", "%", nobody.as_str()] {
        assert_eq!(store.user(name).await?, None, "{name}");
    }
    let taken = store.insert_user(user("aDA", 2)).await;
    assert!(matches!(taken, Err(StoreError::Conflict("username"))));
    Ok(())
}

/// The one who lives is found before the one who is gone.
pub async fn names_of_deleted_users_are_free(store: &dyn Store) -> Case {
    let (first, second) = (user("ada", 1), user("ada", 2));
    store.insert_user(first.clone()).await?;
    let gone = store.update_user(first.id, deleted(), at(3)).await?;
    assert_eq!(gone.map(|user| user.status), Some(UserStatus::Deleted));
    let found = store.user("ada").await?;
    assert_eq!(found.map(|user| user.id), Some(first.id));

    store.insert_user(second.clone()).await?;
    assert_eq!(store.user("ada").await?, Some(second.clone()));
    store.update_user(second.id, deleted(), at(4)).await?;
    let found = store.user("ada").await?;
    assert_eq!(found.map(|user| user.id), Some(second.id));
    Ok(())
}

/// What is not given stays; who is deleted stays so.
pub async fn users_change(store: &dyn Store) -> Case {
    let mut ada = user("ada", 1);
    store.insert_user(ada.clone()).await?;
    let change = UserChange {
        status: Some(UserStatus::Suspended),
        email: None,
    };
    (ada.status, ada.updated_at) = (UserStatus::Suspended, at(5));
    let changed = store.update_user(ada.id, change, at(5)).await?;
    assert_eq!(changed, Some(ada.clone()));

    let change = UserChange {
        status: None,
        email: Some(None),
    };
    (ada.email, ada.updated_at) = (None, at(6));
    let changed = store.update_user(ada.id, change, at(6)).await?;
    assert_eq!(changed, Some(ada.clone()));
    assert_eq!(store.user("ada").await?, Some(ada.clone()));

    store.update_user(ada.id, deleted(), at(7)).await?;
    let change = UserChange {
        status: Some(UserStatus::Active),
        email: None,
    };
    let changed = store.update_user(ada.id, change.clone(), at(8)).await?;
    assert_eq!(changed, None);
    assert_eq!(store.update_user(Uuid::nil(), change, at(8)).await?, None);
    Ok(())
}

/// In the order in which they were made, also when two were made at once.
pub async fn users_come_in_pages(store: &dyn Store) -> Case {
    for (name, second) in [("a", 1), ("b", 2), ("c", 2), ("d", 2), ("e", 3)] {
        store.insert_user(user(name, second)).await?;
    }
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = store.users(page(2, after)).await?;
        assert!(page.items.len() <= 2);
        names.extend(page.items.into_iter().map(|user| user.username));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    Ok(())
}

fn key(id: &str, user: Uuid, created_at: Timestamp) -> NewStoredKey {
    NewStoredKey {
        id: id.to_owned(),
        secret_hash: [7; 32],
        user,
        name: Some("laptop".to_owned()),
        workspace_id: Some(Uuid::from_u128(9)),
        created_at,
        expires_at: Some(at(9)),
    }
}

/// With its owner, until it is deleted.
pub async fn keys_are_kept(store: &dyn Store) -> Case {
    let ada = user("ada", 1);
    store.insert_user(ada.clone()).await?;
    let kept = key("one", ada.id, at(2));
    store.insert_key(kept.clone()).await?;
    let taken = store.insert_key(key("one", Uuid::nil(), at(3))).await;
    assert!(matches!(taken, Err(StoreError::Conflict("id"))));

    let found = store.key("one").await?;
    let found = found.map(|found| (found.key, found.last_used_at, found.owner));
    assert_eq!(found, Some((kept, None, Some(ada))));

    store.insert_key(key("two", Uuid::nil(), at(3))).await?;
    let found = store.key("two").await?;
    assert_eq!(found.map(|found| found.owner), Some(None));

    assert_eq!(store.key("ONE").await?, None);
    assert!(store.delete_key("one").await?);
    assert!(!store.delete_key("one").await?);
    assert_eq!(store.key("one").await?, None);
    Ok(())
}

/// Of one user, or of all.
pub async fn keys_of_a_user_are_listed(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let bob = kept_user(store, "bob").await?;
    for (id, user, second) in [("a", ada, 1), ("c", bob, 2), ("b", ada, 2)] {
        store.insert_key(key(id, user, at(second))).await?;
    }
    let all = store.keys(None, first_page()).await?;
    let ids: Vec<_> = all.items.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);

    let first = store.keys(Some(ada), page(1, None)).await?;
    let second = store.keys(Some(ada), page(1, first.next)).await?;
    let ids = first.items.into_iter().chain(second.items);
    let ids: Vec<_> = ids.map(|key| (key.id, key.user.username)).collect();
    let expected = [("a", "ada"), ("b", "ada")];
    assert_eq!(
        ids,
        expected.map(|(id, user)| (id.to_owned(), user.to_owned()))
    );
    assert_eq!(second.next, None);
    Ok(())
}

/// With their owners; ids of no key are left out, however odd, and doubled ones are one.
pub async fn many_keys_are_found_at_once(store: &dyn Store) -> Case {
    let ada = user("ada", 1);
    store.insert_user(ada.clone()).await?;
    let ids: Vec<_> = (0..1_000).map(|number| format!("key-{number}")).collect();
    for id in ids.iter().take(20) {
        store.insert_key(key(id, ada.id, at(2))).await?;
    }
    store.insert_key(key("lost", Uuid::nil(), at(2))).await?;
    let odd = ["key-1", "lost", "", "\"]", "' OR 1", "KEY-2"];
    let asked = ids.iter().cloned().chain(odd.map(str::to_owned));
    let found = store.keys_of_ids(asked.collect()).await?;
    let mut owned: Vec<_> = found
        .into_iter()
        .map(|found| (found.key.id, found.owner))
        .collect();
    owned.sort_by(|one, other| one.0.cmp(&other.0));
    let mut expected: Vec<_> = ids
        .into_iter()
        .take(20)
        .map(|id| (id, Some(ada.clone())))
        .collect();
    expected.push(("lost".to_owned(), None));
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(owned, expected);
    assert_eq!(store.keys_of_ids(Vec::new()).await?, []);
    Ok(())
}
