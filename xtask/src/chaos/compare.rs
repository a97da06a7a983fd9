//! The comparison, interception by interception: what the provider was asked and finished, and
//! what clients received, with what the control plane holds.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;

use super::ask::Ending;
use super::kept::Kept;
use super::ledger::{Answered, Ledger};

/// How many findings are told in words.
const TOLD: usize = 20;

/// A request of a client, and how it ended there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) mark: String,
    pub(super) prompt_sha256: String,
    pub(super) ending: Ending,
}

/// What is wrong, counted, and some of it in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Requests without an interception, answers without tokens or prompt.
    pub(super) missing: usize,
    /// A second interception, or a row that is there twice.
    pub(super) doubled: usize,
    /// Interceptions that are not whole: without an end, out of order, with wrong figures.
    pub(super) torn: usize,
    /// Answers that broke off where none may.
    pub(super) cut: usize,
    /// Requests that were not taken where all must be.
    pub(super) refused: usize,
    /// Further promises that were broken.
    pub(super) other: usize,
    told: Vec<String>,
}

impl Findings {
    /// A scenario, or a part of one, that was kept from its end.
    pub(super) fn not_run(cause: &(dyn std::error::Error + Send + Sync)) -> Self {
        let mut findings = Self::default();
        findings.other(format!("not run to its end: {cause}"));
        findings
    }

    pub(super) fn missing(&mut self, what: impl Display) {
        self.missing += 1;
        self.tell("missing", &what);
    }

    pub(super) fn doubled(&mut self, what: impl Display) {
        self.doubled += 1;
        self.tell("doubled", &what);
    }

    pub(super) fn torn(&mut self, what: impl Display) {
        self.torn += 1;
        self.tell("torn", &what);
    }

    pub(super) fn cut(&mut self, what: impl Display) {
        self.cut += 1;
        self.tell("cut", &what);
    }

    pub(super) fn refused(&mut self, what: impl Display) {
        self.refused += 1;
        self.tell("refused", &what);
    }

    pub(super) fn other(&mut self, what: impl Display) {
        self.other += 1;
        self.tell("broken", &what);
    }

    fn tell(&mut self, kind: &str, what: &dyn Display) {
        if self.told.len() < TOLD {
            self.told.push(format!("{kind}: {what}"));
        }
    }

    pub(super) fn told(&self) -> &[String] {
        &self.told
    }

    pub(super) fn is_clean(&self) -> bool {
        let Self {
            missing,
            doubled,
            torn,
            cut,
            refused,
            other,
            told: _,
        } = self;
        missing + doubled + torn + cut + refused + other == 0
    }

    /// Takes over what another look found.
    pub(super) fn add(&mut self, other: Self) {
        self.missing += other.missing;
        self.doubled += other.doubled;
        self.torn += other.torn;
        self.cut += other.cut;
        self.refused += other.refused;
        self.other += other.other;
        let room = TOLD.saturating_sub(self.told.len());
        self.told.extend(other.told.into_iter().take(room));
    }
}

/// Compares everything. Nothing may still be running.
pub(super) fn compare(made: &[Made], ledger: &Ledger, kept: &[Kept]) -> Findings {
    let mut findings = Findings::default();
    let mut by_mark: HashMap<&str, Vec<&Kept>> = HashMap::new();
    for kept in kept {
        by_mark.entry(&kept.mark).or_default().push(kept);
        whole(kept, ledger, &mut findings);
    }
    let marks: HashSet<&str> = made.iter().map(|made| made.mark.as_str()).collect();
    for kept in kept
        .iter()
        .filter(|kept| !marks.contains(kept.mark.as_str()))
    {
        findings.doubled(format!("{}: nobody made this request", name(kept)));
    }
    for made in made {
        let kept = by_mark.get(made.mark.as_str());
        let kept = kept.map(Vec::as_slice).unwrap_or_default();
        one(made, ledger, kept, &mut findings);
    }
    findings
}

