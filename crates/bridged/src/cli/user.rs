//! `bridged user`: the people whose keys are presented.

use std::io::Write;

use bridge_control::api::{NewUser, UserPatch, UserStatus, UserView};
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
    /// Make a user
    Create {
        /// Login name
        username: String,
        /// E-mail address
        #[arg(long)]
        email: Option<String>,
        /// Name for people
        #[arg(long)]
        name: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List all users
    List {
        /// How many at most
        #[arg(long, default_value_t = USUAL_ITEMS)]
        limit: usize,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one user
    Show {
        /// Login name or id
        user: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Refuse a user's keys until further notice
    Suspend {
        /// Login name or id
        user: String,
    },
    /// Honour a user's keys again
    Activate {
        /// Login name or id
        user: String,
    },
    /// Delete a user for good; the records stay
    Delete {
        /// Login name or id
        user: String,
    },
}

pub(crate) async fn run(
    args: Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let operator = args.operator.connect(context)?;
    match args.deed {
        Deed::Create {
            username,
            email,
            name,
            json,
        } => {
            let user = NewUser {
                username,
                email,
                name,
            };
            let user: UserView = operator.api.send(Method::POST, "/users", &user).await?;
            if json {
                return say_json(out, &user);
            }
            let name = table::line(&user.username);
            say(
                out,
                &format!("User {name} is made. Next: bridged key create {name}\n"),
            )
        }
        Deed::List { limit, json } => LISTING.say(&operator, &[], limit, json, out).await,
        Deed::Show { user, json } => {
            let user: UserView = operator.api.fetch(&path(&["users", &user])).await?;
            if json {
                return say_json(out, &user);
            }
            say(out, &shown(&user))
        }
        Deed::Suspend { user } => change(&operator, &user, UserStatus::Suspended, out).await,
        Deed::Activate { user } => change(&operator, &user, UserStatus::Active, out).await,
        Deed::Delete { user } => {
            operator.api.delete(&path(&["users", &user])).await?;
            say(out, &format!("User {} is deleted.\n", table::line(&user)))
        }
    }
}

const LISTING: Listing<UserView> = Listing {
    path: "/users",
    header: &["USER", "NAME", "E-MAIL", "STATUS", "MADE", "ID"],
    row,
    nothing: "There are no users: bridged user create NAME",
};

fn row(user: &UserView) -> Vec<String> {
    vec![
        table::line(&user.username),
        table::or_dash(user.name.as_deref()),
        table::or_dash(user.email.as_deref()),
        user.status.as_str().to_owned(),
        table::time(user.created_at),
        user.id.to_string(),
    ]
}

fn shown(user: &UserView) -> String {
    table::facts(&[
        ("user", Some(table::line(&user.username))),
        ("id", Some(user.id.to_string())),
        ("name", user.name.as_deref().map(table::line)),
        ("e-mail", user.email.as_deref().map(table::line)),
        ("status", Some(user.status.as_str().to_owned())),
        ("system user", user.is_system.then(|| "yes".to_owned())),
        ("made", Some(table::time(user.created_at))),
        ("changed", Some(table::time(user.updated_at))),
    ])
}

async fn change(
    operator: &Operator,
    user: &str,
    status: UserStatus,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let patch = UserPatch {
        status: Some(status),
        ..UserPatch::default()
    };
    let way = path(&["users", user]);
    let user: UserView = operator.api.send(Method::PATCH, &way, &patch).await?;
    let name = table::line(&user.username);
    say(out, &format!("User {name} is {}.\n", user.status.as_str()))
}
