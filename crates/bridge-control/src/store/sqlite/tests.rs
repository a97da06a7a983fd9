//! The suite, and what is peculiar to a file: opening, restarting, full queues, old schemas.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::api::{ToolCredentialKind, UserStatus};
use crate::store::ToolServerSettings;

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
    let main = &set.providers[0];
    assert_eq!(main.id.get_version_num(), 4, "{}", main.id);
    let by_id = store.provider(&main.id.to_string()).await.unwrap();
    assert_eq!(by_id.as_ref(), Some(main));
    assert_eq!((&main.bedrock, &main.upstream), (&None, &None));
    let session = store.session("talk", None).await.unwrap().unwrap();
    let row = &session.threads[0].interceptions[0];
    let detail = store.interception(row.id).await.unwrap().unwrap();
    assert_eq!(detail.tokens[0].usage.input, 11);
    assert_eq!(detail.prompts[0].prompt, "hello");
    let tool = &detail.tools[0];
    assert_eq!(tool.tool, "read");
    assert_eq!((&tool.server, tool.duration_ms), (&None, None));
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
    assert_eq!(store.tool_generation().await.unwrap(), (1, false));
    assert_eq!(store.tool_server_set().await.unwrap().servers, []);
    assert_eq!(store.tokens_of_user(user.id).await.unwrap(), []);
}

/// A file as the second version left it: keys of providers belong to names, and are not mixed up.
#[tokio::test]
async fn a_file_of_the_second_version_is_brought_up_to_date() {
    let (_folder, file) = place();
    let connection = rusqlite::Connection::open(&file).unwrap();
    for step in [
        include_str!("tests/version_1.sql"),
        include_str!("../../../migrations/sqlite/0002_gateway_keys.sql"),
        "PRAGMA user_version = 2;
         INSERT INTO gateway_keys VALUES ('one', x'00', 'north', 5, NULL);
         DELETE FROM providers; DELETE FROM provider_keys;
         INSERT INTO providers VALUES
             ('b', 'copilot', 'https://b', 0, 1, 2), ('a', 'openai', 'https://a/v1', 1, 3, 4);
         INSERT INTO provider_keys VALUES
             ('a', 7, x'000102030405060708090a0b0c0d0e0f', 'second', 6),
             ('a', 3, x'100102030405060708090a0b0c0d0e0f', 'first', 5);",
    ] {
        connection.execute_batch(step).unwrap();
    }
    drop(connection);
    let store = SqliteStore::open(&file).unwrap();
    let set = store.provider_set().await.unwrap();
    assert_eq!(set.unreadable, []);
    let told: Vec<_> = set
        .providers
        .iter()
        .map(|one| {
            let keys: Vec<_> = one.keys.iter().map(|key| key.secret.expose()).collect();
            (
                one.name.as_str(),
                one.kind.as_str(),
                one.enabled,
                keys.join(" "),
            )
        })
        .collect();
    let expected = [
        ("a", "openai", true, "first second".to_owned()),
        ("b", "copilot", false, String::new()),
    ];
    assert_eq!(told, expected);
    assert_ne!(set.providers[0].id, set.providers[1].id);
    assert_eq!(
        set.providers[0].updated_at,
        Timestamp::from_microsecond(4).unwrap()
    );
    let key = &set.providers[0].keys[0];
    assert_eq!(key.id.as_bytes()[0], 0x10);
    assert_eq!(key.created_at, Timestamp::from_microsecond(5).unwrap());
    assert!(
        store
            .delete_provider("a", Timestamp::UNIX_EPOCH)
            .await
            .unwrap()
    );
}

/// Another hand, or damage, has been at one provider: the others are served.
#[tokio::test]
async fn settings_that_cannot_be_read_leave_one_provider_out() {
    let (_folder, file) = place();
    let store = SqliteStore::open(&file).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    for (id, name, settings) in [
        (
            "01",
            "good",
            "{\"_version\":1,\"region\":\"eu-central-1\",\"later\":[]}",
        ),
        (
            "02",
            "later",
            "{\"_version\":2,\"region\":\"eu-central-1\"}",
        ),
        ("03", "torn", "{\"_version\":1,\"reg"),
    ] {
        let row = format!(
            "INSERT INTO providers VALUES (x'{}', '{name}', 'bedrock', '', '', '', 1, '{settings}',
             NULL, 1, 1, NULL)",
            id.repeat(16)
        );
        connection.execute_batch(&row).unwrap();
    }
    let set = store.provider_set().await.unwrap();
    let names: Vec<_> = set.providers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["good"]);
    assert_eq!(
        set.providers[0].bedrock.as_ref().unwrap().region,
        "eu-central-1"
    );
    let names: Vec<_> = set.unreadable.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["later", "torn"]);
    let torn = store.provider("torn").await.unwrap().unwrap();
    assert_eq!(torn.bedrock, None);
    assert!(
        store
            .delete_provider("torn", Timestamp::UNIX_EPOCH)
            .await
            .unwrap()
    );
}

/// Nothing secret of a deleted provider is left in its row.
/// What a later version means by them may be that a tool is not to be offered.
#[tokio::test]
async fn tool_servers_of_a_later_version_are_not_guessed_at() {
    let (_folder, file) = place();
    let store = SqliteStore::open(&file).unwrap();
    let server = StoredToolServer {
        id: Uuid::now_v7(),
        name: "wiki".to_owned(),
        url: "https://wiki.example".to_owned(),
        enabled: true,
        credential: ToolCredentialKind::None,
        settings: ToolServerSettings::default(),
        sealed: None,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    store.put_tool_server(server, 1).await.unwrap();
    assert_eq!(store.tool_server_set().await.unwrap().servers.len(), 1);
    let connection = rusqlite::Connection::open(&file).unwrap();
    let later = r#"UPDATE tool_servers SET settings = '{"_version":2}'"#;
    connection.execute_batch(later).unwrap();
    let told = store.tool_server_set().await;
    assert!(matches!(told, Err(StoreError::Unavailable(_))), "{told:?}");
}

#[tokio::test]
async fn a_deleted_provider_stays_as_a_row_without_secrets() {
    let (_folder, file) = place();
    let store = SqliteStore::open(&file).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    let rows = "INSERT INTO providers VALUES (x'01020304050607080102030405060708', 'a', 'bedrock',
                    '', '', '', 1, '{\"_version\":1}', '{\"_version\":1}', 1, 1, NULL);
                INSERT INTO provider_keys VALUES (x'01020304050607080102030405060708', 0, zeroblob(16),
                    'secret', 1)";
    connection.execute_batch(rows).unwrap();
    let at = Timestamp::from_microsecond(9).unwrap();
    assert!(store.delete_provider("a", at).await.unwrap());
    let left = "SELECT bedrock, upstream, deleted_at, (SELECT count(*) FROM provider_keys)
                FROM providers WHERE name = 'a'";
    let left = connection.query_row(left, [], |row| {
        Ok((
            row.get::<_, Option<String>>(0)?,
            row.get::<_, Option<String>>(1)?,
            row.get::<_, i64>(2)?,
            row.get::<_, i64>(3)?,
        ))
    });
    assert_eq!(left.unwrap(), (None, None, 9, 0));
}
