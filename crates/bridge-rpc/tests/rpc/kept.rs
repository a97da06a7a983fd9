//! A gateway that is started while the control plane is away.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use bridge_auth::{AuthError, Authorizer as _, Claim, Secret, Standing};
use bridge_rpc::{AuthorizerConfig, RemoteAuthorizer, forget_kept_grants, memory_pipe};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tonic::Status;

use crate::control::{Control, Cutter, connect, soon, yes};

async fn start(control: &Control, folder: &Path) -> (RemoteAuthorizer, Cutter) {
    let (dialer, cutter) = control.serve_pipe();
    let config = AuthorizerConfig::default();
    let channel = connect(dialer);
    let authorizer = RemoteAuthorizer::start_kept(&channel, config, folder).await;
    (authorizer.unwrap(), cutter)
}

/// A gateway whose control plane cannot be found.
async fn start_alone(folder: &Path, config: AuthorizerConfig) -> RemoteAuthorizer {
    let (dialer, nobody_accepts) = memory_pipe();
    drop(nobody_accepts);
    let channel = connect(dialer);
    let authorizer = RemoteAuthorizer::start_kept(&channel, config, folder).await;
    authorizer.unwrap()
}

/// Whether a caller is let in, and on whose word; nothing when nobody can tell.
async fn ask(authorizer: &RemoteAuthorizer, key: &str) -> Option<Standing> {
    let secret = Secret::new(key.to_owned());
    match authorizer.authorize(Claim::Key(&secret)).await {
        Ok(grant) => Some(grant.standing),
        Err(AuthError::Unavailable(_)) => None,
        Err(AuthError::Refused(reason)) => panic!("{key}: {reason}"),
    }
}

/// A folder in which a gateway has left two grants, Alice's and Bob's.
async fn left() -> (Control, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::default();
    control.answer("alice-key", Ok(yes("key-1", 1)));
    control.answer("bob-key", Ok(yes("key-2", 2)));
    let (authorizer, _cutter) = start(&control, folder.path()).await;
    control.until_subscribed().await;
    for key in ["alice-key", "bob-key"] {
        granted(&authorizer, key).await;
    }
    authorizer.close().await;
    drop(authorizer);
    control.break_streams(None).await;
    (control, folder)
}

/// Asks until the grant is kept: a reset that arrives in the middle of a question forbids it.
async fn granted(authorizer: &RemoteAuthorizer, key: &str) {
    let before = authorizer.stats().entries;
    while authorizer.stats().entries == before {
        assert_eq!(ask(authorizer, key).await, Some(Standing::Confirmed));
    }
}

#[tokio::test(start_paused = true)]
async fn known_callers_go_on_after_a_restart_and_strangers_do_not() {
    let (_control, folder) = left().await;
    let authorizer = start_alone(folder.path(), AuthorizerConfig::default()).await;
    let since = Instant::now();
    for key in ["alice-key", "bob-key"] {
        assert_eq!(ask(&authorizer, key).await, Some(Standing::Grace), "{key}");
    }
    assert_eq!(since.elapsed(), Duration::ZERO);
    assert_eq!(ask(&authorizer, "carol-key").await, None);
}

