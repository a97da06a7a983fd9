//! `bridged tool-server token`: users' tokens.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use bridge_control::api::{NewUserToken, UserTokenState, UserTokenView};
use bridge_telemetry::wall_clock;
use http::Method;
use jiff::Timestamp;

use super::super::listing::Listing;
use super::super::operator::Operator;
use super::super::provider::keys::{KeyArgs, one};
use super::super::table::{self, USUAL_ITEMS};
use super::super::{CommandError, Context, say, say_json};
use crate::config::duration;
use crate::config::env::Environment;
use crate::operator_api::path;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Deed {
    /// Set a user's token for a tool server, in place of the one before
    Set(Box<SetArgs>),
    /// Remove a user's token for a tool server at once
    Remove {
        /// Name or id of the tool server
        server: String,
        /// Login name or id of the user
        user: String,
    },
    /// List users' tokens, masked
    List {
        /// Only those for this tool server: name or id
        #[arg(long)]
        server: Option<String>,
        /// Only those of this user: login name or id
        #[arg(long)]
        user: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = USUAL_ITEMS)]
        limit: usize,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct SetArgs {
    /// Name or id of the tool server
    server: String,
    /// Login name or id of the user
    user: String,
    /// A variable that holds the token
    #[arg(long, value_name = "VARIABLE")]
    token_env: Option<String>,
    /// A file that holds the token
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,
    /// Read the token from standard input
    #[arg(long)]
    token_stdin: bool,
    /// How long the token is good, like 1h; not known when not given
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    expires_in: Option<Duration>,
    /// A variable that holds the refresh token
    #[arg(long, value_name = "VARIABLE")]
    refresh_token_env: Option<String>,
    /// A file that holds the refresh token
    #[arg(long, value_name = "PATH")]
    refresh_token_file: Option<PathBuf>,
    /// Read the refresh token from standard input
    #[arg(long, conflicts_with = "token_stdin")]
    refresh_token_stdin: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn lifetime(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "give one like 30m, 12h or 90d".to_owned())
}

pub(super) async fn run(
    deed: Deed,
    operator: &Operator,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    match deed {
        Deed::Set(args) => {
            let mut input = std::io::stdin().lock();
            let new = args.read(context.environment, &mut input)?;
            drop(input);
            set(operator, &args, &new, out).await
        }
        Deed::Remove { server, user } => {
            let way = path(&["tool-servers", &server, "tokens", &user]);
            operator.api.delete(&way).await?;
            let (server, user) = (table::line(&server), table::line(&user));
            say(
                out,
                &format!("The token of {user} for {server} is removed.\n"),
            )
        }
        Deed::List {
            server,
            user,
            limit,
            json,
        } => {
            let filters = [("server", server.as_deref()), ("user", user.as_deref())];
            LISTING.say(operator, &filters, limit, json, out).await
        }
    }
}

impl SetArgs {
    fn read(
        &self,
        environment: &Environment,
        input: &mut dyn Read,
    ) -> Result<NewUserToken, CommandError> {
        let token = KeyArgs::of(
            self.token_env.as_ref(),
            self.token_file.as_ref(),
            self.token_stdin,
        );
        let refresh_token = KeyArgs::of(
            self.refresh_token_env.as_ref(),
            self.refresh_token_file.as_ref(),
            self.refresh_token_stdin,
        );
        if token.is_empty() && refresh_token.is_empty() {
            let text = "say where the token is: --token-env, --token-file or --token-stdin";
            return Err(CommandError::Usage(text.to_owned()));
        }
        let expires_at = self.expires_in.map(end).transpose()?;
        Ok(NewUserToken {
            token: one("token", &token, environment, input)?,
            refresh_token: one("refresh token", &refresh_token, environment, input)?,
            expires_at,
        })
    }
}

fn end(lifetime: Duration) -> Result<Timestamp, CommandError> {
    let at = wall_clock().checked_add(lifetime);
    let at = at.and_then(|at| Timestamp::try_from(at).ok());
    at.ok_or_else(|| CommandError::Usage("--expires-in is too long".to_owned()))
}

async fn set(
    operator: &Operator,
    args: &SetArgs,
    new: &NewUserToken,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let way = path(&["tool-servers", &args.server, "tokens", &args.user]);
    let set: UserTokenView = operator.api.send(Method::PUT, &way, new).await?;
    if args.json {
        return say_json(out, &set);
    }
    let until = match set.expires_at {
        Some(at) => format!(", good until {} UTC", table::time(at)),
        None => String::new(),
    };
    let (server, user) = (
        table::line(&set.server.name),
        table::line(&set.user.username),
    );
    say(
        out,
        &format!("The token of {user} for {server} is set{until}.\n"),
    )
}

const LISTING: Listing<UserTokenView> = Listing {
    path: "/tool-tokens",
    header: &[
        "TOOL SERVER",
        "USER",
        "TOKEN",
        "STATE",
        "GOOD UNTIL",
        "RENEWED",
        "PROBLEM",
    ],
    row,
    nothing: "There are no tokens: bridged tool-server token set SERVER USER",
};

fn row(token: &UserTokenView) -> Vec<String> {
    let renewed = match token.refreshed_at {
        Some(at) => table::time(at),
        None if token.has_refresh_token && may_be_renewed(token.state) => "when needed".to_owned(),
        None => "-".to_owned(),
    };
    vec![
        table::line(&token.server.name),
        table::line(&token.user.username),
        table::or_dash(token.masked.as_deref()),
        token.state.as_str().to_owned(),
        table::time_or_dash(token.expires_at),
        renewed,
        table::or_dash(token.problem.as_deref()),
    ]
}

fn may_be_renewed(state: UserTokenState) -> bool {
    match state {
        UserTokenState::Good | UserTokenState::Renewable => true,
        UserTokenState::Expired | UserTokenState::Refused | UserTokenState::Unreadable => false,
    }
}
