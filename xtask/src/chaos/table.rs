//! The table at the end.

use std::time::Duration;

use super::compare::Findings;
use crate::clock;

/// One scenario, done.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) scenario: &'static str,
    /// What was done, with numbers.
    pub(super) done: Vec<String>,
    pub(super) findings: Findings,
    pub(super) took: Duration,
}

/// The table, one line for each scenario, with what was done below.
pub(super) fn table(rows: &[Row]) -> String {
    let head = [
        "scenario", "missing", "doubled", "torn", "cut", "refused", "other", "time", "verdict",
    ];
    let mut text = line(&head.map(str::to_owned));
    text.push_str(&format!("{}\n", "-".repeat(86)));
    for row in rows {
        let found = &row.findings;
        let verdict = if found.is_clean() { "PASS" } else { "FAIL" };
        text.push_str(&line(&[
            row.scenario.to_owned(),
            found.missing.to_string(),
            found.doubled.to_string(),
            found.torn.to_string(),
            found.cut.to_string(),
            found.refused.to_string(),
            found.other.to_string(),
            clock::shown(row.took),
            verdict.to_owned(),
        ]));
        for done in &row.done {
            text.push_str(&format!("    {done}\n"));
        }
    }
    text
}

fn line(cells: &[String; 9]) -> String {
    let widths = [12, 8, 8, 8, 8, 8, 8, 14, 8];
    let mut text = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        text.push_str(&match at {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_shows() {
        let mut findings = Findings::default();
        findings.missing("one".to_owned());
        let row = |scenario, findings| Row {
            scenario,
            done: vec!["three things".to_owned()],
            findings,
            took: Duration::from_secs(75),
        };
        let text = table(&[row("kill", findings), row("wire", Findings::default())]);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[2].starts_with("kill") && lines[2].ends_with("FAIL"));
        assert!(lines[2].contains("1 min 15 s"));
        assert!(lines[4].starts_with("wire") && lines[4].ends_with("PASS"));
        assert_eq!(lines[5].trim(), "three things");
    }
}
