//! `bridged tool-server`: MCP servers whose tools every agent is offered, and users' tokens for them.

mod show;
mod spec;
mod status;
mod token;

use std::io::Write;

use bridge_control::api::ToolServerView;
use http::Method;

use self::show::{LISTING, show};
use self::spec::{CreateArgs, UpdateArgs};
use self::status::status;
use super::operator::OperatorArgs;
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
    /// Make a tool server
    Create(Box<CreateArgs>),
    /// Change what is given of a tool server; the rest stays
    Update(Box<UpdateArgs>),
    /// List tool servers
    List {
        /// How many at most
        #[arg(long, default_value_t = USUAL_ITEMS)]
        limit: usize,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show tool servers as the running gateway finds them
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one tool server
    Show {
        /// Its name or id
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a tool server, its secrets and all users' tokens for it
    Delete {
        /// Its name or id
        name: String,
    },
    /// Set, remove and list users' tokens for tool servers
    Token {
        #[command(subcommand)]
        deed: token::Deed,
    },
}

pub(crate) async fn run(
    args: Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let operator = args.operator.connect(context)?;
    match args.deed {
        Deed::Create(args) => {
            let new = args.read(context)?;
            let made: ToolServerView = operator
                .api
                .send(Method::POST, "/tool-servers", &new)
                .await?;
            show(&made, args.json, out)
        }
        Deed::Update(args) => {
            let patch = args.read(context)?;
            let way = path(&["tool-servers", &args.name]);
            let changed: ToolServerView = operator.api.send(Method::PATCH, &way, &patch).await?;
            show(&changed, args.json, out)
        }
        Deed::List { limit, json } => LISTING.say(&operator, &[], limit, json, out).await,
        Deed::Status { json } => status(&operator, json, out).await,
        Deed::Show { name, json } => {
            let way = path(&["tool-servers", &name]);
            let server: ToolServerView = operator.api.fetch(&way).await?;
            show(&server, json, out)
        }
        Deed::Delete { name } => {
            operator.api.delete(&path(&["tool-servers", &name])).await?;
            let name = table::line(&name);
            say(out, &format!("Tool server {name} is deleted.\n"))
        }
        Deed::Token { deed } => token::run(deed, &operator, context, out).await,
    }
}
