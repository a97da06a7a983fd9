//! Tool servers as the command line says them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use bridge_control::api::{
    ClientAuth, NewToolServer, OAuthChange, SecretText, ToolCredentialKind, ToolServerPatch,
    UpstreamChange,
};
use clap::ValueEnum;

use super::super::provider::keys::{KeyArgs, one};
use super::super::provider::settings::UpstreamArgs;
use super::super::{CommandError, Context};
use crate::config::env::Environment;

#[derive(Debug, clap::Args)]
pub(super) struct CreateArgs {
    /// What it is called, and what the names of its tools begin with
    name: String,
    /// Where it speaks the streamable HTTP transport
    #[arg(long)]
    url: String,
    /// Do not offer its tools
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    settings: SettingArgs,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct UpdateArgs {
    /// Its name or id
    pub(super) name: String,
    /// The new name, and with it what the names of its tools begin with
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Where it speaks the streamable HTTP transport
    #[arg(long)]
    url: Option<String>,
    /// Offer its tools
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Do not offer its tools
    #[arg(long)]
    disable: bool,
    #[command(flatten)]
    settings: SettingArgs,
    /// A header to take away; may be repeated
    #[arg(long, value_name = "HEADER")]
    remove_header: Vec<String>,
    /// A setting to take away; may be repeated
    #[arg(long, value_name = "SETTING")]
    clear: Vec<Clear>,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Settings that may be given when a tool server is made and when it is changed.
#[derive(Debug, Clone, Default, clap::Args)]
struct SettingArgs {
    /// A regular expression: only tools in whose names one is found are offered; may be repeated
    #[arg(long, value_name = "PATTERN")]
    allow: Vec<String>,
    /// A regular expression: tools in whose names one is found are not offered, whatever is allowed;
    /// may be repeated
    #[arg(long, value_name = "PATTERN")]
    deny: Vec<String>,
    /// A header to send, and the variable that holds its value; may be repeated
    #[arg(long, value_name = "HEADER=VARIABLE", value_parser = pair)]
    header_env: Vec<(String, String)>,
    /// A header to send, and the file that holds its value; may be repeated
    #[arg(long, value_name = "HEADER=PATH", value_parser = pair)]
    header_file: Vec<(String, String)>,
    /// What is presented: nothing, a token for all users, the key by which the caller came in, or a
    /// token of each user
    #[arg(long, value_name = "KIND")]
    credential: Option<Kind>,
    /// A variable that holds the token for all users
    #[arg(long, value_name = "VARIABLE")]
    token_env: Option<String>,
    /// A file that holds the token for all users
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,
    /// Read the token for all users from standard input
    #[arg(long)]
    token_stdin: bool,
    #[command(flatten)]
    oauth: OAuthArgs,
    #[command(flatten)]
    upstream: UpstreamArgs,
}

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Getting users' tokens anew")]
struct OAuthArgs {
    /// The token endpoint of the authorization server
    #[arg(long, value_name = "URL")]
    token_url: Option<String>,
    /// Who the control plane is there
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A variable that holds its secret there
    #[arg(long, value_name = "VARIABLE")]
    client_secret_env: Option<String>,
    /// A file that holds its secret there
    #[arg(long, value_name = "PATH")]
    client_secret_file: Option<PathBuf>,
    /// Read its secret there from standard input
    #[arg(long, conflicts_with = "token_stdin")]
    client_secret_stdin: bool,
    /// How it proves who it is
    #[arg(long, value_name = "HOW")]
    client_auth: Option<Auth>,
    /// What is asked for; may be repeated
    #[arg(long)]
    scope: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    None,
    Token,
    Caller,
    User,
}

impl From<Kind> for ToolCredentialKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::None => Self::None,
            Kind::Token => Self::Token,
            Kind::Caller => Self::Caller,
            Kind::User => Self::User,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Auth {
    Basic,
    Post,
}

impl From<Auth> for ClientAuth {
    fn from(auth: Auth) -> Self {
        match auth {
            Auth::Basic => Self::Basic,
            Auth::Post => Self::Post,
        }
    }
}

/// A setting that is to be as if it had never been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Clear {
    Allow,
    Deny,
    /// The token endpoint and everything about it
    Oauth,
    ClientSecret,
    Scopes,
    /// Everything about how it is connected to
    Connections,
}

/// Not a value: it would stand in the shell's history and in the list of processes.
fn pair(text: &str) -> Result<(String, String), String> {
    let halves = text
        .split_once('=')
        .filter(|(name, place)| !name.is_empty() && !place.is_empty());
    let (name, place) = halves.ok_or("give a header, an equals sign, and where its value is")?;
    Ok((name.to_owned(), place.to_owned()))
}

impl CreateArgs {
    /// # Errors
    /// When a secret cannot be read.
    pub(super) fn read(&self, context: Context<'_>) -> Result<NewToolServer, CommandError> {
        let mut input = std::io::stdin().lock();
        let settings = &self.settings;
        let environment = context.environment;
        let token = settings.token(environment, &mut input)?;
        let usual = if token.is_some() {
            ToolCredentialKind::Token
        } else {
            ToolCredentialKind::None
        };
        let oauth = settings.oauth.read(environment, &mut input)?;
        let upstream = settings.upstream.read(environment, &mut input)?;
        Ok(NewToolServer {
            name: self.name.clone(),
            url: self.url.clone(),
            enabled: !self.disabled,
            allow: settings.allow.clone(),
            deny: settings.deny.clone(),
            headers: settings.headers(environment)?,
            credential: settings.credential.map_or(usual, Into::into),
            token,
            oauth: (oauth != OAuthChange::default()).then_some(oauth),
            upstream: (upstream != UpstreamChange::default()).then_some(upstream),
        })
    }
}

impl UpdateArgs {
    /// # Errors
    /// When a secret cannot be read, or nothing is to change, or something is given and taken away.
    pub(super) fn read(&self, context: Context<'_>) -> Result<ToolServerPatch, CommandError> {
        let mut input = std::io::stdin().lock();
        let settings = &self.settings;
        let environment = context.environment;
        let oauth = settings.oauth.read(environment, &mut input)?;
        let upstream = settings.upstream.read(environment, &mut input)?;
        let given = settings.headers(environment)?.into_iter();
        let mut headers: BTreeMap<_, _> = given.map(|(name, value)| (name, Some(value))).collect();
        for name in &self.remove_header {
            if headers.insert(name.clone(), None).is_some() {
                let text = format!("--remove-header {name} and a value for it do not go together");
                return Err(CommandError::Usage(text));
            }
        }
        let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
        let mut patch = ToolServerPatch {
            name: self.rename.clone(),
            url: self.url.clone(),
            enabled: (self.enable || self.disable).then_some(self.enable),
            allow: some(&settings.allow),
            deny: some(&settings.deny),
            headers: (!headers.is_empty()).then_some(headers),
            credential: settings.credential.map(Into::into),
            token: settings.token(environment, &mut input)?,
            oauth: (oauth != OAuthChange::default()).then_some(Some(oauth)),
            upstream: (upstream != UpstreamChange::default()).then_some(Some(upstream)),
        };
        for field in &self.clear {
            field.apply(&mut patch)?;
        }
        if patch == ToolServerPatch::default() {
            let text = "say what is to change: `bridged tool-server update --help` names it";
            return Err(CommandError::Usage(text.to_owned()));
        }
        Ok(patch)
    }
}

impl SettingArgs {
    fn token(
        &self,
        environment: &Environment,
        input: &mut dyn Read,
    ) -> Result<Option<SecretText>, CommandError> {
        let place = KeyArgs::of(
            self.token_env.as_ref(),
            self.token_file.as_ref(),
            self.token_stdin,
        );
        one("token", &place, environment, input)
    }

