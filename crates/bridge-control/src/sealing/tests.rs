//! What is sealed opens for what it belongs to, with its key, and for nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::api::ToolCredentialKind;
use crate::store::{SqliteStore, StoredToolServer, ToolServerSettings};

fn store() -> (TempDir, SqliteStore, PathBuf) {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("control.db")).unwrap();
    let key = folder.path().join("sealing.key");
    (folder, store, key)
}

fn at(path: &Path) -> Sealing {
    Sealing::new(SealingKey::File(path.to_owned()))
}

fn given(text: &str) -> Sealing {
    Sealing::new(SealingKey::Given(Secret::new(text.to_owned())))
}

fn key(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// A server with something sealed in it.
async fn keep_something(store: &SqliteStore, sealed: Vec<u8>) {
    let server = StoredToolServer {
        id: Uuid::nil(),
        name: "wiki".to_owned(),
        url: "https://wiki.example".to_owned(),
        enabled: true,
        credential: ToolCredentialKind::None,
        settings: ToolServerSettings::default(),
        sealed: Some(sealed),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    store.put_tool_server(server, 1).await.unwrap();
}

const SERVER: Belonging = Belonging::Server(Uuid::nil());

#[tokio::test]
async fn the_key_is_made_with_the_first_secret_for_its_owner_alone() {
    let (_folder, store, path) = store();
    let sealing = at(&path);
    assert!(!path.exists());
    let sealed = sealing.seal(&store, SERVER, b"secret").await.unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    // Another one with the same file, as after a restart, and nothing is made anew.
    let again = at(&path);
    assert_eq!(*again.open(SERVER, &sealed).await.unwrap(), b"secret");
    again.seal(&store, SERVER, b"other").await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let names = fs::read_dir(path.parent().unwrap()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.as_encoded_bytes().ends_with(b".new")),
        "{names:?}"
    );
}

/// Two control planes may be given one file.
#[test]
fn a_key_that_another_process_makes_at_the_same_time_stays() {
    let (_folder, _store, path) = store();
    key_file::make(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    // The other one has given the file its name, and has not yet taken the name of before away.
    fs::hard_link(&path, path.with_extension("key.new")).unwrap();
    key_file::make(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn many_first_secrets_make_one_key() {
    let (_folder, store, path) = store();
    let sealing = at(&path);
    let secrets = (0..16).map(|_| sealing.seal(&store, SERVER, b"secret"));
    for sealed in futures_util::future::join_all(secrets).await {
        let opened = at(&path).open(SERVER, &sealed.unwrap()).await;
        assert_eq!(*opened.unwrap(), b"secret");
    }
}

#[tokio::test]
async fn the_same_secret_is_never_sealed_the_same_way() {
    let (_folder, store, _) = store();
    let sealing = given(&key('a'));
    let first = sealing.seal(&store, SERVER, b"secret").await.unwrap();
    let second = sealing.seal(&store, SERVER, b"secret").await.unwrap();
    assert_ne!(first, second);
    assert!(!first.windows(6).any(|part| part == b"secret"));
}

#[tokio::test]
async fn a_secret_opens_for_its_own_belonging_only() {
    let (_folder, store, _) = store();
    let sealing = given(&key('a'));
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let belonging = [
        Belonging::Server(one),
        Belonging::Server(two),
        Belonging::Token {
            server: one,
            user: two,
        },
        Belonging::Token {
            server: two,
            user: one,
        },
        Belonging::Token {
            server: one,
            user: one,
        },
    ];
    for sealed_for in belonging {
        let sealed = sealing.seal(&store, sealed_for, b"secret").await.unwrap();
        for opened_for in belonging {
            let opened = sealing.open(opened_for, &sealed).await;
            assert_eq!(opened.is_ok(), opened_for == sealed_for, "{opened_for:?}");
        }
    }
}

#[tokio::test]
async fn no_byte_may_change() {
    let (_folder, store, _) = store();
    let sealing = given(&key('a'));
    let sealed = sealing.seal(&store, SERVER, b"secret").await.unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(sealing.open(SERVER, &changed).await.is_err(), "byte {at}");
        assert!(
            sealing.open(SERVER, &sealed[..at]).await.is_err(),
            "cut at {at}"
        );
    }
    assert!(sealing.open(SERVER, &sealed).await.is_ok());
}

#[tokio::test]
async fn a_lost_key_is_told_and_not_replaced() {
    let (_folder, store, path) = store();
    let sealed = at(&path).seal(&store, SERVER, b"secret").await.unwrap();
    keep_something(&store, sealed.clone()).await;
    let kept = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let sealing = at(&path);
    let told = sealing.open(SERVER, &sealed).await.unwrap_err();
    assert!(matches!(told, SealingError::Missing(_)), "{told:?}");
    let told = sealing.seal(&store, SERVER, b"other").await.unwrap_err();
    assert!(matches!(told, SealingError::Missing(_)), "{told:?}");
    assert!(told.to_string().contains("restore"), "{told}");
    assert!(!path.exists());
    // Put back, it is found without a restart.
    fs::write(&path, kept).unwrap();
    assert_eq!(*sealing.open(SERVER, &sealed).await.unwrap(), b"secret");
}

#[tokio::test]
async fn a_new_key_stands_above_the_old_one() {
    let (_folder, store, path) = store();
    let first = at(&path).seal(&store, SERVER, b"first").await.unwrap();
    let old = fs::read_to_string(&path).unwrap();
    fs::write(&path, key('b')).unwrap();
    let told = at(&path).open(SERVER, &first).await.unwrap_err();
    assert!(matches!(told, SealingError::OtherKey { .. }), "{told:?}");
    fs::write(&path, format!("{}  # of today\n\n{old}", key('B'))).unwrap();
    let both = at(&path);
    let second = both.seal(&store, SERVER, b"second").await.unwrap();
    assert_eq!(*both.open(SERVER, &first).await.unwrap(), b"first");
    assert_eq!(*both.open(SERVER, &second).await.unwrap(), b"second");
    let new = given(&key('b'));
    assert_eq!(*new.open(SERVER, &second).await.unwrap(), b"second");
    assert!(new.open(SERVER, &first).await.is_err());
}

#[tokio::test]
async fn what_is_no_key_is_told() {
    let (_folder, store, path) = store();
    let many = format!("{}\n", key('a')).repeat(17);
    for text in ["", "# nothing", "abc", &key('g'), &"a".repeat(62), &many] {
        fs::write(&path, text).unwrap();
        for sealing in [at(&path), given(text)] {
            let told = sealing.seal(&store, SERVER, b"secret").await.unwrap_err();
            assert!(
                matches!(told, SealingError::NotKeys { .. }),
                "{text:?}: {told:?}"
            );
            assert!(text.is_empty() || !told.to_string().contains(text.trim()));
        }
    }
    let none = Sealing::new(SealingKey::None);
    let told = none.seal(&store, SERVER, b"secret").await.unwrap_err();
    assert!(matches!(told, SealingError::NoKey), "{told:?}");
    let nowhere = at(&path.join("no-folder"));
    let told = nowhere.seal(&store, SERVER, b"secret").await.unwrap_err();
    assert!(matches!(told, SealingError::File { .. }), "{told:?}");
}
