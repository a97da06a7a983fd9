//! `bridged provider`: where requests go, and with which of the operator's keys.

mod clear;
pub(super) mod keys;
pub(super) mod settings;
pub(super) mod show;
mod status;

use std::io::Write;

use bridge_control::api::{
    KeyEntry, NewProviderKey, ProviderKeyView, ProviderPatch, ProviderSpec, ProviderType,
    ProviderView, SecretText,
};
use http::Method;
use uuid::Uuid;

use self::clear::Clear;
use self::keys::KeyArgs;
use self::settings::SettingArgs;
use self::show::{LISTING, show};
use self::status::status;
use super::operator::{Operator, OperatorArgs};
use super::table::{self, USUAL_ITEMS};
use super::{CommandError, Context, say};
use crate::operator_api::path;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// Make a provider
    Create(Box<CreateArgs>),
    /// Change what is given of a provider; the rest stays
    Update(Box<UpdateArgs>),
    /// Make a provider, or make it what is given; its keys, and while the type is the same its
    /// address and settings, stay unless others are given
    Set(Box<CreateArgs>),
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
        /// Its name or id
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show how the running gateway finds its providers, and its keys
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a provider and its secrets
    Delete {
        /// Its name or id
        name: String,
    },
    /// Add keys to a provider
    AddKey {
        /// Its name or id
        name: String,
        #[command(flatten)]
        keys: KeyArgs,
    },
    /// Delete one key of a provider
    DeleteKey {
        /// Its name or id
        name: String,
        /// The key's id, as `provider show` tells it
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// The first segment of the paths that lead to it
    name: String,
    /// anthropic, openai, chatgpt, copilot, bedrock, azure, google, openrouter, vercel or
    /// openai-compat
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    kind: ProviderType,
    /// Where it is; known for anthropic, openai, chatgpt and copilot, and for bedrock by its region
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Which of Copilot's addresses: that of business or of enterprise; otherwise of individuals
    #[arg(long, value_name = "PLAN", conflicts_with = "base_url")]
    copilot_plan: Option<CopilotPlan>,
    /// Its name for people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// A picture's name or address, for pages that show one
    #[arg(long)]
    icon: Option<String>,
    /// Let no requests go there
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    settings: SettingArgs,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct UpdateArgs {
    /// Its name or id
    name: String,
    /// The new first segment of the paths that lead to it
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Where it is; an empty text for bedrock: where its region is
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Its name for people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// A picture's name or address, for pages that show one
    #[arg(long)]
    icon: Option<String>,
    /// Let requests go there
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Let no requests go there
    #[arg(long)]
    disable: bool,
    /// The id of a key that stays when others are given; may be repeated
    #[arg(long, value_name = "ID")]
    keep_key: Vec<Uuid>,
    /// Take all keys away
    #[arg(long, conflicts_with_all = ["keep_key", "key_env", "key_file", "key_stdin"])]
    clear_keys: bool,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    settings: SettingArgs,
    /// A setting to take away; may be repeated
    #[arg(long, value_name = "SETTING")]
    clear: Vec<Clear>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// GitHub's plans that have an address of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CopilotPlan {
    Individual,
    Business,
    Enterprise,
}

impl CopilotPlan {
    fn base_url(self) -> &'static str {
        match self {
            Self::Individual => "https://api.individual.githubcopilot.com",
            Self::Business => "https://api.business.githubcopilot.com",
            Self::Enterprise => "https://api.enterprise.githubcopilot.com",
        }
    }
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
    match args.deed {
        Deed::Create(args) => {
            let spec = args.spec(context)?;
            let made: ProviderView = operator.api.send(Method::POST, "/providers", &spec).await?;
            show(&made, args.json, out)
        }
        Deed::Set(args) => {
            let spec = args.spec(context)?;
            let way = path(&["providers", &args.name]);
            let put: ProviderView = operator.api.send(Method::PUT, &way, &spec).await?;
            show(&put, args.json, out)
        }
        Deed::Update(args) => {
            let patch = args.patch(context)?;
            let way = path(&["providers", &args.name]);
            let changed: ProviderView = operator.api.send(Method::PATCH, &way, &patch).await?;
            show(&changed, args.json, out)
        }
        Deed::List { limit, json } => LISTING.say(&operator, &[], limit, json, out).await,
        Deed::Show { name, json } => {
            let provider: ProviderView = operator.api.fetch(&path(&["providers", &name])).await?;
            show(&provider, json, out)
        }
        Deed::Status { json } => status(&operator, json, out).await,
        Deed::Delete { name } => {
            operator.api.delete(&path(&["providers", &name])).await?;
            let name = table::line(&name);
            say(out, &format!("Provider {name} is deleted.\n"))
        }
        Deed::AddKey { name, keys } => {
            let mut input = std::io::stdin().lock();
            let keys = keys.read(context.environment, &mut input)?;
            drop(input);
            add_keys(&operator, &name, keys, out).await
        }
        Deed::DeleteKey { name, id } => {
            let way = path(&["providers", &name, "keys", &id]);
            operator.api.delete(&way).await?;
            say(out, "The key is deleted.\n")
        }
    }
}

