//! The configuration that people read: a sample file and a reference page, from the one list of
//! settings.

use std::fmt::Write as _;

use super::env::variable;
use super::file::VERSION;
use super::live::is_live;
use super::reader::{Description, Fallback, Field};
use super::sections::{RawProvider, SECTIONS};

/// A file in which everything that can be set stands with its default, commented out. Prose is
/// marked by `# `, settings by `#` alone.
pub(crate) fn toml() -> String {
    let mut out = format!(
        "# Everything that can be set, with what holds when nothing is said.\n\
         # Each setting has a variable that wins over this file.\n\nversion = {VERSION}\n"
    );
    for section in &SECTIONS {
        let _infallible = write!(out, "\n{}[{}]\n", prose(section.about), section.path);
        for field in section.fields {
            let variable = variable(&format!("{}.{}", section.path, field.key()));
            let _infallible = write!(
                out,
                "\n{}# Environment: {variable}.{}\n{}",
                prose(field.doc),
                without_default(field),
                setting(field)
            );
        }
    }
    let providers = RawProvider::DESCRIPTION;
    let _infallible = write!(out, "\n{}#[[providers]]\n", prose(providers.about));
    for field in providers.fields {
        let _infallible = write!(out, "\n{}{}", prose(field.doc), setting(field));
    }
    out
}

/// The reference page, as Markdown.
pub(crate) fn markdown() -> String {
    let mut out = format!(
        "# Configuration\n\n\
         One TOML file of version {VERSION}, with variables laid over it.\n\
         The file is the one named by `--config` or `BRIDGED_CONFIG`, else `bridged.toml` in the \
         data folder if it exists.\n\
         Durations are written like `500ms`, `30s`, `15m` or `1h30m`, sizes like `64KiB` or \
         `32MiB` or as a number of bytes.\n\
         `bridged check-config` reports every problem at once.\n\
         `bridged reload` or SIGHUP makes a running server read them again, \
         see [reload.md](../operators/reload.md).\n"
    );
    for section in &SECTIONS {
        page(&mut out, &format!("[{}]", section.path), section, true);
    }
    page(&mut out, "[[providers]]", &RawProvider::DESCRIPTION, false);
    out
}

fn page(out: &mut String, title: &str, section: &Description, has_variables: bool) {
    let _infallible = write!(out, "\n## `{title}`\n\n{}\n", plain(section.about));
    for field in section.fields {
        let _infallible = write!(out, "\n### `{}`\n\n{}\n", field.key(), plain(field.doc));
        let _infallible = match field.fallback {
            Fallback::Default(value) => writeln!(out, "Default: `{value}`."),
            Fallback::Example(value) => writeln!(out, "No default; a value looks like `{value}`."),
        };
        let path = format!("{}.{}", section.path, field.key());
        if !is_live(&path) {
            out.push_str("A change needs a restart.\n");
        }
        if has_variables {
            let variable = variable(&path);
            let _infallible = writeln!(out, "Variable: `{variable}`.");
        }
    }
}

fn prose(lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| format!("# {}\n", line.trim()));
    lines.collect()
}

fn plain(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
    lines.join("\n")
}

fn without_default(field: &Field) -> &'static str {
    match field.fallback {
        Fallback::Default(_) => "",
        Fallback::Example(_) => " Not set by default.",
    }
}

fn setting(field: &Field) -> String {
    let (Fallback::Default(value) | Fallback::Example(value)) = field.fallback;
    if value.parse::<i64>().is_ok() || value.parse::<bool>().is_ok() {
        format!("#{} = {value}\n", field.key())
    } else {
        format!("#{} = {value:?}\n", field.key())
    }
}
