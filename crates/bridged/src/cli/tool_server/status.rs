//! `bridged tool-server status`: how the running gateway finds tool servers.

use std::io::Write;

use super::super::operator::Operator;
use super::super::{CommandError, say, say_json, table};
use crate::tool_server_view::{CallersView, ToolServerStatusView};

const NOTHING: &str =
    "No request has opened a tool server yet: a gateway speaks to them for users who are here.";

pub(super) async fn status(
    operator: &Operator,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let servers: Vec<ToolServerStatusView> = operator.api.fetch("/tool-server-status").await?;
    if json {
        return say_json(out, &servers);
    }
    let header = [
        "TOOL SERVER",
        "STATUS",
        "TOOLS",
        "CALLERS",
        "REASON",
        "ADDRESS",
    ];
    let rows = servers.iter().map(row).collect();
    say(out, &table::table(&header, rows, NOTHING))
}

fn row(server: &ToolServerStatusView) -> Vec<String> {
    vec![
        table::line(&server.name),
        table::line(&server.status),
        tools(server.tools, server.unusable_tools),
        callers(server.callers),
        table::or_dash(server.reason.as_deref()),
        table::line(&server.url),
    ]
}

/// Those that cannot be offered are told beside the others.
fn tools(count: usize, unusable: usize) -> String {
    match unusable {
        0 => count.to_string(),
        unusable => format!("{count} ({unusable} unusable)"),
    }
}

/// What is none is not told.
fn callers(callers: CallersView) -> String {
    let told = [
        (callers.open, "open"),
        (callers.opening, "opening"),
        (callers.failing, "failing"),
        (callers.no_credential, "without credential"),
    ];
    let told = told.iter().filter(|(count, _)| *count > 0);
    let told: Vec<_> = told.map(|(count, how)| format!("{count} {how}")).collect();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_none_is_not_told() {
        let of = |open, opening, failing, no_credential| CallersView {
            open,
            opening,
            failing,
            no_credential,
        };
        assert_eq!(callers(of(0, 0, 0, 0)), "");
        assert_eq!(
            callers(of(3, 0, 1, 2)),
            "3 open, 1 failing, 2 without credential"
        );
        assert_eq!(callers(of(0, 1, 0, 0)), "1 opening");
        assert_eq!(
            (tools(3, 0).as_str(), tools(3, 2).as_str()),
            ("3", "3 (2 unusable)")
        );
    }
}
