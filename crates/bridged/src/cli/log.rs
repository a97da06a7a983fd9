//! `bridged log`: what the running server logs.

use std::io::Write;

use bridge_telemetry::LogConfig;
use clap::Subcommand;
use http::Method;

use super::operator::OperatorArgs;
use super::{CommandError, Context, say, say_json};
use crate::log_view::{LogView, SetLevel};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show from which level on the server logs, or change it until it is reset
    Level(LevelArgs),
}

#[derive(Debug, clap::Args)]
struct LevelArgs {
    /// trace, debug, info, warning, error or critical; without one the level is shown
    #[arg(value_name = "LEVEL", conflicts_with = "reset")]
    level: Option<String>,
    /// Go back to the configured level
    #[arg(long)]
    reset: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(
    args: Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let Command::Level(wanted) = args.command;
    let level = wanted.level.as_deref().map(LogConfig::parse_level);
    let level = level.transpose();
    let level = level.map_err(|problem| CommandError::Usage(problem.to_string()))?;
    let api = args.operator.connect(context)?.api;
    let view: LogView = match (level, wanted.reset) {
        (Some(level), _) => {
            let level = LogConfig::level_name(level).to_owned();
            api.send(Method::PUT, "/log", &SetLevel { level }).await?
        }
        (None, true) => api.send(Method::DELETE, "/log", &()).await?,
        (None, false) => api.fetch("/log").await?,
    };
    if wanted.json {
        return say_json(out, &view);
    }
    say(out, &text(&view))
}

fn text(view: &LogView) -> String {
    let LogView { level, configured } = view;
    if view.is_set_by_hand() {
        return format!(
            "The server logs from {level} on. {configured} is configured: `bridged log level \
             --reset` goes back to it.\n"
        );
    }
    format!("The server logs from {level} on, as it is configured.\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_how_to_go_back() {
        let view = |level: &str| LogView {
            level: level.to_owned(),
            configured: "info".to_owned(),
        };
        let usual = text(&view("info"));
        assert!(
            usual.contains("from info on, as it is configured"),
            "{usual}"
        );
        let changed = text(&view("trace"));
        assert!(
            changed.contains("from trace on. info is configured"),
            "{changed}"
        );
        assert!(changed.contains("--reset"), "{changed}");
    }
}