#[tokio::test(start_paused = true)]
async fn without_a_copy_nobody_is_known() {
    let (_control, folder) = left().await;
    forget_kept_grants(folder.path()).unwrap();
    forget_kept_grants(folder.path()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let authorizer = start_alone(folder.path(), AuthorizerConfig::default()).await;
    assert_eq!(ask(&authorizer, "alice-key").await, None);
}

#[tokio::test(start_paused = true)]
async fn restarts_do_not_extend_the_grace() {
    let (_control, folder) = left().await;
    let mut ends = Vec::new();
    for _ in 0..3 {
        let authorizer = start_alone(folder.path(), AuthorizerConfig::default()).await;
        assert_eq!(ask(&authorizer, "alice-key").await, Some(Standing::Grace));
        let outage = authorizer.outage().unwrap();
        assert!(outage.until - outage.since <= Duration::from_secs(600));
        ends.push(outage.until);
        authorizer.close().await;
    }
    // Half a second is for the clocks, which are read one after the other, and for rounding.
    let slack = Duration::from_millis(500);
    assert!(ends.iter().all(|end| *end <= ends[0] + slack), "{ends:?}");
    let config = AuthorizerConfig {
        grace: Some(Duration::from_nanos(1)),
        ..AuthorizerConfig::default()
    };
    let authorizer = start_alone(folder.path(), config).await;
    assert_eq!(ask(&authorizer, "alice-key").await, None, "it is over");
}

#[tokio::test(start_paused = true)]
async fn what_was_revoked_is_not_in_the_copy() {
    let (control, folder) = left().await;
    let (authorizer, _cutter) = start(&control, folder.path()).await;
    control.until_subscribed().await;
    control.until_checked(1).await;
    let file = folder.path().join("grants");
    let has = |id: &str| {
        let bytes = fs::read(&file).unwrap();
        bytes
            .windows(id.len())
            .any(|window| window == id.as_bytes())
    };
    control.answer("bob-key", Err(Status::unauthenticated("unknown key")));
    control.revoke(&["key-2"], &[]).await;
    // Nobody closes it: the copy follows by itself.
    soon(async {
        while has("key-2") || !has("key-1") {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    drop(authorizer);
    let authorizer = start_alone(folder.path(), AuthorizerConfig::default()).await;
    assert_eq!(ask(&authorizer, "alice-key").await, Some(Standing::Grace));
    assert_eq!(ask(&authorizer, "bob-key").await, None);
}

#[tokio::test(start_paused = true)]
async fn what_was_known_before_a_restart_is_checked_when_the_control_plane_answers() {
    let (control, folder) = left().await;
    control.answer("bob-key", Err(Status::unauthenticated("unknown key")));
    let (authorizer, _cutter) = start(&control, folder.path()).await;
    control.until_checked(1).await;
    soon(async {
        while authorizer.stats().entries != 1 {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let asked = control.asked().len();
    assert_eq!(
        ask(&authorizer, "alice-key").await,
        Some(Standing::Confirmed)
    );
    assert_eq!(control.asked().len(), asked, "the check was enough");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_cannot_be_used_is_ignored() {
    for (name, spoil) in [
        ("nothing", b"".as_slice()),
        ("garbage", b"garbage, and more of it"),
        ("a later version", b"bridged grants 2\nwhatever"),
        ("a torn one", b"bridged grants 1\ntorn"),
    ] {
        let (control, folder) = left().await;
        fs::write(folder.path().join("grants"), spoil).unwrap();
        let alone = start_alone(folder.path(), AuthorizerConfig::default()).await;
        assert_eq!(ask(&alone, "alice-key").await, None, "{name}");
        drop(alone);
        let (authorizer, _cutter) = start(&control, folder.path()).await;
        control.until_subscribed().await;
        granted(&authorizer, "alice-key").await;
        authorizer.close().await;
        let alone = start_alone(folder.path(), AuthorizerConfig::default()).await;
        let seen = ask(&alone, "alice-key").await;
        assert_eq!(seen, Some(Standing::Grace), "{name}, written anew");
    }
}

#[tokio::test(start_paused = true)]
async fn with_another_key_nobody_is_known() {
    let (_control, folder) = left().await;
    fs::write(folder.path().join("grants.key"), [9; 64]).unwrap();
    let authorizer = start_alone(folder.path(), AuthorizerConfig::default()).await;
    assert_eq!(ask(&authorizer, "alice-key").await, None);
}

#[tokio::test(start_paused = true)]
async fn the_copy_has_no_secret_and_is_for_its_owner() {
    let (_control, folder) = left().await;
    for name in ["grants", "grants.key"] {
        let path = folder.path().join(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let bytes = fs::read(&path).unwrap();
        for secret in ["alice-key", "bob-key"] {
            let is_there = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!is_there, "{secret} is in {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_written_costs_the_copy_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no-folder");
    fs::write(&file, b"").unwrap();
    let control = Control::default();
    control.answer("alice-key", Ok(yes("key-1", 1)));
    let (authorizer, _cutter) = start(&control, &file).await;
    assert_eq!(
        ask(&authorizer, "alice-key").await,
        Some(Standing::Confirmed)
    );
    authorizer.close().await;
}

#[tokio::test(start_paused = true)]
async fn who_never_heard_of_the_control_plane_leaves_no_grace() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let authorizer = start_alone(folder.path(), AuthorizerConfig::default()).await;
        let outage = authorizer.outage().unwrap();
        assert!(!outage.has_grace(), "{outage:?}");
        authorizer.close().await;
        assert!(!folder.path().join("grants").exists());
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_no_longer_wanted_is_taken_away() {
    let (_control, folder) = left().await;
    let config = AuthorizerConfig {
        grace: None,
        ..AuthorizerConfig::default()
    };
    let authorizer = start_alone(folder.path(), config).await;
    assert_eq!(ask(&authorizer, "alice-key").await, None);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
