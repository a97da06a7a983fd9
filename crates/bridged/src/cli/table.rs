//! Tables and texts for a terminal.
//!
//! What callers and models wrote is shown without control characters: a prompt must not be able to
//! move the cursor of the operator who reads it.

use std::fmt::Write as _;

use comfy_table::{Table, presets};
use jiff::Timestamp;

/// How many items a list shows unless told otherwise.
pub(crate) const USUAL_ITEMS: usize = 50;

/// A table of these rows, or what `nothing` says when there are none.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>, nothing: &str) -> String {
    if rows.is_empty() {
        return format!("{nothing}\n");
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    format!("{table}\n")
}

/// Names and values, one a line. Absent values are left out.
pub(crate) fn facts(pairs: &[(&str, Option<String>)]) -> String {
    let present = pairs
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let mut out = String::new();
    for (name, value) in present {
        let _infallible = writeln!(out, "{name:<22} {value}");
    }
    out
}

/// Says that a list goes on.
pub(crate) fn more(has_more: bool) -> &'static str {
    if has_more {
        "There are more: raise --limit.\n"
    } else {
        ""
    }
}

/// A time to the second, in UTC.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time, or a dash.
pub(crate) fn time_or_dash(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), time)
}

/// A text, or a dash.
pub(crate) fn or_dash(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), line)
}

/// A text in one line.
pub(crate) fn line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(visible).collect();
    words.join(" ")
}

/// The first `most` characters of a text in one line.
pub(crate) fn excerpt(text: &str, most: usize) -> String {
    let line = line(text);
    if line.chars().count() <= most {
        return line;
    }
    let start: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}\u{2026}", start.trim_end())
}

/// A text with its lines, each set in a little.
pub(crate) fn block(text: &str) -> String {
    let lines = text.lines().map(|line| format!("  {}\n", visible(line)));
    lines.collect()
}

fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if moves_the_cursor(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Control characters, and those of Unicode's bidirectional algorithm that reorder a line.
fn moves_the_cursor(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_flattened() {
        let check = |text: &str, most: usize, wanted: &str| {
            assert_eq!(excerpt(text, most), wanted, "{text}");
        };
        check("short", 10, "short");
        check("a\n  b\tc", 10, "a b c");
        check("one two three", 8, "one two\u{2026}");
        check("\u{e4}\u{f6}\u{fc}\u{df}", 3, "\u{e4}\u{f6}\u{2026}");
        check("", 3, "");
    }

    #[test]
    fn nothing_moves_the_cursor() {
        let hostile = "a\u{1b}[2Jb\u{9b}1mc\u{202e}d\re";
        for shown in [line(hostile), excerpt(hostile, 50), block(hostile)] {
            let bad = shown.chars().any(|c| c != '\n' && moves_the_cursor(c));
            assert!(!bad, "{shown:?}");
        }
    }

    #[test]
    fn empty_lists_say_so() {
        assert_eq!(table(&["A"], Vec::new(), "no users"), "no users\n");
        let text = table(&["A"], vec![vec!["x".to_owned()]], "no users");
        assert!(text.contains("A") && text.contains("x"), "{text}");
    }
}
