//! `bridged journal verify`.

use std::fmt::Write as _;
use std::io::Write;

use bridge_record::{JournalReader, SegmentContent};

use crate::cli::{CommandError, say};

/// Says of every segment what is wrong with it. Fails when something is.
pub(super) fn run(reader: &JournalReader, out: &mut dyn Write) -> Result<(), CommandError> {
    let (mut text, mut faults, mut segments) = (String::new(), 0, 0);
    reader.verify(|segment| {
        segments += 1;
        faults += segment.faults.len();
        describe(segment, &mut text);
    })?;
    let aside = reader
        .files()?
        .into_iter()
        .filter(|file| file.is_aside)
        .count();
    if aside > 0 {
        let _infallible = writeln!(text, "{aside} damaged files were set aside before");
    }
    let _infallible = writeln!(text, "{segments} segments, {faults} damaged places");
    say(out, &text)?;
    match faults {
        0 => Ok(()),
        faults => Err(CommandError::Damaged(faults)),
    }
}

fn describe(segment: &SegmentContent, text: &mut String) {
    let path = segment.file.path.display();
    let mut line = |rest: std::fmt::Arguments<'_>| {
        let _infallible = writeln!(text, "{path}: {rest}");
    };
    for fault in &segment.faults {
        line(format_args!("byte {}: {}", fault.offset, fault.what));
    }
    if let Some(at) = segment.torn_at {
        line(format_args!(
            "byte {at}: the last group is not whole: it is being written, or nobody waits for it"
        ));
    }
    if segment.faults.is_empty() {
        line(format_args!("{} records are whole", segment.records.len()));
    }
}
