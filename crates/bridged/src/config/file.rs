//! The configuration file: which one, and what is written in it.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::ConfigError;
use super::advice;
use super::env::{CONFIG_FILE, Environment};
use super::problem::Findings;
use super::sections::{RawProvider, SECTIONS};

/// The version of the file's format that this program reads.
pub(crate) const VERSION: i64 = 1;

/// Looked for in the data folder when no file is named.
pub(crate) const USUAL_NAME: &str = "bridged.toml";

/// The file that is named on the command line or in the environment, or the usual one if it exists.
pub(crate) fn locate(named: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    if let Some(path) = named {
        return Some(path.to_owned());
    }
    if let Some(path) = environment.path(CONFIG_FILE) {
        return Some(path);
    }
    let usual = environment.data_folder()?.join(USUAL_NAME);
    usual.is_file().then_some(usual)
}

/// Reads a file as TOML.
///
/// # Errors
/// When it cannot be read or is not TOML. What stands in it is not repeated: it may hold secrets.
pub(crate) fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    text.parse().map_err(|cause: toml::de::Error| {
        let (line, column) = position(&text, cause.span().map_or(0, |span| span.start));
        ConfigError::Syntax {
            path: path.to_owned(),
            line,
            column,
            message: cause.message().to_owned(),
        }
    })
}

/// Tells of a version that this program does not read, and of sections that do not exist.
pub(crate) fn check_top(file: &Table, findings: &mut Findings) {
    let wanted = format!("this program reads version {VERSION}");
    match file.get("version") {
        None => {}
        Some(Value::Integer(VERSION)) => {}
        Some(Value::Integer(other)) => {
            findings.problem("version", format!("{other} is not known: {wanted}"));
        }
        Some(_) => findings.problem("version", format!("is not a number: {wanted}")),
    }
    let mut known = vec!["version", RawProvider::DESCRIPTION.path];
    known.extend(SECTIONS.iter().map(|section| section.path));
    for name in file.keys() {
        if !known.contains(&name.as_str()) {
            findings.problem(name.as_str(), advice::unknown("", name, &known));
        }
    }
}

/// Line and column, both from one, of a place in a text.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(start..).unwrap_or("").chars().count() + 1;
    (line, column)
}
