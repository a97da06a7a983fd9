//! Users' tokens for tool servers: over the command line, on the disk, and what a lost key does.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use crate::apart::{control, gateway, gateway_key, until_ready};
use crate::support::{HeldProvider, Program, Serving, text};

const SECRET: &str = "hidden-token-of-ada";

fn data_folder(program: &Program) -> PathBuf {
    program.folder.path().join(".local/share/bridged")
}

/// Sets ada's token, which is nowhere but on standard input. Says whether that went well, and what
/// was said.
fn set_token(serving: &Serving, program: &Program) -> (bool, String) {
    let url = format!("http://{}", serving.operator);
    let set = [
        "tool-server",
        "token",
        "set",
        "wiki",
        "ada",
        "--token-stdin",
    ];
    let mut child = program
        .command(&[&set[..], &["--admin-url", &url]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(SECRET.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.success(), said)
}

fn state(serving: &Serving, program: &Program) -> String {
    let tokens = serving.ask(program, &["tool-server", "token", "list"]);
    tokens[0]["state"].as_str().unwrap().to_owned()
}

#[test]
fn tokens_are_encrypted_on_the_disk_and_survive_a_restart_but_not_the_loss_of_their_key() {
    let (home, provider) = (Program::new(), HeldProvider::start());
    let mut serving = control(&home, &provider).run();
    let far = Program::new();
    let key = gateway_key(&serving, &home, "north");
    let url = format!("http://{}", serving.gateway);
    let north = gateway(&far, &url, &key).run();
    until_ready(&north);
    serving.operate(&home, &["user", "create", "ada"]).unwrap();
    let url = "http://127.0.0.1:1/mcp";
    let create = [
        "tool-server",
        "create",
        "wiki",
        "--url",
        url,
        "--credential",
        "user",
    ];
    serving.operate(&home, &create).unwrap();
    north.wait_for_log("tool servers changed");

    let key = data_folder(&home).join("sealing.key");
    assert!(!key.exists(), "nothing secret was stored");
    let (is_set, said) = set_token(&serving, &home);
    assert!(
        is_set && said.contains("The token of ada for wiki is set."),
        "{said}"
    );
    let mode = fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(state(&serving, &home), "good");
    let list = ["tool-server", "token", "list"];
    let listed = serving.operate(&home, &list).unwrap();
    for shown in [&said, &listed, &serving.log(), &north.log()] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    for entry in fs::read_dir(data_folder(&home)).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap_or_default();
        let is_there = bytes
            .windows(SECRET.len())
            .any(|part| part == SECRET.as_bytes());
        assert!(!is_there, "{}", path.display());
    }

    serving.signal("TERM");
    assert!(serving.ended().success());
    let mut serving = control(&home, &provider).run();
    assert_eq!(state(&serving, &home), "good");
    serving.signal("TERM");
    assert!(serving.ended().success());
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let serving = control(&home, &provider).run();
    assert_eq!(state(&serving, &home), "unreadable");
    let (is_set, said) = set_token(&serving, &home);
    assert!(
        !is_set && said.contains("restore the file from a backup"),
        "{said}"
    );
    assert!(!key.exists(), "a new key would hide the loss");
    fs::write(&key, kept).unwrap();
    assert_eq!(state(&serving, &home), "good", "without a restart");
}
