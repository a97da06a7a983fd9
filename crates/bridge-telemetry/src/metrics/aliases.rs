//! The same figures under the names of another gateway, so that its dashboards and alerts go on.
//!
//! Aliases are made from what is exposed, at each scrape: counting knows nothing of them. Where the
//! other names fewer labels or values apart, samples are added up, and of states the worst counts.

mod table;

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU8, Ordering};

use self::table::{ALIASES, Alias, Join};
use super::catalogue::PREFIX;

/// Under which other names figures are exposed, besides their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aliases {
    /// Under none.
    #[default]
    Off,
    /// `coder_ai_gateway_...`.
    Current,
    /// `coder_aibridged_...`.
    Legacy,
    /// Both.
    Both,
}

impl Aliases {
    fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Off => &[],
            Self::Current => &["coder_ai_gateway"],
            Self::Legacy => &["coder_aibridged"],
            Self::Both => &["coder_ai_gateway", "coder_aibridged"],
        }
    }
}

/// Aliases that can be switched while the process runs.
#[derive(Debug, Default)]
pub(super) struct AliasSwitch(AtomicU8);

impl AliasSwitch {
    pub(super) fn set(&self, aliases: Aliases) {
        self.0.store(aliases as u8, Ordering::Relaxed);
    }

    fn is(&self) -> Aliases {
        let now = self.0.load(Ordering::Relaxed);
        [Aliases::Current, Aliases::Legacy, Aliases::Both]
            .into_iter()
            .find(|aliases| *aliases as u8 == now)
            .unwrap_or_default()
    }

    /// The aliases of what is exposed.
    pub(super) fn of(&self, exposed: &str) -> String {
        let (prefixes, mut text) = (self.is().prefixes(), String::new());
        if prefixes.is_empty() {
            return text;
        }
        for alias in &ALIASES {
            let found = Found::read(alias, exposed);
            for prefix in prefixes {
                found.write(alias, prefix, &mut text);
            }
        }
        text
    }
}

/// Families by their own names, with their other names after the prefix.
pub(super) fn names() -> impl Iterator<Item = (String, String)> {
    ALIASES.iter().map(|alias| {
        let whole = |name: &str| format!("{name}{}", if alias.is_counter { "_total" } else { "" });
        (
            format!("{PREFIX}_{}", whole(alias.ours)),
            whole(alias.theirs),
        )
    })
}

/// What is exposed of one family, by the labels that the other has.
#[derive(Debug, Default)]
struct Found<'t> {
    help: &'t str,
    kind: &'t str,
    /// By the end of the sample's name and its labels, with the place in the order of ours: the
    /// buckets of a histogram must stand in theirs.
    samples: HashMap<(&'t str, String), (usize, f64)>,
}

impl<'t> Found<'t> {
    fn read(alias: &Alias, exposed: &'t str) -> Self {
        let mut found = Self::default();
        for line in exposed.lines() {
            if let Some(help) = of_family(line.strip_prefix("# HELP "), alias.ours) {
                found.help = help;
            } else if let Some(kind) = of_family(line.strip_prefix("# TYPE "), alias.ours) {
                found.kind = kind;
            } else if let Some((end, labels, value)) = sample(line, alias.ours) {
                let key = (end, alias.labels(labels));
                let place = found.samples.len();
                let (_, held) = found.samples.entry(key).or_insert((place, 0.0));
                *held = match alias.join {
                    Join::Sum => *held + value,
                    Join::Worst => held.max(value),
                };
            }
        }
        found
    }

    fn write(&self, alias: &Alias, prefix: &str, text: &mut String) {
        if self.samples.is_empty() {
            return;
        }
        let (name, help, kind) = (alias.theirs, self.help, self.kind);
        // Writing to a String cannot fail.
        let _ignored = writeln!(
            text,
            "# HELP {prefix}_{name} {help}\n# TYPE {prefix}_{name} {kind}"
        );
        let mut samples: Vec<_> = self.samples.iter().collect();
        samples.sort_by_key(|(_, (place, _))| *place);
        for ((end, labels), (_, value)) in samples {
            let _ignored = writeln!(text, "{prefix}_{name}{end}{labels} {value}");
        }
    }
}

/// What a comment says of our family of this name, which has no prefix here.
fn of_family<'t>(comment: Option<&'t str>, ours: &str) -> Option<&'t str> {
    let rest = comment?.strip_prefix(PREFIX)?.strip_prefix('_')?;
    rest.strip_prefix(ours)?.strip_prefix(' ')
}

/// A sample of our family of this name: the end of its name, its labels and its value.
fn sample<'t>(line: &'t str, ours: &str) -> Option<(&'t str, &'t str, f64)> {
    let rest = line.strip_prefix(PREFIX)?.strip_prefix('_')?;
    let rest = rest.strip_prefix(ours)?;
    let (name, value) = rest.rsplit_once(' ')?;
    let (end, labels) = match name.split_once('{') {
        Some((end, labels)) => (end, labels.strip_suffix('}')?),
        None => (name, ""),
    };
    let is_end = matches!(end, "" | "_total" | "_bucket" | "_sum" | "_count");
    is_end.then_some((end, labels, value.parse().ok()?))
}

impl Alias {
    /// Our labels as the other spells them, in its order.
    fn labels(&self, ours: &str) -> String {
        let ours = pairs(ours);
        let of = |name: &str| {
            let found = ours.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(self.labels.len() + 1);
        for label in self.labels {
            let value = match label.ours {
                Some(name) => of(name).unwrap_or_default(),
                None => label.always,
            };
            let renamed = label.values.iter().find(|(ours, _)| *ours == value);
            pairs.push((label.theirs, renamed.map_or(value, |(_, theirs)| *theirs)));
        }
        pairs.extend(of("le").map(|bound| ("le", bound)));
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
        match pairs.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", pairs.join(",")),
        }
    }
}

/// Names and values of labels. Values stay as they are spelled, escapes included.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let (mut rest, mut pairs) = (text, Vec::new());
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut is_escaped = false;
        let end = after.find(|letter: char| {
            let is_end = letter == '"' && !is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
            is_end
        });
        let Some((value, more)) = end.and_then(|end| after.split_at_checked(end)) else {
            break;
        };
        pairs.push((name.trim_start_matches(','), value));
        rest = more.strip_prefix('"').unwrap_or_default();
    }
    pairs
}

#[cfg(test)]
mod tests;
