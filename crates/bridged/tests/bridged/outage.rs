//! The control plane is killed, the gateway is killed meanwhile, and both come back.

use std::fs;

use serde_json::Value;

use crate::apart::{control, gateway, gateway_key, status, until_ready, until_status};
use crate::support::{HeldProvider, Program, Serving, Start, held_socket, until};

fn until_readiness(gateway: &Serving, status: &str, part: &str) {
    until(part, || {
        let readiness = gateway.readiness();
        (readiness.starts_with(status) && readiness.contains(part)).then_some(())
    });
}

/// Kills it as a lost machine would.
fn kill(mut server: Serving) {
    server.signal("KILL");
    server.ended();
}

/// Waits until the gateway's copy of known callers has this key.
fn until_kept(home: &Program, key: &str) {
    let (id, secret) = key.split_once('-').unwrap();
    let file = data_file(home, "grants");
    let has = |part: &str| {
        let bytes = fs::read(&file).unwrap_or_default();
        bytes
            .windows(part.len())
            .any(|window| window == part.as_bytes())
    };
    until("a copy", || has(id).then_some(()));
    assert!(!has(secret), "a credential is on the disk");
}

fn data_file(home: &Program, name: &str) -> std::path::PathBuf {
    home.folder.path().join(".local/share/bridged").join(name)
}

#[test]
fn known_callers_go_on_through_the_death_of_both_and_revocations_hold_afterwards() {
    let (home, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let (socket, address) = held_socket();
    drop(socket);
    let start = || {
        let address = address.to_string();
        control(&home, &provider).with("BRIDGED_LISTEN_CONTROL_ADDRESS", address)
    };
    let first = start().run();
    let gateway_key = gateway_key(&first, &home, "north");
    let alice = first.key(&home);
    let make = || {
        let made = first.ask(&home, &["key", "create", "ada"]);
        made["secret"].as_str().unwrap().to_owned()
    };
    let (revoked, unused, stranger) = (make(), make(), make());
    let other_home = Program::new();
    let url = format!("http://{address}");
    let serve = || gateway(&other_home, &url, &gateway_key).run();
    let north = serve();
    until_ready(&north);
    for key in [&alice, &revoked, &unused] {
        assert!(status(north.gateway, key).contains(" 200 "));
    }

    kill(first);
    until_readiness(&north, "HTTP/1.1 200", "\"control_plane_away\"");
    assert!(status(north.gateway, &alice).contains(" 200 "));
    assert!(status(north.gateway, &stranger).contains(" 503 "));
    for key in [&alice, &revoked, &unused] {
        until_kept(&other_home, key);
    }

    kill(north);
    let north = serve();
    until_readiness(&north, "HTTP/1.1 200", "\"control_plane_away\"");
    for key in [&alice, &revoked] {
        assert!(status(north.gateway, key).contains(" 200 "));
    }
    assert!(status(north.gateway, &stranger).contains(" 503 "));
    north.wait_for_log("the providers of last time are used");

    // Where the gateway does not find it, the control plane is told of the revocations.
    let mut aside = control(&home, &provider).run();
    for key in [&revoked, &unused] {
        let (id, _) = key.split_once('-').unwrap();
        aside.operate(&home, &["key", "delete", id]).unwrap();
    }
    aside.signal("TERM");
    assert_eq!(aside.ended().code(), Some(0));
    let second = start().run();
    until_readiness(&north, "HTTP/1.1 200", "\"ready\"");
    until_status(&north, &revoked, " 403 ");
    until_status(&north, &unused, " 403 ");
    assert!(status(north.gateway, &alice).contains(" 200 "));
    until_status(&north, &stranger, " 200 ");
    until("marked records", || {
        let is_on_grace = |record: &Value| {
            let id = record["id"].as_str().unwrap();
            let detail = second.ask(&home, &["interceptions", "show", id]);
            detail["metadata"]["authorization"] == "grace"
        };
        let records = second.ask(&home, &["interceptions", "list", "--limit", "100"]);
        let marked = records
            .as_array()
            .unwrap()
            .iter()
            .filter(|record| is_on_grace(record));
        // Those behind the restart: before it the leases had not ended.
        (marked.count() == 2).then_some(())
    });
}

#[test]
fn without_the_copies_a_gateway_that_is_started_alone_lets_nobody_in() {
    let (home, provider) = (Program::new(), HeldProvider::start());
    provider.let_go();
    let first = control(&home, &provider).run();
    let gateway_key = gateway_key(&first, &home, "north");
    let alice = first.key(&home);
    let other_home = Program::new();
    let url = format!("http://{}", first.gateway);
    let north = gateway(&other_home, &url, &gateway_key).run();
    until_ready(&north);
    assert!(status(north.gateway, &alice).contains(" 200 "));
    until_kept(&other_home, &alice);
    kill(first);
    kill(north);
    let files =
        ["grants", "grants.key", "providers.sealed"].map(|name| data_file(&other_home, name));
    let left = files.clone().map(|file| fs::read(file).unwrap());
    for settings in [
        [
            ("BRIDGED_AUTH_GRANT_CACHE", "false"),
            ("BRIDGED_CONTROL_PROVIDER_CACHE", "false"),
        ]
        .as_slice(),
        &[("BRIDGED_AUTH_GRACE", "off")],
    ] {
        for (file, bytes) in files.iter().zip(&left) {
            fs::write(file, bytes).unwrap();
        }
        let start = gateway(&other_home, &url, &gateway_key);
        let add = |start, &(name, value): &(&'static str, &str)| Start::with(start, name, value);
        let north = settings.iter().fold(start, add).run();
        for file in &files {
            assert!(!file.exists(), "{} is left, {settings:?}", file.display());
        }
        until_readiness(&north, "HTTP/1.1 503", "\"no_control_plane\"");
        assert!(status(north.gateway, &alice).contains(" 503 "));
        kill(north);
    }
}
