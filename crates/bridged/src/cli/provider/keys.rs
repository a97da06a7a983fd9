//! Where the command line reads what is secret from: variables, files and standard input.

use std::io::Read;
use std::path::PathBuf;

use bridge_control::api::SecretText;

use super::super::CommandError;
use crate::config::env::Environment;
use crate::config::secret_file;

/// More than keys take.
const INPUT_BYTES: u64 = 64 << 10;

/// Where keys are read from. Never an argument: those stand in the shell's history and in the list
/// of processes.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyArgs {
    /// A variable that holds a key; may be repeated
    #[arg(long, value_name = "VARIABLE")]
    key_env: Vec<String>,
    /// A file that holds keys, one a line; may be repeated
    #[arg(long, value_name = "PATH")]
    key_file: Vec<PathBuf>,
    /// Read keys from standard input, one a line
    #[arg(long)]
    key_stdin: bool,
}

impl KeyArgs {
    /// The same places for another secret than a key.
    pub(crate) fn of(env: Option<&String>, file: Option<&PathBuf>, stdin: bool) -> Self {
        Self {
            key_env: env.cloned().into_iter().collect(),
            key_file: file.cloned().into_iter().collect(),
            key_stdin: stdin,
        }
    }

    /// Whether no place is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.key_env.is_empty() && self.key_file.is_empty() && !self.key_stdin
    }

    pub(super) fn read(
        &self,
        environment: &Environment,
        input: &mut dyn Read,
    ) -> Result<Vec<SecretText>, CommandError> {
        let mut keys = Vec::new();
        for name in &self.key_env {
            match environment.text(name) {
                Ok(Some(text)) => keys.push(SecretText::new(text.trim().to_owned())),
                Ok(None) => {
                    return Err(CommandError::Usage(format!(
                        "the variable {name} is not set"
                    )));
                }
                Err(_) => {
                    return Err(CommandError::Usage(format!(
                        "the variable {name} is not UTF-8"
                    )));
                }
            }
        }
        for file in &self.key_file {
            lines(&secret_file::read(file)?, &mut keys);
        }
        if self.key_stdin {
            let mut text = zeroize::Zeroizing::new(String::new());
            input
                .take(INPUT_BYTES)
                .read_to_string(&mut text)
                .map_err(CommandError::Input)?;
            let before = keys.len();
            lines(&text, &mut keys);
            if keys.len() == before {
                return Err(CommandError::Usage(
                    "standard input holds no key".to_owned(),
                ));
            }
        }
        Ok(keys)
    }
}

fn lines(text: &str, keys: &mut Vec<SecretText>) {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    keys.extend(lines.map(|line| SecretText::new(line.to_owned())));
}

/// One secret and where it is. Nothing when no place is named.
pub(crate) fn one(
    what: &str,
    args: &KeyArgs,
    environment: &Environment,
    input: &mut dyn Read,
) -> Result<Option<SecretText>, CommandError> {
    if args.is_empty() {
        return Ok(None);
    }
    let mut found = args.read(environment, input)?.into_iter();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(Some(one)),
        (None, _) => Err(CommandError::Usage(format!("there is no {what} there"))),
        (Some(_), Some(_)) => Err(CommandError::Usage(format!(
            "there is more than one {what}: give one line"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_everywhere_but_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        std::fs::write(&file, "two\n\nthree\n").unwrap();
        let args = KeyArgs {
            key_env: vec!["FIRST".to_owned()],
            key_file: vec![file],
            key_stdin: true,
        };
        let environment = Environment::from_pairs([("FIRST", "one ")]);
        let keys = args
            .read(&environment, &mut b"\n four\n".as_slice())
            .unwrap();
        let keys: Vec<_> = keys.iter().map(SecretText::expose).collect();
        assert_eq!(keys, ["one", "two", "three", "four"]);
        let told = args.read(&environment, &mut b"".as_slice()).unwrap_err();
        assert!(told.to_string().contains("holds no key"), "{told}");
        let told = args
            .read(&Environment::default(), &mut b"x".as_slice())
            .unwrap_err();
        assert!(told.to_string().contains("FIRST is not set"), "{told}");
    }
}