impl CreateArgs {
    fn spec(&self, context: Context<'_>) -> Result<ProviderSpec, CommandError> {
        let base_url = self.base_url()?;
        let mut input = std::io::stdin().lock();
        let keys = self.keys.read(context.environment, &mut input)?;
        let settings = &self.settings;
        let (bedrock, upstream) = settings.read(&[], context.environment, &mut input)?;
        Ok(ProviderSpec {
            name: Some(self.name.clone()),
            kind: self.kind.as_str().to_owned(),
            base_url,
            display_name: self.display_name.clone(),
            icon: self.icon.clone(),
            enabled: !self.disabled,
            keys: (!keys.is_empty()).then_some(keys),
            settings: bedrock.map(Some),
            upstream: upstream.map(Some),
        })
    }

    fn base_url(&self) -> Result<Option<String>, CommandError> {
        if let Some(plan) = self.copilot_plan {
            if self.kind != ProviderType::Copilot {
                let text = "--copilot-plan is for providers of type copilot";
                return Err(CommandError::Usage(text.to_owned()));
            }
            return Ok(Some(plan.base_url().to_owned()));
        }
        if self.base_url.is_none() && self.kind.default_base_url().is_none() {
            let kind = self.kind.as_str();
            let text = format!("providers of type {kind} need a --base-url");
            return Err(CommandError::Usage(text));
        }
        Ok(self.base_url.clone())
    }
}

impl UpdateArgs {
    fn patch(&self, context: Context<'_>) -> Result<ProviderPatch, CommandError> {
        let mut input = std::io::stdin().lock();
        let keys = self.keys.read(context.environment, &mut input)?;
        let settings = &self.settings;
        let (bedrock, upstream) = settings.read(&self.clear, context.environment, &mut input)?;
        let patch = ProviderPatch {
            name: self.rename.clone(),
            display_name: self.display_name.clone(),
            icon: self.icon.clone(),
            enabled: (self.enable || self.disable).then_some(self.enable),
            base_url: self.base_url.clone(),
            keys: self.wanted_keys(keys),
            settings: bedrock.map(Some),
            upstream: upstream.map(Some),
        };
        if patch == ProviderPatch::default() {
            let text = "say what is to change: `bridged provider update --help` names it";
            return Err(CommandError::Usage(text.to_owned()));
        }
        Ok(patch)
    }

    /// The whole list that is wanted; nothing when keys were not spoken of.
    fn wanted_keys(&self, new: Vec<SecretText>) -> Option<Vec<KeyEntry>> {
        let kept = self.keep_key.iter().map(|id| KeyEntry {
            id: Some(*id),
            api_key: None,
        });
        let new = new.into_iter().map(|key| KeyEntry {
            id: None,
            api_key: Some(key),
        });
        let wanted: Vec<_> = kept.chain(new).collect();
        (self.clear_keys || !wanted.is_empty()).then_some(wanted)
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
