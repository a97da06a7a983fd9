//! `bridged journal export`.

use std::io::{self, Write};
use std::path::Path;

use bridge_record::{InterceptionId, JournalReader, Record};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{CommandError, say};

/// Which records.
#[derive(Debug, clap::Args)]
pub(crate) struct What {
    /// Only those that the control plane has not acknowledged
    #[arg(long)]
    unacknowledged: bool,
    /// Only those of this interception
    #[arg(long, value_name = "ID")]
    interception: Option<InterceptionId>,
    /// Leave out damaged files that were set aside
    #[arg(long)]
    without_damaged: bool,
}

/// One line.
#[derive(Debug, Serialize)]
struct Line<'r> {
    file: &'r Path,
    sequence: u64,
    acknowledged: bool,
    /// The record's own time is in nanoseconds since 1970.
    time: Option<Timestamp>,
    record: &'r Record,
}

/// Prints one record a line, as far as the reader wants them.
pub(super) fn run(
    reader: &JournalReader,
    what: &What,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    // There is nowhere left to tell that standard error is closed.
    let _ignored = writeln!(
        io::stderr(),
        "bridged: these records hold what people asked and what models answered: keep them safe"
    );
    for file in reader.files()? {
        if what.without_damaged && file.is_aside {
            continue;
        }
        let Some(segment) = reader.read(&file)? else {
            continue;
        };
        for (sequence, record) in &segment.records {
            let acknowledged = *sequence <= reader.acknowledged();
            if what.wants(record, acknowledged) {
                print(&file.path, *sequence, acknowledged, record, out)?;
            }
        }
    }
    Ok(())
}

impl What {
    fn wants(&self, record: &Record, acknowledged: bool) -> bool {
        let is_of_it = self
            .interception
            .is_none_or(|wanted| record.interception == wanted);
        is_of_it && !(self.unacknowledged && acknowledged)
    }
}

fn print(
    file: &Path,
    sequence: u64,
    acknowledged: bool,
    record: &Record,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let line = Line {
        file,
        sequence,
        acknowledged,
        time: Timestamp::try_from(record.at).ok(),
        record,
    };
    let json = serde_json::to_string(&line);
    let json = json.map_err(|cause| CommandError::Output(io::Error::other(cause)))?;
    say(out, &(json + "\n"))
}
