//! The program, run as people run it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

struct Program {
    folder: TempDir,
}

impl Program {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bridged"));
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn mistakes_end_with_code_two_and_are_all_told() {
    let program = Program::new();
    let file = program.folder.path().join("five.toml");
    let mistakes = "[listen]\naddress = \"foo\"\nadress = 1\n[log]\nlevel = \"loud\"\n\
                    [gateway]\nconnections = 0\n[drain]\npatience = \"soon\"\n";
    fs::write(&file, mistakes).unwrap();
    let output = program.run(&["check-config", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    for path in [
        "listen.address",
        "listen.adress",
        "log.level",
        "gateway.connections",
        "drain.patience",
    ] {
        assert!(
            told.contains(&format!("\n  {path}: ")),
            "{path} is not in {told}"
        );
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn the_printed_configuration_is_accepted() {
    let program = Program::new();
    let printed = program.run(&["check-config", "--print"]);
    assert_eq!(printed.status.code(), Some(0));
    let file = program.folder.path().join("printed.toml");
    fs::write(&file, &printed.stdout).unwrap();
    let output = program.run(&["check-config", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("printed.toml is good"));
}

#[test]
fn misuse_and_failure_have_codes_of_their_own() {
    let program = Program::new();
    assert_eq!(program.run(&["unknown"]).status.code(), Some(2));
    let absent = [
        "user",
        "list",
        "--admin-url",
        "http://127.0.0.1:9",
        "--admin-token-file",
    ];
    let token = program.folder.path().join("token");
    fs::write(&token, "operator-key\n").unwrap();
    let output = program.run(&[&absent[..], &[token.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("no bridged answers at http://127.0.0.1:9: start one"),
        "{told}"
    );
}

#[test]
fn a_reader_that_had_enough_is_no_failure() {
    let program = Program::new();
    let mut child = program
        .command(&["print-config"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
