//! `bridged journal replay`.

use std::io::Write;
use std::path::{Path, PathBuf};

use bridge_auth::Secret;
use bridge_record::{JournalFile, JournalReader, Replayed};
use bridge_telemetry::{LogConfig, Logging};
use slog::Level;

use crate::cli::serve::ControlArgs;
use crate::cli::{CommandError, Context, say};
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::wiring::ReplayTarget;
use crate::wiring::recording::JOURNAL;

/// How many refusals are told one by one.
const SHOWN: usize = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// Only these files, like those in the folder of damaged ones [default: all]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    control: ControlArgs,
}

/// Delivers and says what became of it. Without a control plane elsewhere it takes the data folder
/// for itself, because a running server holds the store.
pub(super) async fn run(
    replay: &Replay,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let environment = replay.control.lay_over(context.environment);
    let loaded = Config::load(context.config, &environment)?;
    let log = LogConfig {
        level: Level::Warning,
        format: loaded.config.log.format,
    };
    let (_logging, logger) = Logging::start(log);
    let place = &loaded.config.data_folder;
    let reader = JournalReader::open(&place.join(JOURNAL))?;
    let files = choose(&reader, &replay.files)?;
    let (_folder, token) = claim(&loaded.config)?;
    let target = ReplayTarget::start(&loaded, place, token, &logger).await?;
    let replayed = reader.replay(&files, target.sink()).await;
    target.stop(&logger).await;
    say(out, &text(files.len(), &replayed?))
}

/// The data folder, when its store is needed, and the token of the control plane in it.
fn claim(config: &Config) -> Result<(Option<DataFolder>, Secret), CommandError> {
    if config.control.is_some() {
        return Ok((None, Secret::new(String::new())));
    }
    let folder = DataFolder::open(&config.data_folder)?;
    let token = folder.admin_token_unless(config.admin_token.as_ref())?;
    Ok((Some(folder), token))
}

/// All files, or those with these names.
fn choose(reader: &JournalReader, named: &[PathBuf]) -> Result<Vec<JournalFile>, CommandError> {
    let all = reader.files()?;
    if named.is_empty() {
        return Ok(all);
    }
    let find = |path: &PathBuf| {
        let is_it = |file: &&JournalFile| is_same(&file.path, path);
        let found = all.iter().find(is_it).cloned();
        found.ok_or_else(|| {
            CommandError::Usage(format!(
                "{} is no file of the journal: see `bridged journal status`",
                path.display()
            ))
        })
    };
    named.iter().map(find).collect()
}

fn is_same(file: &Path, named: &Path) -> bool {
    match (file.canonicalize(), named.canonicalize()) {
        (Ok(file), Ok(named)) => file == named,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => {
            file.file_name() == named.file_name() && named.components().count() == 1
        }
    }
}

fn text(files: usize, replayed: &Replayed) -> String {
    let mut out = format!(
        "{files} files: {} records delivered (those that were there before count once), {} refused, \
         {} damaged places passed over\n",
        replayed.delivered,
        replayed.rejected.len(),
        replayed.faults
    );
    for refusal in replayed.rejected.iter().take(SHOWN) {
        out.push_str(&format!(
            "  refused: record {}: {}\n",
            refusal.id, refusal.reason
        ));
    }
    out
}
