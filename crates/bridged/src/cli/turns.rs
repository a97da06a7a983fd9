//! `bridged turns`: the requests that run now, also while the server drains.

use std::io::Write;

use super::operator::OperatorArgs;
use super::table;
use super::{CommandError, Context, say, say_json};
use crate::turn_view::TurnView;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    operator: OperatorArgs,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(
    args: &Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let operator = args.operator.connect(context)?;
    let turns: Vec<TurnView> = operator.api.fetch("/turns").await?;
    if args.json {
        return say_json(out, &turns);
    }
    let header = [
        "FOR", "USER", "CLIENT", "PROVIDER", "ROUTE", "MODEL", "STATUS", "BYTES", "GEN", "ID",
    ];
    let rows = turns.iter().map(row).collect();
    say(out, &table::table(&header, rows, "No request runs."))
}

fn row(turn: &TurnView) -> Vec<String> {
    let route = match (turn.route.as_deref(), turn.passthrough) {
        (Some(route), true) => format!("{route} (passthrough)"),
        (Some(route), false) => route.to_owned(),
        // Nobody knows yet who asks.
        (None, _) => format!("{} {}", turn.method, turn.path),
    };
    vec![
        elapsed(turn.elapsed_ms),
        table::or_dash(turn.username.as_deref()),
        table::or_dash(turn.client.as_deref()),
        table::or_dash(turn.provider.as_deref()),
        table::line(&route),
        table::or_dash(turn.model.as_deref()),
        turn.status
            .map_or_else(|| "-".to_owned(), |status| status.to_string()),
        turn.bytes.to_string(),
        turn.generation.to_string(),
        table::line(&turn.id),
    ]
}

/// Minutes and seconds, for people.
fn elapsed(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds / 60 {
        0 => format!("{seconds}.{} s", milliseconds % 1_000 / 100),
        minutes => format!("{minutes}:{:02} min", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_row_says_what_is_known() {
        let unknown = TurnView {
            id: "0190".to_owned(),
            user_id: None,
            username: None,
            key_id: None,
            client: None,
            provider: None,
            route: None,
            model: None,
            passthrough: false,
            method: "POST".to_owned(),
            path: "/anthropic/\u{1b}[2J".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            elapsed_ms: 1_250,
            status: None,
            bytes: 0,
            generation: 3,
        };
        assert_eq!(
            row(&unknown).join("|"),
            "1.2 s|-|-|-|POST /anthropic/\u{fffd}[2J|-|-|0|3|0190"
        );
        let known = TurnView {
            username: Some("ada".to_owned()),
            client: Some("Codex".to_owned()),
            provider: Some("openai".to_owned()),
            route: Some("/v1/models".to_owned()),
            passthrough: true,
            elapsed_ms: 125_000,
            status: Some(200),
            bytes: 7,
            ..unknown
        };
        assert_eq!(
            row(&known).join("|"),
            "2:05 min|ada|Codex|openai|/v1/models (passthrough)|-|200|7|3|0190"
        );
    }
}
