//! Every kind of provider failure, in every dialect, blocking and streaming: what the caller sees,
//! what is recorded, what becomes of the key and the breaker, and how often the provider is asked.
//!
//! `table.rs` says what must be, `docs/reference/faults.md` is that table for people.

mod cell;
mod fault;
mod http2;
mod page;
mod play;
mod seen;
mod site;
mod table;
mod voice;

use futures_util::stream::{self, StreamExt};

use self::cell::Stage;
use self::fault::faults;
use self::table::rows;
use self::voice::{Manner, VOICES};

/// How many faults are played on one stage: each takes six sockets that listen, and those of its
/// connections.
const ON_A_STAGE: usize = 15;

/// How many cells run at once. More would make the machine slow, and what is slow is a fault.
const AT_ONCE: usize = 30;

#[tokio::test]
async fn every_fault_is_answered_and_recorded_as_the_table_says() {
    let (table, mut wrong) = (rows(), Vec::new());
    for faults in faults().chunks(ON_A_STAGE) {
        let stage = Stage::open(faults).await;
        let cells = stream::iter(stage.cells()).map(|cell| stage.play(cell));
        let mut played: Vec<_> = cells.buffer_unordered(AT_ONCE).collect().await;
        played.sort_by_key(|(cell, _)| cell.number());
        for (cell, seen) in played {
            let row = table.iter().find(|row| row.fault == cell.fault());
            let wanted = row.and_then(|row| row.line(cell.manner(), cell.voice()));
            let wanted = wanted.map(|(_, line)| line);
            let seen = seen.to_string();
            if wanted != Some(seen.as_str()) {
                wrong.push(format!(
                    "{}, {} {}:\n  seen   {seen}\n  wanted {}",
                    cell.fault(),
                    cell.manner().as_str(),
                    cell.voice(),
                    wanted.unwrap_or("no word in the table")
                ));
            }
        }
        stage.close();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_cell_of_the_table_is_empty_and_none_is_for_nothing() {
    let names: Vec<_> = faults().iter().map(|fault| fault.name).collect();
    let rows = rows();
    let told: Vec<_> = rows.iter().map(|row| row.fault).collect();
    assert_eq!(names, told);
    for row in rows {
        for (whom, line) in &row.lines {
            let parts: Vec<_> = line.split(" | ").collect();
            assert_eq!(parts.len(), page::COLUMNS.len(), "{}: {line}", row.fault);
            assert!(parts.iter().all(|part| !part.trim().is_empty()), "{line}");
            let is_used = Manner::ALL.iter().any(|manner| {
                let mut voices = VOICES.iter();
                voices.any(|voice| {
                    row.line(*manner, voice.name)
                        .is_some_and(|(by, _)| by == *whom)
                })
            });
            assert!(is_used, "{}: {whom} is for nothing", row.fault);
        }
        for manner in Manner::ALL {
            for voice in &VOICES {
                let line = row.line(manner, voice.name);
                assert!(line.is_some(), "{}: {}", row.fault, voice.name);
            }
        }
    }
}

#[test]
fn the_page_of_faults_is_the_table() {
    let committed = include_str!("../../../../docs/reference/faults.md");
    let page = page::markdown();
    if committed != page {
        let written = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults.md");
        std::fs::write(written, page).unwrap();
        panic!(
            "docs/reference/faults.md is another table: copy {written} there and read the difference"
        );
    }
}
