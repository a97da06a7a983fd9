//! Tool servers, users' tokens for them, and what goes when one of both goes.

use uuid::Uuid;

use super::Case;
use super::sample::{at, first_page, kept_user, page};
use crate::api::{ClientAuth, ToolCredentialKind, UserStatus};
use crate::store::{
    OAuth, Store, StoreError, StoredToolServer, StoredUserToken, ToolServerSettings, Upstream,
    UserChange, UserTokenFilter,
};

fn server(name: &str) -> StoredToolServer {
    StoredToolServer {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        url: format!("https://{name}.example/mcp"),
        enabled: true,
        credential: ToolCredentialKind::User,
        settings: ToolServerSettings::default(),
        sealed: None,
        created_at: at(1),
        updated_at: at(1),
    }
}

/// With every setting that there is.
fn full(name: &str) -> StoredToolServer {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    StoredToolServer {
        enabled: false,
        settings: ToolServerSettings {
            allow: texts(&["^read_", "list"]),
            deny: texts(&["secret"]),
            headers: texts(&["x-tenant"]),
            oauth: Some(OAuth {
                token_url: "https://login.example/token".to_owned(),
                client_id: "bridged".to_owned(),
                has_client_secret: true,
                client_auth: ClientAuth::Post,
                scopes: texts(&["read"]),
            }),
            upstream: Some(Upstream {
                idle_timeout_ms: Some(5),
                ..Upstream::default()
            }),
            has_proxy: true,
        },
        sealed: Some(vec![1, 0, 255]),
        ..server(name)
    }
}

fn token(server: &StoredToolServer, user: Uuid) -> StoredUserToken {
    StoredUserToken {
        server: server.id,
        user,
        revision: 0,
        sealed: vec![7, 0, 8],
        is_renewable: true,
        expires_at: Some(at(9)),
        refused_at: None,
        set_at: at(2),
        refreshed_at: Some(at(3)),
    }
}

fn kept(revision: Option<u64>) -> u64 {
    revision.expect("the token is kept")
}

/// Puts it after whatever is there.
async fn put(store: &dyn Store, server: &StoredToolServer) -> Result<u64, StoreError> {
    let (generation, _) = store.tool_generation().await?;
    store.put_tool_server(server.clone(), generation).await
}

/// Everything of a server comes back, in the order of names; names are taken once.
pub async fn tool_servers_are_kept(store: &dyn Store) -> Case {
    let (b, a) = (full("b"), server("a"));
    put(store, &b).await?;
    put(store, &a).await?;
    assert_eq!(
        store.tool_server_set().await?.servers,
        [a.clone(), b.clone()]
    );
    let taken = put(store, &server("a")).await;
    assert!(
        matches!(taken, Err(StoreError::Conflict("name"))),
        "{taken:?}"
    );
    let renamed = StoredToolServer {
        name: "c".to_owned(),
        updated_at: at(2),
        ..a
    };
    put(store, &renamed).await?;
    assert_eq!(store.tool_server_set().await?.servers, [b, renamed]);
    Ok(())
}

/// The generation grows with servers, not with tokens, and who looked before is told so.
pub async fn every_change_of_tool_servers_has_a_generation(store: &dyn Store) -> Case {
    let (first, has_servers) = store.tool_generation().await?;
    assert!(!has_servers);
    let (off, on) = (full("off"), server("on"));
    let second = store.put_tool_server(off.clone(), first).await?;
    assert!(second > first);
    assert_eq!(store.tool_generation().await?, (second, false));
    let stale = store.put_tool_server(on.clone(), first).await;
    assert!(matches!(stale, Err(StoreError::Stale)));
    let third = store.put_tool_server(on.clone(), second).await?;
    assert_eq!(store.tool_generation().await?, (third, true));
    let user = kept_user(store, "ada").await?;
    store.put_user_token(token(&on, user), None).await?;
    assert_eq!(store.tool_server_set().await?.generation, third);
    assert!(store.delete_tool_server(on.id).await?);
    let (fourth, has_servers) = store.tool_generation().await?;
    assert!(fourth > third && !has_servers);
    assert!(!store.delete_tool_server(on.id).await?);
    assert_eq!(store.tool_generation().await?.0, fourth);
    Ok(())
}

/// Each token has a revision of its own; one that comes after another comes only after that.
pub async fn tokens_of_users_are_kept(store: &dyn Store) -> Case {
    let wiki = server("wiki");
    put(store, &wiki).await?;
    let user = kept_user(store, "ada").await?;
    let first = kept(store.put_user_token(token(&wiki, user), None).await?);
    let stored = StoredUserToken {
        revision: first,
        ..token(&wiki, user)
    };
    assert_eq!(store.tokens_of_user(user).await?, [stored]);
    let other = StoredUserToken {
        sealed: vec![9],
        is_renewable: false,
        expires_at: None,
        refreshed_at: None,
        ..token(&wiki, user)
    };
    let second = store.put_user_token(other.clone(), Some(first)).await?;
    let second = kept(second);
    assert!(second > first);
    assert_eq!(
        store
            .put_user_token(token(&wiki, user), Some(first))
            .await?,
        None
    );
    let stored = StoredUserToken {
        revision: second,
        ..other
    };
    assert_eq!(store.tokens_of_user(user).await?, [stored]);
    assert!(store.delete_user_token(wiki.id, user).await?);
    assert!(!store.delete_user_token(wiki.id, user).await?);
    assert_eq!(
        store
            .put_user_token(token(&wiki, user), Some(second))
            .await?,
        None
    );
    let third = store.put_user_token(token(&wiki, user), None).await?;
    assert!(third > Some(second), "no revision comes twice");
    Ok(())
}

