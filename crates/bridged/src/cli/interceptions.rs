//! `bridged interceptions`: recorded requests.

use std::io::Write;

use bridge_control::api::{InterceptionDetail, InterceptionView, TokenSums, TokenView, ToolView};
use uuid::Uuid;

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
    /// List recorded requests, the newest first
    List(List),
    /// Show everything that was recorded of one request
    Show {
        /// Its id
        id: Uuid,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only those of this user: login name or id
    #[arg(long)]
    user: Option<String>,
    /// Only those to this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only those for this model
    #[arg(long)]
    model: Option<String>,
    /// Only those of this calling program
    #[arg(long)]
    client: Option<String>,
    /// Only those of this session
    #[arg(long)]
    session: Option<String>,
    /// Only those that ended so: running, completed, failed, aborted or cut
    #[arg(long)]
    outcome: Option<String>,
    /// Only those that started after this time, like 2026-11-24T12:00:00Z
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// Only those that started before this time
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = USUAL_ITEMS)]
    limit: usize,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl List {
    fn filters(&self) -> [(&'static str, Option<&str>); 8] {
        [
            ("user", self.user.as_deref()),
            ("provider", self.provider.as_deref()),
            ("model", self.model.as_deref()),
            ("client", self.client.as_deref()),
            ("session", self.session.as_deref()),
            ("outcome", self.outcome.as_deref()),
            ("started_after", self.after.as_deref()),
            ("started_before", self.before.as_deref()),
        ]
    }
}

pub(crate) async fn run(
    args: Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let operator = args.operator.connect(context)?;
    match args.deed {
        Deed::List(args) => {
            let filters = args.filters();
            LISTING
                .say(&operator, &filters, args.limit, args.json, out)
                .await
        }
        Deed::Show { id, json } => {
            let way = path(&["interceptions", &id.to_string()]);
            let detail: InterceptionDetail = operator.api.fetch(&way).await?;
            if json {
                return say_json(out, &detail);
            }
            say(out, &shown(&detail))
        }
    }
}

/// Recorded requests.
pub(crate) const LISTING: Listing<InterceptionView> = Listing {
    path: "/interceptions",
    header: &[
        "STARTED", "USER", "CLIENT", "PROVIDER", "MODEL", "ROUTE", "MODE", "STATUS", "MS", "IN",
        "OUT", "TOOLS", "PROMPT", "ID",
    ],
    row,
    nothing: "Nothing is recorded yet.",
};

fn row(view: &InterceptionView) -> Vec<String> {
    let prompt = view.prompt.as_deref().unwrap_or("-");
    vec![
        table::time(view.started_at),
        table::line(&view.user.username),
        table::line(&view.client),
        table::line(&view.provider_name),
        table::line(&view.model),
        table::line(&view.route),
        mode(view).to_owned(),
        view.status.as_str().to_owned(),
        number_or_dash(view.duration_ms),
        view.usage.input.to_string(),
        view.usage.output.to_string(),
        view.tool_calls.to_string(),
        table::excerpt(prompt, PROMPT_CHARACTERS),
        view.id.to_string(),
    ]
}

/// Whether the caller asked for a stream, in a word.
pub(crate) fn mode(view: &InterceptionView) -> &'static str {
    if view.streaming { "stream" } else { "blocking" }
}

fn number_or_dash(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// Sums of tokens in words.
pub(crate) fn tokens(usage: TokenSums) -> String {
    format!(
        "{} in, {} out, {} read from cache, {} written to cache",
        usage.input, usage.output, usage.cache_read, usage.cache_write
    )
}

/// What keeps the figures from being the provider's last word.
fn reservation(detail: &InterceptionDetail) -> &'static str {
    let is_marked = |mark: &str| {
        let is_set = |usage: &TokenView| usage.metadata.get(mark).is_some_and(|set| set == true);
        detail.tokens.iter().any(is_set)
    };
    match (is_marked("estimated"), is_marked("partial")) {
        (true, _) => " (partial, output estimated)",
        (false, true) => " (partial)",
        (false, false) => "",
    }
}

fn shown(detail: &InterceptionDetail) -> String {
    let mut out = facts(detail);
    for prompt in &detail.prompts {
        out.push_str("\nprompt\n");
        out.push_str(&table::block(&prompt.prompt));
    }
    for thought in &detail.thoughts {
        out.push_str(&format!("\n{}\n", table::line(&thought.source)));
        out.push_str(&table::block(&thought.content));
    }
    for tool in &detail.tools {
        out.push_str(&tool_call(tool));
    }
    out
}

/// A call of a tool: its name, for an injected one the server, the time and the failure, and what
/// the model wrote.
fn tool_call(tool: &ToolView) -> String {
    let (name, kind) = (table::line(&tool.tool), table::line(&tool.kind));
    if !tool.injected {
        return format!("\ntool call: {name} ({kind})\n") + &table::block(&tool.input);
    }
    let server = table::or_dash(tool.server.as_deref());
    let took = match tool.duration_ms {
        Some(ms) => format!("{ms} ms"),
        None => "not called".to_owned(),
    };
    let mut out = format!("\ninjected tool call: {name} ({kind}) of {server}, {took}\n");
    if let Some(address) = &tool.server_url {
        out.push_str(&format!("  at {}\n", table::line(address)));
    }
    if let Some(error) = &tool.invocation_error {
        out.push_str(&format!("  failed: {}\n", table::line(error)));
    }
    out + &table::block(&tool.input)
}

/// Whether the caller was let in without the control plane, in a word of the gateway.
fn authorization(detail: &InterceptionDetail) -> Option<String> {
    let word = detail.metadata.get("authorization")?.as_str()?;
    Some(table::line(word))
}

fn facts(detail: &InterceptionDetail) -> String {
    let view = &detail.interception;
    let text = |text: &str| Some(table::line(text)).filter(|text| !text.is_empty());
    let maybe = |value: &Option<String>| value.as_deref().map(table::line);
    table::facts(&[
        ("id", Some(view.id.to_string())),
        ("user", text(&view.user.username)),
        ("key", text(&detail.api_key_id)),
        ("client", text(&view.client)),
        ("user agent", text(&detail.user_agent)),
        ("session", text(&view.session_id)),
        ("agent", maybe(&view.client_agent_id)),
        ("thread", detail.thread_root_id.map(|id| id.to_string())),
        ("answers", detail.thread_parent_id.map(|id| id.to_string())),
        ("provider", text(&view.provider_name)),
        ("model", text(&view.model)),
        ("route", text(&format!("{} ({})", view.route, mode(view)))),
        (
            "credential",
            text(&format!(
                "{} {}",
                view.credential_kind, detail.credential_hint
            )),
        ),
        ("authorization", authorization(detail)),
        ("started", Some(table::time(view.started_at))),
        ("ended", view.ended_at.map(table::time)),
        ("milliseconds", view.duration_ms.map(|ms| ms.to_string())),
        ("status", Some(view.status.as_str().to_owned())),
        (
            "provider's status",
            view.provider_status.map(|status| status.to_string()),
        ),
        ("failure", maybe(&view.error_type)),
        ("failure text", maybe(&view.error_message)),
        ("tokens", Some(tokens(view.usage) + reservation(detail))),
        ("tool calls", Some(view.tool_calls.to_string())),
        ("workspace", maybe(&detail.workspace_id)),
        ("host program", maybe(&detail.source)),
        ("correlation id", maybe(&detail.correlation_id)),
    ])
}
