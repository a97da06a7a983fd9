//! Token figures of several rounds.

use crate::json::{Patch, Value, quoted};

/// How many figures one object may have, and how deeply objects of them may be nested. Providers
/// have about ten in two levels.
const MOST: usize = 64;
const DEEPEST: usize = 4;

/// The longest name of a figure, in bytes.
const LONGEST_NAME: usize = 128;

/// Whole numbers by their names, with objects of them, as providers write usage. Everything else
/// that stands there is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Figures(Vec<(String, Figure)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Figure {
    Count(u64),
    Group(Figures),
}

impl Figures {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hears figures of the same answer: those that are said again replace what was said before.
    pub(crate) fn hear(&mut self, usage: Value<'_>) {
        self.hear_at(usage, 0);
    }

    fn hear_at(&mut self, usage: Value<'_>, depth: usize) {
        for (name, value) in usage.members().take(MOST) {
            if name.len() > LONGEST_NAME {
                continue;
            }
            if let Some(count) = whole_number(value) {
                self.put(&name, Figure::Count(count));
            } else if value.is_object() && depth < DEEPEST {
                let mut group = self.take_group(&name);
                group.hear_at(value, depth + 1);
                self.put(&name, Figure::Group(group));
            }
        }
    }

    /// Adds those of another answer.
    pub(crate) fn add(&mut self, other: &Self) {
        for (name, figure) in &other.0 {
            let sum = match (self.get(name), figure) {
                (Some(Figure::Count(one)), Figure::Count(two)) => {
                    Figure::Count(one.saturating_add(*two))
                }
                (Some(Figure::Group(_)), Figure::Group(group)) => {
                    let mut sum = self.take_group(name);
                    sum.add(group);
                    Figure::Group(sum)
                }
                // What changes its sort from answer to answer has no sum.
                (_, figure) => figure.clone(),
            };
            self.put(name, sum);
        }
    }

    /// Gives an object these figures, in their places where it has any, and behind all others where
    /// it does not.
    pub(crate) fn write_into<'a>(&self, object: Value<'a>, patch: &mut Patch<'a>) {
        for (name, figure) in &self.0 {
            match (object.get(name), figure) {
                (None, figure) => patch.add(object, name, figure.to_string()),
                (Some(value), Figure::Group(group)) if value.is_object() => {
                    group.write_into(value, patch);
                }
                (Some(value), Figure::Count(count)) if whole_number(value) == Some(*count) => {}
                (Some(value), figure) if is_replaceable(value) => {
                    patch.replace(value, figure.to_string());
                }
                (Some(_), _) => {}
            }
        }
    }

    fn get(&self, name: &str) -> Option<&Figure> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, figure)| figure)
    }

    fn take_group(&mut self, name: &str) -> Self {
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, Figure::Group(group))) => std::mem::take(group),
            Some((_, Figure::Count(_))) | None => Self::default(),
        }
    }

    fn put(&mut self, name: &str, figure: Figure) {
        if let Some((_, old)) = self.0.iter_mut().find(|(other, _)| other == name) {
            *old = figure;
        } else if self.0.len() < MOST {
            self.0.push((name.to_owned(), figure));
        }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Group(group) => group.fmt(f),
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("{")?;
        for (place, (name, figure)) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}{}:{figure}", quoted(name))?;
        }
        f.write_str("}")
    }
}

/// A number without a sign, a point or an exponent.
fn whole_number(value: Value<'_>) -> Option<u64> {
    let raw = std::str::from_utf8(value.raw()?).ok()?;
    let is_whole = raw.bytes().all(|byte| byte.is_ascii_digit());
    raw.parse().ok().filter(|_| is_whole)
}

/// A figure, or a null where there could be one.
fn is_replaceable(value: Value<'_>) -> bool {
    whole_number(value).is_some() || !value.is_something()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(usage: &str) -> Figures {
        let mut figures = Figures::default();
        figures.hear(Value::new(usage.as_bytes()));
        figures
    }

    fn written(figures: &Figures, usage: &str) -> String {
        let mut patch = Patch::new(usage.as_bytes());
        figures.write_into(Value::new(usage.as_bytes()), &mut patch);
        String::from_utf8(patch.into_vec()).unwrap()
    }

    #[test]
    fn figures_are_added_by_name() {
        let mut sum = of(r#"{"in":1,"out":2,"by":{"age":3,"x":null},"tier":"standard"}"#);
        sum.add(&of(r#"{"out":40,"by":{"age":50,"size":60},"new":{"a":1}}"#));
        let last = r#"{ "out" : 40, "tier":"standard","by":{"age":50,"size":60},"new":null}"#;
        let expected =
            r#"{ "out" : 42, "tier":"standard","by":{"age":53,"size":60},"new":{"a":1},"in":1}"#;
        assert_eq!(written(&sum, last), expected);
        assert_eq!(written(&sum, "{}"), sum.to_string());
    }

    #[test]
    fn what_is_said_again_replaces() {
        let mut figures = of(r#"{"in":1,"out":2,"by":{"a":1,"b":2}}"#);
        figures.hear(Value::new(br#"{"out":9,"by":{"b":3}}"#));
        assert_eq!(
            figures.to_string(),
            r#"{"in":1,"out":9,"by":{"a":1,"b":3}}"#
        );
    }

    #[test]
    fn what_is_no_count_stays() {
        let figures = of(r#"{"a":1.5,"b":-1,"c":"2","d":[1],"e":1e3,"f":99999999999999999999}"#);
        assert!(figures.is_empty());
        let mut sum = of(r#"{"a":18446744073709551615}"#);
        sum.add(&of(r#"{"a":1}"#));
        assert_eq!(written(&sum, r#"{"a":0}"#), r#"{"a":18446744073709551615}"#);
        assert_eq!(written(&sum, r#"{"a":0.5}"#), r#"{"a":0.5}"#);
    }

    #[test]
    fn figures_are_bounded() {
        let many: Vec<String> = (0..1_000).map(|at| format!("\"{at}\":1")).collect();
        assert_eq!(of(&format!("{{{}}}", many.join(","))).0.len(), MOST);
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
        assert!(of(&deep).to_string().len() < 64);
    }
}
