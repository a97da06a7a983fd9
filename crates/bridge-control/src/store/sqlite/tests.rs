//! The suite, and what is peculiar to a file: opening, restarting, full queues, old schemas.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::api::UserStatus;

async fn fresh() -> (TempDir, Arc<dyn Store>) {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("control.db")).unwrap();
    (folder, Arc::new(store))
}

crate::store_suite!(fresh);

fn ada() -> UserView {
    UserView {
        id: Uuid::now_v7(),
        username: "ada".to_owned(),
        email: None,
        name: None,
        status: UserStatus::Active,
        is_system: false,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("control.db");
    (folder, file)
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let (_folder, file) = place();
    let store = SqliteStore::open(&file).unwrap();
    let user = ada();
    store.insert_user(user.clone()).await.unwrap();
    // The first store is still open, as if its process had been killed.
    let second = SqliteStore::open(&file).unwrap();
    assert_eq!(second.user("ada").await.unwrap(), Some(user.clone()));
    drop(store);
    drop(second);
    let third = SqliteStore::open(&file).unwrap();
    assert_eq!(third.user("ada").await.unwrap(), Some(user));
}

#[tokio::test]
async fn closing_writes_what_waits() {
    let (_folder, file) = place();
    let store = SqliteStore::open(&file).unwrap();
    let user = ada();
    let left = user.clone();
    store.writer.leave(move |to| users::insert(to, &left));
    drop(store);
    let store = SqliteStore::open(&file).unwrap();
    assert_eq!(store.user("ada").await.unwrap(), Some(user));
}

#[tokio::test]
async fn a_key_remembers_its_last_use() {
    let (_folder, store) = fresh().await;
    let key = NewStoredKey {
        id: "one".to_owned(),
        secret_hash: [0; 32],
        user: Uuid::nil(),
        name: None,
        workspace_id: None,
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: None,
    };
    store.insert_key(key).await.unwrap();
    let at = Timestamp::from_second(5).unwrap();
    store.touch_key("one", at);
    // The writer works in order: once the next job is done, the note is made.
    store.insert_user(ada()).await.unwrap();
    let found = store.key("one").await.unwrap().unwrap();
    assert_eq!(found.last_used_at, Some(at));
}

#[tokio::test]
async fn a_job_that_fails_harms_no_other() {
    let (_folder, file) = place();
    let store = SqliteStore::open(&file).unwrap();
    let user = ada();
    let (first, second) = (
        user.clone(),
        UserView {
            id: Uuid::now_v7(),
            ..user
        },
    );
    let third = UserView {
        username: "bob".to_owned(),
        id: Uuid::now_v7(),
        ..first.clone()
    };
    let (first, second, third) = tokio::join!(
        store.insert_user(first),
        store.insert_user(second),
        store.insert_user(third),
    );
    assert!(first.is_ok() && third.is_ok());
    assert!(matches!(second, Err(StoreError::Conflict("username"))));
}

#[test]
fn nobody_else_may_read_the_file() {
    let (folder, file) = place();
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = SqliteStore::open(&file).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
        seen += 1;
    }
    assert!(seen >= 2, "the log lies beside the file");
    drop(store);
}

#[test]
fn files_that_cannot_be_ours_are_named() {
    let (folder, file) = place();
    let open = |path: &Path| {
        let state = || {
            let mode = std::fs::metadata(path).map(|found| found.permissions().mode());
            (mode.ok(), std::fs::read(path).ok())
        };
        if path.is_file() {
            let open_to_all = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(path, open_to_all).unwrap();
        }
        let before = state();
        let refused = SqliteStore::open(path).unwrap_err();
        assert!(state() == before, "{path:?} is left alone");
        refused
    };
    let missing = folder.path().join("nowhere").join("control.db");
    assert!(matches!(open(&missing), OpenError::File { .. }));
    assert!(matches!(open(folder.path()), OpenError::File { .. }));
    assert!(open(&missing).to_string().contains("nowhere"));

    std::fs::write(
        &file,
        "no database at all, but long enough to be read as one\n".repeat(40),
    )
    .unwrap();
    assert!(matches!(open(&file), OpenError::Corrupt { .. }));

    let other = folder.path().join("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection
        .execute_batch("CREATE TABLE things (id)")
        .unwrap();
    drop(connection);
    assert!(matches!(open(&other), OpenError::Foreign { .. }));

    let newer = folder.path().join("newer.db");
    drop(SqliteStore::open(&newer).unwrap());
    let connection = rusqlite::Connection::open(&newer).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = open(&newer);
    assert!(
        matches!(error, OpenError::Newer { found: 99, .. }),
        "{error}"
    );
}

/// A file as the first version left it, with a row in each table.
#[tokio::test]
async fn a_file_of_the_first_version_is_brought_up_to_date() {
    let (_folder, file) = place();
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection
        .execute_batch(include_str!("tests/version_1.sql"))
        .unwrap();
    drop(connection);
    let store = SqliteStore::open(&file).unwrap();
    let user = store.user("ada").await.unwrap().unwrap();
    assert_eq!(user.email.as_deref(), Some("ada@example.com"));
    let key = store.key("key0000001").await.unwrap().unwrap();
    assert_eq!(key.owner.map(|owner| owner.id), Some(user.id));
    let set = store.provider_set().await.unwrap();
    assert_eq!((set.generation, set.providers.len()), (7, 1));
    assert_eq!(set.providers[0].keys.len(), 1);
    let session = store.session("talk", None).await.unwrap().unwrap();
    let row = &session.threads[0].interceptions[0];
    let detail = store.interception(row.id).await.unwrap().unwrap();
    assert_eq!(detail.tokens[0].usage.input, 11);
    assert_eq!(detail.prompts[0].prompt, "hello");
    assert_eq!(detail.tools[0].tool, "read");
    assert_eq!(detail.thoughts[0].content, "well");
    assert_eq!(detail.tokens[0].extra["reasoning"], 5);
    // What came with later versions.
    assert!(store.gateway_key_set().await.unwrap().is_empty());
    let key = NewStoredGatewayKey {
        id: "one".to_owned(),
        key_hash: [0; 32],
        name: "north".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
    };
    store.insert_gateway_key(key.clone(), 1).await.unwrap();
    assert_eq!(store.gateway_key_set().await.unwrap(), [key]);
}
