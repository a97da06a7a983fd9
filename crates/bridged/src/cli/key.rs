//! `bridged key`: what users present to the gateway.

use std::io::Write;
use std::time::Duration;

use bridge_control::api::{CreatedKey, KeyView, NewKey, ProviderView};
use http::Method;
use uuid::Uuid;

use super::listing::Listing;
use super::operator::{Operator, OperatorArgs};
use super::table::{self, USUAL_ITEMS};
use super::{CommandError, Context, say, say_json};
use crate::config::duration;
use crate::operator_api::{path, url_of};
use crate::settings::{self, Settings};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// Make a key and print settings for coding agents; its secret is shown this once
    Create(Create),
    /// List keys
    List {
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
    /// Revoke a key at once
    Delete {
        /// The first part of the key
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// Login name or id of its owner
    user: String,
    /// What it is for
    #[arg(long)]
    name: Option<String>,
    /// How long it is good, like 12h or 90d; for ever when not given
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    expires_in: Option<Duration>,
    /// The workspace it is made for
    #[arg(long, value_name = "ID")]
    workspace: Option<Uuid>,
    /// Where callers reach the gateway, for the printed settings [default: the configured address]
    #[arg(long, value_name = "URL")]
    gateway_url: Option<String>,
    /// As JSON, without settings
    #[arg(long)]
    json: bool,
}

fn lifetime(text: &str) -> Result<Duration, String> {
    duration(text)
        .filter(|span| span.subsec_nanos() == 0)
        .ok_or_else(|| "give one like 30m, 12h or 90d".to_owned())
}

pub(crate) async fn run(
    args: Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let operator = args.operator.connect(context)?;
    match args.deed {
        Deed::Create(create) => make(&operator, create, out).await,
        Deed::List { user, limit, json } => {
            let filters = [("user", user.as_deref())];
            LISTING.say(&operator, &filters, limit, json, out).await
        }
        Deed::Delete { id } => {
            operator.api.delete(&path(&["keys", &id])).await?;
            say(out, &format!("Key {} is revoked.\n", table::line(&id)))
        }
    }
}

async fn make(
    operator: &Operator,
    create: Create,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let key = NewKey {
        user: create.user,
        name: create.name,
        lifetime_seconds: create.expires_in.map(|span| span.as_secs()),
        workspace_id: create.workspace,
    };
    let made: CreatedKey = operator.api.send(Method::POST, "/keys", &key).await?;
    if create.json {
        return say_json(out, &made);
    }
    let until = match made.key.expires_at {
        Some(at) => format!(", good until {} UTC", table::time(at)),
        None => String::new(),
    };
    let owner = table::line(&made.key.user.username);
    say(
        out,
        &format!(
            "Key of {owner}{until}. It is shown this once:\n\n  {}\n\n",
            made.secret.expose()
        ),
    )?;
    let gateway_url = create
        .gateway_url
        .unwrap_or_else(|| url_of(operator.config.listen.address));
    // The key is made and shown: settings that cannot be made are no failure of this command.
    let providers = operator
        .api
        .list::<ProviderView>("/providers", &[], 500)
        .await;
    let providers = providers.map(|found| found.items).unwrap_or_default();
    let picked = settings::pick(&providers);
    let secret = made.secret.into();
    let text = settings::text(&Settings {
        gateway_url: gateway_url.trim_end_matches('/'),
        key: &secret,
        anthropic: picked.anthropic,
        openai: picked.openai,
        own: picked.own,
        token_header: operator.config.headers.token.as_str(),
    });
    if text.is_empty() {
        return say(
            out,
            "There is no provider yet: bridged provider create NAME --type TYPE\n",
        );
    }
    say(out, &text)
}

const LISTING: Listing<KeyView> = Listing {
    path: "/keys",
    header: &["KEY", "USER", "NAME", "MADE", "GOOD UNTIL", "LAST USED"],
    row,
    nothing: "There are no keys: bridged key create USER",
};

fn row(key: &KeyView) -> Vec<String> {
    vec![
        table::line(&key.id),
        table::line(&key.user.username),
        table::or_dash(key.name.as_deref()),
        table::time(key.created_at),
        table::time_or_dash(key.expires_at),
        table::time_or_dash(key.last_used_at),
    ]
}
