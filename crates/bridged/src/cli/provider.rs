//! `bridged provider`: where requests go, and with which of the operator's keys.

use std::io::{Read, Write};
use std::path::PathBuf;

use bridge_control::api::{
    NewProviderKey, ProviderKeyView, ProviderSpec, ProviderType, ProviderView, SecretText,
};
use http::Method;

use super::operator::{Operator, OperatorArgs};
use super::table::{self, USUAL_ITEMS};
use super::{CommandError, Context, say, say_json};
use crate::config::env::Environment;
use crate::config::secret_file;
use crate::operator_api::path;

/// More than keys take.
const INPUT_BYTES: u64 = 64 << 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// Make a provider, or change it; its keys stay unless others are given
    Set {
        /// The first segment of the paths that lead to it
        name: String,
        /// anthropic, openai, chatgpt, copilot, azure, google, openrouter, vercel or openai-compat
        #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
        kind: ProviderType,
        /// Where it is; known for anthropic, openai, chatgpt and copilot
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
        /// Let no requests go there
        #[arg(long)]
        disabled: bool,
        #[command(flatten)]
        keys: KeyArgs,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List providers
    List {
        /// How many at most
        #[arg(long, default_value_t = USUAL_ITEMS)]
        limit: usize,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one provider
    Show {
        /// Its name
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a provider and its keys
    Delete {
        /// Its name
        name: String,
    },
    /// Add keys to a provider
    AddKey {
        /// Its name
        name: String,
        #[command(flatten)]
        keys: KeyArgs,
    },
    /// Delete one key of a provider
    DeleteKey {
        /// Its name
        name: String,
        /// The key's id, as `provider show` tells it
        id: String,
    },
}

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
    fn read(
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

fn kind(text: &str) -> Result<ProviderType, String> {
    let known = ProviderType::ALL.map(ProviderType::as_str).join(", ");
    ProviderType::from_name(text).ok_or_else(|| format!("give one of {known}"))
}

pub(crate) async fn run(
    args: Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let operator = args.operator.connect(context)?;
    let mut input = std::io::stdin().lock();
    match args.deed {
        Deed::Set {
            name,
            kind,
            base_url,
            disabled,
            keys,
            json,
        } => {
            if base_url.is_none() && kind.default_base_url().is_none() {
                let text = format!("providers of type {} need a --base-url", kind.as_str());
                return Err(CommandError::Usage(text));
            }
            let keys = keys.read(context.environment, &mut input)?;
            let spec = ProviderSpec {
                kind: kind.as_str().to_owned(),
                base_url,
                enabled: !disabled,
                keys: (!keys.is_empty()).then_some(keys),
                ..ProviderSpec::default()
            };
            let way = path(&["providers", &name]);
            let provider: ProviderView = operator.api.send(Method::PUT, &way, &spec).await?;
            show(&provider, json, out)
        }
        Deed::List { limit, json } => list(&operator, limit, json, out).await,
        Deed::Show { name, json } => {
            let provider: ProviderView = operator.api.fetch(&path(&["providers", &name])).await?;
            show(&provider, json, out)
        }
        Deed::Delete { name } => {
            operator.api.delete(&path(&["providers", &name])).await?;
            say(
                out,
                &format!("Provider {} is deleted.\n", table::line(&name)),
            )
        }
        Deed::AddKey { name, keys } => {
            let keys = keys.read(context.environment, &mut input)?;
            add_keys(&operator, &name, keys, out).await
        }
        Deed::DeleteKey { name, id } => {
            operator
                .api
                .delete(&path(&["providers", &name, "keys", &id]))
                .await?;
            say(out, "The key is deleted.\n")
        }
    }
}

async fn add_keys(
    operator: &Operator,
    name: &str,
    keys: Vec<SecretText>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    if keys.is_empty() {
        let text = "say where the key is: --key-env, --key-file or --key-stdin";
        return Err(CommandError::Usage(text.to_owned()));
    }
    let way = path(&["providers", name, "keys"]);
    for key in keys {
        let key = NewProviderKey { key };
        let added: ProviderKeyView = operator.api.send(Method::POST, &way, &key).await?;
        let hint = table::line(&added.hint);
        say(out, &format!("Key {hint} is added as {}.\n", added.id))?;
    }
    Ok(())
}

async fn list(
    operator: &Operator,
    limit: usize,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let providers = operator
        .api
        .list::<ProviderView>("/providers", &[], limit)
        .await?;
    if json {
        return say_json(out, &providers.items);
    }
    let header = ["PROVIDER", "TYPE", "ADDRESS", "ENABLED", "KEYS"];
    let rows = providers.items.iter().map(row).collect();
    let nothing = "There are no providers: bridged provider set NAME --type TYPE";
    let text = table::table(&header, rows, nothing);
    say(out, &(text + table::more(providers.has_more)))
}

fn row(provider: &ProviderView) -> Vec<String> {
    let hints: Vec<_> = provider
        .keys
        .iter()
        .map(|key| table::line(&key.hint))
        .collect();
    vec![
        table::line(&provider.name),
        provider.kind.as_str().to_owned(),
        table::line(&provider.base_url),
        yes_or_no(provider.enabled).to_owned(),
        if hints.is_empty() {
            "none: callers bring their own".to_owned()
        } else {
            hints.join(", ")
        },
    ]
}

fn show(provider: &ProviderView, json: bool, out: &mut dyn Write) -> Result<(), CommandError> {
    if json {
        return say_json(out, provider);
    }
    let mut text = table::facts(&[
        ("provider", Some(table::line(&provider.name))),
        ("type", Some(provider.kind.as_str().to_owned())),
        ("address", Some(table::line(&provider.base_url))),
        ("enabled", Some(yes_or_no(provider.enabled).to_owned())),
        ("made", Some(table::time(provider.created_at))),
        ("changed", Some(table::time(provider.updated_at))),
    ]);
    let rows = provider.keys.iter().map(|key| {
        vec![
            table::line(&key.hint),
            key.id.to_string(),
            table::time(key.created_at),
        ]
    });
    let nothing = "No keys: callers bring their own.";
    text.push_str(&table::table(
        &["KEY", "ID", "GIVEN"],
        rows.collect(),
        nothing,
    ));
    say(out, &text)
}

fn yes_or_no(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
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
