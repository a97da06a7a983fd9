//! Reads sections setting by setting: a variable wins over the file, the file over the default.
//!
//! A reader never stops at the first problem: each setting is read, and each problem is kept with
//! its path.

use toml::{Table, Value};

use super::advice;
use super::env::{Environment, variable};
use super::problem::Findings;
use super::setting::Setting;

/// A setting's description, for reading and for the reference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Its Rust name; see [`Field::key`].
    pub(crate) name: &'static str,
    /// What holds when nothing is said.
    pub(crate) fallback: Fallback,
    /// The lines of its doc comment.
    pub(crate) doc: &'static [&'static str],
}

impl Field {
    /// Its name in the file.
    pub(crate) fn key(&self) -> &'static str {
        key(self.name)
    }
}

/// What holds when nothing is said of a setting.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fallback {
    /// This value.
    Default(&'static str),
    /// Nothing, if the setting's type allows it; this is what a value looks like.
    Example(&'static str),
}

/// A section's description.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Description {
    /// Its name in the file.
    pub(crate) path: &'static str,
    /// The lines of its doc comment.
    pub(crate) about: &'static [&'static str],
    /// Its settings.
    pub(crate) fields: &'static [Field],
}

/// Reads one section.
#[derive(Debug)]
pub(crate) struct SectionReader<'r> {
    path: String,
    table: Option<&'r Table>,
    /// Absent for members of lists: they have no variables.
    environment: Option<&'r Environment>,
    findings: &'r mut Findings,
}

impl<'r> SectionReader<'r> {
    /// Reads the section `path` of a file, with variables laid over it.
    pub(crate) fn of_file(
        path: &str,
        file: &'r Table,
        environment: &'r Environment,
        findings: &'r mut Findings,
    ) -> Self {
        let mut reader = Self::of_value(path.to_owned(), file.get(path), findings);
        reader.environment = Some(environment);
        reader
    }

    /// Reads a member of a list.
    pub(crate) fn of_value(
        path: String,
        value: Option<&'r Value>,
        findings: &'r mut Findings,
    ) -> Self {
        let table = value.and_then(Value::as_table);
        if value.is_some() && table.is_none() {
            findings.problem(path.as_str(), "is not a section with settings of its own");
        }
        Self {
            path,
            table,
            environment: None,
            findings,
        }
    }

    /// Reads a setting. Nothing when there is a problem with it, which is then kept.
    pub(crate) fn field<T: Setting>(&mut self, name: &str, fallback: Fallback) -> Option<T> {
        let path = format!("{}.{}", self.path, key(name));
        let outcome = match self.of_environment(&path) {
            Some((variable, Ok(value))) => {
                T::read(&value).map_err(|problem| (format!("{path} (from {variable})"), problem))
            }
            Some((variable, Err(problem))) => Err((format!("{path} (from {variable})"), problem)),
            None => self
                .of_file_or_fallback(key(name), fallback)
                .map_err(|problem| (path, problem)),
        };
        outcome
            .map_err(|(path, problem)| self.findings.problem(path, problem))
            .ok()
    }

    fn of_environment(&self, path: &str) -> Option<(String, Result<Value, String>)> {
        if let Some((flag, value)) = self.environment?.flag(path) {
            return Some((flag.to_owned(), Ok(Value::String(value.to_owned()))));
        }
        let variable = variable(path);
        match self.environment?.text(&variable) {
            Ok(Some(text)) => Some((variable, Ok(Value::String(text.to_owned())))),
            Ok(None) => None,
            Err(_) => Some((variable, Err("is not UTF-8".to_owned()))),
        }
    }

    fn of_file_or_fallback<T: Setting>(&self, key: &str, fallback: Fallback) -> Result<T, String> {
        if let Some(value) = self.table.and_then(|table| table.get(key)) {
            return T::read(value);
        }
        match fallback {
            Fallback::Default(text) => T::read(&Value::String(text.to_owned())),
            Fallback::Example(example) => {
                T::absent().ok_or_else(|| format!("is missing: give one like {example:?}"))
            }
        }
    }

    /// Tells of settings that do not exist.
    pub(crate) fn finish(self, fields: &[Field]) {
        let known: Vec<_> = fields.iter().map(Field::key).collect();
        for name in self.table.into_iter().flat_map(Table::keys) {
            if !known.contains(&name.as_str()) {
                let advice = advice::unknown(&self.path, name, &known);
                self.findings
                    .problem(format!("{}.{name}", self.path), advice);
            }
        }
    }
}

/// Some keys are reserved words of Rust.
fn key(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}
