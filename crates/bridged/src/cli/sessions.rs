//! `bridged sessions`: recorded conversations.

use std::io::Write;

use bridge_control::api::{SessionDetail, SessionView};

use super::interceptions::{self, tokens};
use super::listing::Listing;
use super::operator::OperatorArgs;
use super::table::{self, USUAL_ITEMS};
use super::{CommandError, Context, say, say_json};
use crate::operator_api::path;

/// How much of a prompt a row shows.
const PROMPT_CHARACTERS: usize = 40;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// List conversations, the newest first
    List {
        /// Only those of this user: login name or id
        #[arg(long)]
        user: Option<String>,
        /// Only those of this calling program
        #[arg(long)]
        client: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = USUAL_ITEMS)]
        limit: usize,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the threads of one conversation
    Show {
        /// Its id
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

pub(crate) async fn run(
    args: Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let operator = args.operator.connect(context)?;
    match args.deed {
        Deed::List {
            user,
            client,
            limit,
            json,
        } => {
            let filters = [("user", user.as_deref()), ("client", client.as_deref())];
            LISTING.say(&operator, &filters, limit, json, out).await
        }
        Deed::Show { id, json } => {
            let session: SessionDetail = operator.api.fetch(&path(&["sessions", &id])).await?;
            if json {
                return say_json(out, &session);
            }
            say(out, &shown(&session))
        }
    }
}

const LISTING: Listing<SessionView> = Listing {
    path: "/sessions",
    header: &[
        "LAST ACTIVE",
        "USER",
        "CLIENT",
        "MODELS",
        "THREADS",
        "REQUESTS",
        "IN",
        "OUT",
        "LAST PROMPT",
        "SESSION",
    ],
    row,
    nothing: "Nothing is recorded yet.",
};

fn row(session: &SessionView) -> Vec<String> {
    let prompt = session.last_prompt.as_deref().unwrap_or("-");
    vec![
        table::time(session.last_active_at),
        table::line(&session.user.username),
        table::line(&session.client),
        table::line(&session.models.join(", ")),
        session.thread_count.to_string(),
        session.interceptions.to_string(),
        session.usage.input.to_string(),
        session.usage.output.to_string(),
        table::excerpt(prompt, PROMPT_CHARACTERS),
        table::line(&session.session_id),
    ]
}

fn shown(detail: &SessionDetail) -> String {
    let session = &detail.session;
    let mut out = table::facts(&[
        ("session", Some(table::line(&session.session_id))),
        ("user", Some(table::line(&session.user.username))),
        ("client", Some(table::line(&session.client))),
        ("models", Some(table::line(&session.models.join(", ")))),
        ("started", Some(table::time(session.started_at))),
        ("ended", session.ended_at.map(table::time)),
        ("tokens", Some(tokens(session.usage))),
    ]);
    if detail.truncated {
        out.push_str("Only the newest requests are shown.\n");
    }
    for thread in &detail.threads {
        out.push_str("\nthread\n");
        out.push_str(&table::block(thread.prompt.as_deref().unwrap_or("-")));
        out.push_str(&interceptions::LISTING.table(&thread.interceptions));
    }
    out
}

#[cfg(test)]
mod tests {
    use bridge_control::api::ThreadView;
    use jiff::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_conversation_is_shown_thread_by_thread() {
        let session: SessionView = serde_json::from_value(json!({
            "session_id": "s-1",
            "user": { "id": "6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f11", "username": "ada" },
            "client": "Claude Code", "started_at": "2026-11-24T12:00:00Z", "ended_at": null,
            "last_active_at": "2026-11-24T12:00:01Z", "interceptions": 1, "thread_count": 1,
            "usage": { "input": 7, "output": 9, "cache_read": 5, "cache_write": 3 },
            "models": ["claude-sonnet-4-5"], "last_prompt": "fix\n it",
        }))
        .unwrap();
        let row = row(&session).join("|");
        assert!(
            row.contains("ada|Claude Code|claude-sonnet-4-5|1|1|7|9|fix it|s-1"),
            "{row}"
        );
        let text = shown(&SessionDetail {
            threads: vec![ThreadView {
                root_id: Uuid::nil(),
                prompt: Some("fix\nit".to_owned()),
                started_at: Timestamp::UNIX_EPOCH,
                ended_at: None,
                usage: session.usage,
                interceptions: Vec::new(),
            }],
            session,
            truncated: true,
        });
        for part in [
            "ada",
            "7 in, 9 out",
            "Only the newest",
            "thread\n  fix\n  it\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}
