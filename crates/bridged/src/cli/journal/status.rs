//! `bridged journal status`.

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use bridge_record::{JournalFile, JournalReader};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{CommandError, say, say_json, table};

/// What is in a journal.
#[derive(Debug, Serialize)]
struct Status {
    folder: String,
    segments: usize,
    bytes: u64,
    /// Whole records that the control plane has not acknowledged.
    unacknowledged: u64,
    /// When the oldest of them was made.
    oldest: Option<Timestamp>,
    /// Damaged places in segments that were not set aside.
    faults: usize,
    /// Files that were set aside because they are damaged.
    set_aside: Vec<String>,
}

pub(super) fn run(
    folder: &Path,
    reader: &JournalReader,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let status = look(folder, reader)?;
    if json {
        return say_json(out, &status);
    }
    say(out, &text(&status))
}

fn look(folder: &Path, reader: &JournalReader) -> Result<Status, CommandError> {
    let (aside, own): (Vec<_>, Vec<_>) =
        reader.files()?.into_iter().partition(|file| file.is_aside);
    let mut status = Status {
        folder: folder.display().to_string(),
        segments: own.len(),
        bytes: own.iter().map(|file| file.bytes).sum(),
        unacknowledged: 0,
        oldest: None,
        faults: 0,
        set_aside: aside.iter().map(shown).collect(),
    };
    reader.verify(|segment| {
        status.faults += segment.faults.len();
        let records = segment.records.iter();
        for (_, record) in records.filter(|(seq, _)| *seq > reader.acknowledged()) {
            status.unacknowledged += 1;
            let at = time(record.at);
            status.oldest = status.oldest.into_iter().chain(at).min();
        }
    })?;
    Ok(status)
}

fn shown(file: &JournalFile) -> String {
    file.path.display().to_string()
}

fn time(at: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(at).ok()
}

fn text(status: &Status) -> String {
    let aside = status.set_aside.len();
    let mut out = table::facts(&[
        ("folder", Some(status.folder.clone())),
        ("segments", Some(status.segments.to_string())),
        ("bytes", Some(status.bytes.to_string())),
        (
            "not acknowledged",
            Some(format!("{} records", status.unacknowledged)),
        ),
        ("the oldest of them", status.oldest.map(table::time)),
        ("damaged places", Some(status.faults.to_string())),
        ("set aside", Some(format!("{aside} files"))),
    ]);
    for file in &status.set_aside {
        out.push_str(&format!("  {file}\n"));
    }
    out
}
