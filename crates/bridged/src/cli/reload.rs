//! `bridged reload`: the server reads its configuration again.

use std::io::Write;

use http::Method;

use super::operator::OperatorArgs;
use super::{CommandError, Context, say, say_json};
use crate::reload_view::ReloadView;

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
    let taken: ReloadView = operator.api.send(Method::POST, "/reload", &()).await?;
    if args.json {
        return say_json(out, &taken);
    }
    say(out, &text(&taken))
}

fn text(taken: &ReloadView) -> String {
    let mut out = match &taken.file {
        Some(file) => format!("The server has taken {}", file.display()),
        None => "The server has taken its environment; there is no configuration file".to_owned(),
    };
    if let Some(generation) = taken.generation {
        out.push_str(&format!(" as generation {generation}"));
    }
    out.push_str(".\n");
    if taken.changed.is_empty() && taken.needs_restart.is_empty() {
        out.push_str("No setting has changed.\n");
    }
    for path in &taken.changed {
        out.push_str(&format!("  changed          {path}\n"));
    }
    for path in &taken.needs_restart {
        out.push_str(&format!("  needs a restart  {path}\n"));
    }
    for warning in &taken.warnings {
        out.push_str(&format!("warning: {warning}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_what_holds_and_what_waits() {
        let nothing = text(&ReloadView::default());
        assert!(nothing.contains("no configuration file"), "{nothing}");
        assert!(nothing.contains("No setting has changed."), "{nothing}");
        let taken = text(&ReloadView {
            file: Some("/etc/bridged.toml".into()),
            generation: Some(7),
            changed: vec!["log.level".to_owned()],
            needs_restart: vec!["listen.address".to_owned()],
            warnings: vec!["providers: look".to_owned()],
        });
        assert_eq!(
            taken,
            "The server has taken /etc/bridged.toml as generation 7.\n  \
             changed          log.level\n  needs a restart  listen.address\n\
             warning: providers: look\n"
        );
    }
}