    fn headers(
        &self,
        environment: &Environment,
    ) -> Result<BTreeMap<String, SecretText>, CommandError> {
        let mut headers = BTreeMap::new();
        let variables = self.header_env.iter().map(|(name, variable)| {
            let place = KeyArgs::of(Some(variable), None, false);
            (name, place)
        });
        let files = self.header_file.iter().map(|(name, file)| {
            let place = KeyArgs::of(None, Some(&PathBuf::from(file)), false);
            (name, place)
        });
        for (name, place) in variables.chain(files) {
            let what = format!("value of {name}");
            let value = one(&what, &place, environment, &mut std::io::empty())?;
            if let Some(value) = value
                && headers.insert(name.clone(), value).is_some()
            {
                return Err(CommandError::Usage(format!(
                    "the header {name} is given twice"
                )));
            }
        }
        Ok(headers)
    }
}

impl OAuthArgs {
    fn read(
        &self,
        environment: &Environment,
        input: &mut dyn Read,
    ) -> Result<OAuthChange, CommandError> {
        let place = KeyArgs::of(
            self.client_secret_env.as_ref(),
            self.client_secret_file.as_ref(),
            self.client_secret_stdin,
        );
        Ok(OAuthChange {
            token_url: self.token_url.clone(),
            client_id: self.client_id.clone(),
            client_secret: one("client secret", &place, environment, input)?.map(Some),
            client_auth: self.client_auth.map(Into::into),
            scopes: (!self.scope.is_empty()).then(|| self.scope.clone()),
        })
    }
}

impl Clear {
    fn apply(self, patch: &mut ToolServerPatch) -> Result<(), CommandError> {
        let is_free = match self {
            Self::Allow => patch.allow.replace(Vec::new()).is_none(),
            Self::Deny => patch.deny.replace(Vec::new()).is_none(),
            Self::Oauth => patch.oauth.replace(None).is_none(),
            Self::Connections => patch.upstream.replace(None).is_none(),
            Self::ClientSecret => {
                of_oauth(patch).is_some_and(|oauth| oauth.client_secret.replace(None).is_none())
            }
            Self::Scopes => {
                of_oauth(patch).is_some_and(|oauth| oauth.scopes.replace(Vec::new()).is_none())
            }
        };
        if is_free {
            return Ok(());
        }
        let name = self.to_possible_value();
        let name = name.as_ref().map_or("", |name| name.get_name());
        let text = format!("--clear {name} and a value for it do not go together");
        Err(CommandError::Usage(text))
    }
}

/// Nothing when all of it is taken away.
fn of_oauth(patch: &mut ToolServerPatch) -> Option<&mut OAuthChange> {
    patch
        .oauth
        .get_or_insert_with(|| Some(OAuthChange::default()))
        .as_mut()
}
