//! The table as a page for people.

use std::fmt::Write as _;

use super::fault::faults;
use super::table::{Row, rows};
use super::voice::{Manner, VOICES};

/// What is said of each cell, in this order.
pub(super) const COLUMNS: [&str; 6] = [
    "The caller sees",
    "Recorded",
    "Tokens",
    "Key",
    "Breaker",
    "Attempts",
];

const FRONT: &str = "# When a provider fails

What becomes of a request when its provider does something wrong, for recorded routes of all three dialects, with one key and the settings that hold when nothing is said.
A test plays every line over real sockets, and this page is its table.
Where lines differ by dialect, each has its own; *messages* is Anthropic's, *chat* and *responses* are OpenAI's.

*The gateway's error* is a JSON body in the shape of the caller's dialect.
*The gateway's error event* is an event in that shape, and nothing that ends a stream well follows it.
*The provider's bytes* are relayed as they came, with its status and its headers for callers.
*Cut* says that the body ends before its framing does, so that no client takes it for whole.
*Recorded* has the outcome, the kind of the error, and the provider's status if there was one.
*Breaker* says whether the call counts as a failure that opens a breaker; breakers are off unless they are set, and here one failure opens them.
*Attempts* are the requests that the provider got, or the connections where none came that far.
With several keys the next one is asked when one cools; see [failing-providers.md](../operators/failing-providers.md), which also has the settings.
";

/// The page.
pub(super) fn markdown() -> String {
    let mut page = FRONT.to_owned();
    for (fault, row) in faults().iter().zip(rows()) {
        let _infallible = write!(page, "\n## {}\n\n{}\n\n", fault.name, fault.does);
        let _infallible = writeln!(page, "| | {} |", COLUMNS.join(" | "));
        let _infallible = writeln!(page, "|---{}|", "|---".repeat(COLUMNS.len()));
        for (whom, line) in lines(&row) {
            let _infallible = writeln!(page, "| {whom} | {line} |");
        }
    }
    page
}

/// The lines of a row, each with those it is for.
fn lines(row: &Row) -> Vec<(String, &'static str)> {
    let mut lines: Vec<(String, &'static str)> = Vec::new();
    for manner in Manner::ALL {
        let mut of_manner: Vec<(Vec<&str>, &'static str)> = Vec::new();
        for voice in &VOICES {
            let Some((_, line)) = row.line(manner, voice.name) else {
                continue;
            };
            match of_manner.iter_mut().find(|(_, other)| *other == line) {
                Some((names, _)) => names.push(voice.name),
                None => of_manner.push((vec![voice.name], line)),
            }
        }
        for (names, line) in of_manner {
            let is_all = names.len() == VOICES.len();
            let names = if is_all {
                String::new()
            } else {
                format!(", {}", names.join(", "))
            };
            lines.push((format!("{}{names}", manner.as_str()), line));
        }
    }
    match lines.as_slice() {
        [(_, one), (_, other)] if one == other => vec![("both".to_owned(), one)],
        _ => lines,
    }
}
