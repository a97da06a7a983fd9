//! Calls of cargo and other programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Outcome, clock};

/// A call of cargo in the workspace.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root);
    command
}

/// Runs a program, says which and how long it took, and fails when it does.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let shown = shown(command);
    println!("$ {shown}");
    let begun = clock::now();
    let status = command
        .status()
        .map_err(|cause| format!("cannot start `{shown}`: {cause}"))?;
    if !status.success() {
        return Err(format!("`{shown}` failed ({status})").into());
    }
    println!("  done in {}", clock::shown(begun.elapsed()));
    Ok(())
}

/// Builds a program of the workspace and tells where it is.
pub(crate) fn build(
    root: &Path,
    package: &str,
    program: &str,
    arguments: &[&str],
) -> Outcome<PathBuf> {
    let mut command = cargo(root, &["build", "--package", package, "--bin", program]);
    command.args(arguments);
    println!("$ {}", shown(&command));
    command.arg("--message-format=json-render-diagnostics");
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|cause| format!("cannot start cargo: {cause}"))?;
    if !output.status.success() {
        return Err(format!("{program} cannot be built").into());
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| executable(line, program))
        .next_back()
        .ok_or_else(|| format!("cargo built no {program}").into())
}

/// The program that a line of cargo's messages tells of, if it is this one.
fn executable(line: &str, program: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    if message.pointer("/target/name")?.as_str()? != program {
        return None;
    }
    Some(PathBuf::from(message.get("executable")?.as_str()?))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
