//! Commands, run as people run them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::support::{Program, Running, text};

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

#[test]
fn a_simulated_provider_runs_until_it_is_told_to_stop() {
    let program = Program::new();
    let child = program
        .command(&["simulate", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let url = lines
        .find_map(|line| Some(line.split_once("ANTHROPIC_BASE_URL=http://")?.1.to_owned()))
        .unwrap();
    let address = url.split_whitespace().next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /v1/models HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let terminate = format!("kill -TERM {}", running.0.id());
    assert!(
        Command::new("sh")
            .args(["-c", &terminate])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}