/// Nobody's tokens are kept for nothing, and what belongs to something goes with it.
pub async fn tokens_go_with_their_server_and_user(store: &dyn Store) -> Case {
    let (wiki, desk) = (server("wiki"), server("desk"));
    put(store, &wiki).await?;
    let (ada, bob) = (
        kept_user(store, "ada").await?,
        kept_user(store, "bob").await?,
    );
    let nowhere = store.put_user_token(token(&desk, ada), None).await?;
    assert_eq!(nowhere, None);
    assert_eq!(
        store
            .put_user_token(token(&wiki, Uuid::nil()), None)
            .await?,
        None
    );
    put(store, &desk).await?;
    for (server, user) in [(&wiki, ada), (&desk, ada), (&wiki, bob), (&desk, bob)] {
        assert!(
            store
                .put_user_token(token(server, user), None)
                .await?
                .is_some()
        );
    }
    store.delete_tool_server(desk.id).await?;
    for user in [ada, bob] {
        let left = store.tokens_of_user(user).await?;
        assert_eq!(
            left.iter().map(|left| left.server).collect::<Vec<_>>(),
            [wiki.id]
        );
    }
    let suspended = UserChange {
        status: Some(UserStatus::Suspended),
        ..UserChange::default()
    };
    store.update_user(ada, suspended, at(5)).await?;
    assert_eq!(store.tokens_of_user(ada).await?.len(), 1);
    let deleted = UserChange {
        status: Some(UserStatus::Deleted),
        ..UserChange::default()
    };
    store.update_user(ada, deleted, at(6)).await?;
    assert!(store.tokens_of_user(ada).await?.is_empty());
    assert_eq!(store.tokens_of_user(bob).await?.len(), 1);
    assert_eq!(store.put_user_token(token(&wiki, ada), None).await?, None);
    // A server that takes no tokens of users any more has none.
    let fixed = StoredToolServer {
        credential: ToolCredentialKind::Token,
        ..wiki
    };
    put(store, &fixed).await?;
    assert!(store.tokens_of_user(bob).await?.is_empty());
    let late = store.put_user_token(token(&fixed, bob), None).await?;
    assert_eq!(
        late, None,
        "it would be there when the server takes tokens again"
    );
    Ok(())
}

/// The first refusal of the token that is there is noted; that of one before it is not.
pub async fn refusals_of_tokens_are_noted(store: &dyn Store) -> Case {
    let wiki = server("wiki");
    put(store, &wiki).await?;
    let user = kept_user(store, "ada").await?;
    let refused = async || {
        let tokens = store.tokens_of_user(user).await?;
        Ok::<_, StoreError>(tokens.first().and_then(|token| token.refused_at))
    };
    let first = kept(store.put_user_token(token(&wiki, user), None).await?);
    let second = kept(store.put_user_token(token(&wiki, user), None).await?);
    store.refuse_user_token(wiki.id, user, first, at(4)).await?;
    assert_eq!(refused().await?, None);
    store
        .refuse_user_token(wiki.id, user, second, at(5))
        .await?;
    store
        .refuse_user_token(wiki.id, user, second, at(6))
        .await?;
    assert_eq!(refused().await?, Some(at(5)));
    Ok(())
}

/// By both names, in pages, of one server or one user.
pub async fn tokens_of_users_are_listed(store: &dyn Store) -> Case {
    let (wiki, desk) = (server("wiki"), server("desk"));
    put(store, &wiki).await?;
    put(store, &desk).await?;
    let (ada, bob) = (
        kept_user(store, "ada.b").await?,
        kept_user(store, "Bob").await?,
    );
    for (server, user) in [(&wiki, bob), (&wiki, ada), (&desk, bob)] {
        store.put_user_token(token(server, user), None).await?;
    }
    let list = async |server, user, page| {
        let filter = UserTokenFilter { server, user };
        let found = store.user_tokens(filter, page).await?;
        let names = found.items.iter();
        let names = names.map(|item| format!("{} {}", item.server_name, item.user.username));
        Ok::<_, StoreError>((names.collect::<Vec<_>>(), found.next))
    };
    let (first, next) = list(None, None, page(2, None)).await?;
    assert_eq!(first, ["desk Bob", "wiki ada.b"]);
    let (second, next) = list(None, None, page(2, next)).await?;
    assert_eq!((second, next), (vec!["wiki Bob".to_owned()], None));
    let (of_desk, _) = list(Some(desk.id), None, first_page()).await?;
    assert_eq!(of_desk, ["desk Bob"]);
    let (of_ada, _) = list(None, Some(ada), first_page()).await?;
    assert_eq!(of_ada, ["wiki ada.b"]);
    let wrong = list(None, None, page(2, Some("nothing".to_owned()))).await;
    assert!(matches!(wrong, Err(StoreError::BadCursor)));
    Ok(())
}

/// The key under which secrets are sealed must not be made anew while there are any.
pub async fn what_is_sealed_is_known(store: &dyn Store) -> Case {
    assert!(!store.has_sealed().await?);
    let (plain, secret) = (server("plain"), full("secret"));
    put(store, &plain).await?;
    assert!(!store.has_sealed().await?);
    put(store, &secret).await?;
    assert!(store.has_sealed().await?);
    store.delete_tool_server(secret.id).await?;
    assert!(!store.has_sealed().await?);
    let user = kept_user(store, "ada").await?;
    store.put_user_token(token(&plain, user), None).await?;
    assert!(store.has_sealed().await?);
    Ok(())
}