/// One request: it has one interception if it reached the provider, and all of its answer is
/// remembered if its client has all of it.
fn one(made: &Made, ledger: &Ledger, kept: &[&Kept], findings: &mut Findings) {
    let asked = ledger.asked.get(&made.prompt_sha256);
    let asked = asked.map(Vec::as_slice).unwrap_or_default();
    if asked.len() > 1 {
        let times = asked.len();
        findings.doubled(format!(
            "{}: the provider was asked {times} times",
            made.mark
        ));
    }
    let kept = match kept {
        [] => {
            if !asked.is_empty() || made.ending == Ending::Whole {
                findings.missing(format!("{}: no interception", made.mark));
            }
            return;
        }
        [kept] => kept,
        [kept, others @ ..] => {
            let others = others.len();
            findings.doubled(format!("{}: {others} more interceptions", made.mark));
            kept
        }
    };
    let answer = asked.first().and_then(|asked| asked.answer.as_ref());
    if made.ending == Ending::Whole {
        match answer {
            Some(answer) => complete(made, answer, kept, findings),
            None => findings.torn(format!("{}: an answer from nowhere", made.mark)),
        }
    }
}

/// What must be remembered of an answer that its client has whole.
fn complete(made: &Made, answer: &Answered, kept: &Kept, findings: &mut Findings) {
    let name = name(kept);
    if kept.status != "completed" {
        let status = &kept.status;
        findings.torn(format!(
            "{name}: {status}, and its client has the whole answer"
        ));
    }
    let mut tokens = kept.tokens.iter();
    match tokens.find(|row| row.response_id == answer.response_id) {
        None => findings.missing(format!("{name}: no tokens of {}", answer.response_id)),
        Some(row) if row.counts != answer.counts || row.is_estimated => {
            let (got, wanted) = (row.counts.shown(), answer.counts.shown());
            findings.torn(format!(
                "{name}: tokens {got}, and the provider said {wanted}"
            ));
        }
        Some(_) => {}
    }
    if !kept.prompts.contains(&made.prompt_sha256) {
        findings.missing(format!("{name}: no prompt"));
    }
    if kept.tools.len() < answer.tools {
        let (got, wanted) = (kept.tools.len(), answer.tools);
        findings.missing(format!("{name}: {got} of {wanted} tool calls"));
    }
}

/// What holds of every interception, whatever became of its request.
fn whole(kept: &Kept, ledger: &Ledger, findings: &mut Findings) {
    let name = name(kept);
    let is_before = |one: &str, other: &str| one <= other;
    match &kept.ended_at {
        None => findings.torn(format!("{name}: it never ended")),
        Some(ended) if !is_before(&kept.started_at, ended) => {
            findings.torn(format!("{name}: it ended before it began"));
        }
        Some(ended) => {
            let is_inside = |at: &str| is_before(&kept.started_at, at) && is_before(at, ended);
            if !kept.tokens.iter().all(|row| is_inside(&row.created_at)) {
                findings.torn(format!(
                    "{name}: tokens from before it began or after it ended"
                ));
            }
        }
    }
    let ids = kept.tokens.iter().map(|row| row.response_id.as_str());
    for (rows, what) in [
        (repeated(ids), "tokens"),
        (repeated(kept.prompts.iter().map(String::as_str)), "prompts"),
        (
            repeated(kept.tools.iter().map(String::as_str)),
            "tool calls",
        ),
    ] {
        if rows > 0 {
            findings.doubled(format!("{name}: {rows} {what} more than once"));
        }
    }
    if kept.status == "completed" {
        let is_finished = |id: &str| ledger.is_finished(id);
        match kept.tokens.as_slice() {
            [] => findings.torn(format!("{name}: completed and without tokens")),
            tokens if !tokens.iter().all(|row| is_finished(&row.response_id)) => {
                findings.torn(format!(
                    "{name}: completed, and the provider did not finish"
                ));
            }
            _ => {}
        }
    }
}

/// How many are there more than once.
fn repeated<'t>(all: impl Iterator<Item = &'t str>) -> usize {
    let mut seen = HashSet::new();
    all.filter(|one| !seen.insert(*one)).count()
}

fn name(kept: &Kept) -> String {
    format!("{} ({})", kept.id, kept.mark)
}

#[cfg(test)]
mod tests;
