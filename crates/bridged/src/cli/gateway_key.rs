//! `bridged gateway-key`: by which gateways on other machines prove themselves.

use std::io::Write;

use bridge_control::api::{CreatedGatewayKey, GatewayKeyView, NewGatewayKey};
use http::Method;

use super::listing::Listing;
use super::operator::{Operator, OperatorArgs};
use super::table::{self, USUAL_ITEMS};
use super::{CommandError, Context, say, say_json};
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
    /// Make a gateway key; it is shown this once
    Create {
        /// What it is called: lower-case letters, digits and single hyphens
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List gateway keys
    List {
        /// How many at most
        #[arg(long, default_value_t = USUAL_ITEMS)]
        limit: usize,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a gateway key; gateways that are connected with it are cut off at once
    Delete {
        /// Its name, or the first eleven characters of the key
        name: String,
    },
}

pub(crate) async fn run(
    args: Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let operator = args.operator.connect(context)?;
    match args.deed {
        Deed::Create { name, json } => make(&operator, name, json, out).await,
        Deed::List { limit, json } => LISTING.say(&operator, &[], limit, json, out).await,
        Deed::Delete { name } => {
            operator.api.delete(&path(&["gateway-keys", &name])).await?;
            let name = table::line(&name);
            say(
                out,
                &format!("Gateway key {name} is deleted, and its gateways are cut off.\n"),
            )
        }
    }
}

async fn make(
    operator: &Operator,
    name: String,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let new = NewGatewayKey { name };
    let made: CreatedGatewayKey = operator
        .api
        .send(Method::POST, "/gateway-keys", &new)
        .await?;
    if json {
        return say_json(out, &made);
    }
    say(
        out,
        &format!(
            "Gateway key {}. It is shown this once:\n\n  {}\n\n\
             Put it into a file on the gateway's machine, name the file in\n\
             BRIDGED_CONTROL_GATEWAY_KEY_FILE, and start: bridged serve --control URL\n",
            table::line(&made.key.name),
            made.secret.expose()
        ),
    )
}

const LISTING: Listing<GatewayKeyView> = Listing {
    path: "/gateway-keys",
    header: &["KEY", "NAME", "MADE", "LAST SEEN"],
    row,
    nothing: "There are no gateway keys: bridged gateway-key create NAME",
};

fn row(key: &GatewayKeyView) -> Vec<String> {
    vec![
        table::line(&key.id),
        table::line(&key.name),
        table::time(key.created_at),
        table::time_or_dash(key.last_seen_at),
    ]
}
