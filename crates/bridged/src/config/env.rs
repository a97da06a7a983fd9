//! The environment, read once, and the names that matter in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// Every setting has a variable: this, its section and its name, in capitals.
pub(crate) const PREFIX: &str = "BRIDGED_";
/// Path of the configuration file.
pub(crate) const CONFIG_FILE: &str = "BRIDGED_CONFIG";
/// Where the operator's API answers, for the commands that call it.
pub(crate) const ADMIN_URL: &str = "BRIDGED_ADMIN_URL";
/// A key for Anthropic, for a start without a file.
pub(crate) const ANTHROPIC_API_KEY: &str = "ANTHROPIC_API_KEY";
/// Where Anthropic is, for a start without a file.
pub(crate) const ANTHROPIC_BASE_URL: &str = "ANTHROPIC_BASE_URL";
/// A key for OpenAI, for a start without a file.
pub(crate) const OPENAI_API_KEY: &str = "OPENAI_API_KEY";
/// Where OpenAI is, for a start without a file.
pub(crate) const OPENAI_BASE_URL: &str = "OPENAI_BASE_URL";

const DATA_FOLDER: &str = "BRIDGED_DATA_FOLDER";
const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
const HOME: &str = "HOME";

/// Variables that Kubernetes sets for a service that is named like this program.
const OF_OTHERS: [&str; 2] = ["BRIDGED_SERVICE_", "BRIDGED_PORT"];

/// The variables of a process, held still. Empty ones count as absent.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, OsString>,
    /// What a flag of the command line says of a setting wins over its variable.
    flags: BTreeMap<&'static str, Flag>,
}

/// What a flag says of a setting.
#[derive(Debug, Clone)]
struct Flag {
    name: &'static str,
    value: String,
}

/// Why a variable cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotText;

impl std::fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl Environment {
    /// The variables of this process as they are now.
    pub(crate) fn of_process() -> Self {
        Self::from_pairs(std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((name, value))
        }))
    }

    /// An environment of these variables.
    pub(crate) fn from_pairs(
        pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<OsString>)>,
    ) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self {
            variables: pairs
                .filter(|(_, value): &(_, OsString)| !value.is_empty())
                .collect(),
            flags: BTreeMap::new(),
        }
    }

    /// The same, and `flag` says this of the setting at `path`.
    pub(crate) fn with_flag(
        mut self,
        flag: &'static str,
        path: &'static str,
        value: String,
    ) -> Self {
        self.flags.insert(path, Flag { name: flag, value });
        self
    }

    /// What a flag says of the setting at `path`, behind the flag's name.
    pub(crate) fn flag(&self, path: &str) -> Option<(&'static str, &str)> {
        let flag = self.flags.get(path)?;
        Some((flag.name, &flag.value))
    }

    /// The value of a variable.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, NotText> {
        let Some(value) = self.variables.get(name) else {
            return Ok(None);
        };
        value.to_str().map(Some).ok_or(NotText)
    }

    /// A path in a variable.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(name).map(PathBuf::from)
    }

    /// The folder for data when the file names none: the variable for it, else below the user's
    /// data folder (the XDG base directory specification), else nothing.
    pub(crate) fn data_folder(&self) -> Option<PathBuf> {
        if let Some(named) = self.path(DATA_FOLDER) {
            return Some(named);
        }
        // The specification says that relative paths are to be ignored.
        let of_user = self.path(XDG_DATA_HOME).filter(|path| path.is_absolute());
        let base = of_user.or_else(|| Some(self.path(HOME)?.join(".local/share")))?;
        Some(base.join("bridged"))
    }

    /// Variables that look like settings, so that misspelled ones are noticed.
    pub(crate) fn names_like_settings(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str).filter(|name| {
            name.starts_with(PREFIX)
                && ![CONFIG_FILE, ADMIN_URL].contains(name)
                && !OF_OTHERS.iter().any(|other| name.starts_with(other))
        })
    }
}

/// The variable of the setting at `path`.
pub(crate) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)], folder: Option<&str>) {
        let environment = Environment::from_pairs(pairs.iter().copied());
        assert_eq!(
            environment.data_folder(),
            folder.map(PathBuf::from),
            "{pairs:?}"
        );
    }

    #[test]
    fn data_lies_where_it_is_told_or_where_the_user_keeps_data() {
        check(&[("HOME", "/u")], Some("/u/.local/share/bridged"));
        check(
            &[("HOME", "/u"), ("XDG_DATA_HOME", "/d")],
            Some("/d/bridged"),
        );
        check(
            &[("HOME", "/u"), ("XDG_DATA_HOME", "relative")],
            Some("/u/.local/share/bridged"),
        );
        check(
            &[("HOME", "/u"), ("BRIDGED_DATA_FOLDER", "/srv")],
            Some("/srv"),
        );
        check(&[("HOME", "")], None);
        check(&[], None);
    }

    #[test]
    fn values_stay_out_of_debug_texts() {
        let environment = Environment::from_pairs([("OPENAI_API_KEY", "hidden-word")]);
        let text = format!("{environment:?}");
        assert!(
            text.contains("OPENAI_API_KEY") && !text.contains("hidden-word"),
            "{text}"
        );
    }
}
