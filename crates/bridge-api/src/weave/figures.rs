//! Token figures of several rounds.

use crate::json::{Patch, Value, quoted};

/// How many figures there may be in all, and how deeply objects of them may be nested. Providers
/// have about ten in two levels.
const MOST: usize = 64;
const DEEPEST: usize = 4;

/// The longest name of a figure, in bytes.
const LONGEST_NAME: usize = 128;

/// Numbers by their names, with objects of them, as providers write usage. Everything else that
/// stands there is passed over, and so is what is less than nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Figures(Vec<(String, Figure)>);

#[derive(Debug, Clone, PartialEq)]
enum Figure {
    Count(u64),
    /// What is counted in parts: costs, and times in seconds. Finite.
    Amount(f64),
    Group(Figures),
}

impl Figures {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hears figures of the same answer: those that are said again replace what was said before.
    pub(crate) fn hear(&mut self, usage: Value<'_>) {
        let mut room = MOST.saturating_sub(self.count());
        self.hear_at(usage, 0, &mut room);
    }

    fn hear_at(&mut self, usage: Value<'_>, depth: usize, room: &mut usize) {
        for (name, value) in usage.members() {
            if name.len() > LONGEST_NAME {
                continue;
            }
            if let Some(number) = number(value) {
                self.put(&name, number, room);
            } else if value.is_object() && depth < DEEPEST {
                let mut group = self.take_group(&name);
                group.hear_at(value, depth + 1, room);
                self.put_group(&name, group);
            }
        }
    }

    /// Adds those of another answer.
    pub(crate) fn add(&mut self, other: &Self) {
        let mut room = MOST.saturating_sub(self.count());
        self.add_at(other, &mut room);
    }

    fn add_at(&mut self, other: &Self, room: &mut usize) {
        for (name, figure) in &other.0 {
            match (self.get(name), figure) {
                // What changes its sort from answer to answer has no sum.
                (None | Some(Figure::Group(_)), Figure::Count(_) | Figure::Amount(_)) => {
                    self.put(name, figure.clone(), room);
                }
                (Some(Figure::Count(one)), Figure::Count(two)) => {
                    let sum = one.saturating_add(*two);
                    self.put(name, Figure::Count(sum), room);
                }
                (Some(one), two @ (Figure::Count(_) | Figure::Amount(_))) => {
                    let sum = (one.amount() + two.amount()).min(f64::MAX);
                    self.put(name, Figure::Amount(sum), room);
                }
                (_, Figure::Group(group)) => {
                    let mut sum = self.take_group(name);
                    sum.add_at(group, room);
                    self.put_group(name, sum);
                }
            }
        }
    }

    fn count(&self) -> usize {
        let count = |(_, figure): &(String, Figure)| match figure {
            Figure::Count(_) | Figure::Amount(_) => 1,
            Figure::Group(group) => group.count(),
        };
        self.0.iter().map(count).sum()
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
                (Some(value), figure) if number(value).as_ref() == Some(figure) => {}
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
            Some((_, Figure::Count(_) | Figure::Amount(_))) | None => Self::default(),
        }
    }

    fn put(&mut self, name: &str, figure: Figure, room: &mut usize) {
        if let Some((_, old)) = self.0.iter_mut().find(|(other, _)| other == name) {
            *old = figure;
        } else if let Some(left) = room.checked_sub(1) {
            *room = left;
            self.0.push((name.to_owned(), figure));
        }
    }

    /// A group without a figure is none.
    fn put_group(&mut self, name: &str, group: Self) {
        let is_empty = group.is_empty();
        let group = Figure::Group(group);
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = group,
            None if is_empty => {}
            None => self.0.push((name.to_owned(), group)),
        }
    }
}

impl Figure {
    /// The number that it is; nothing for a group.
    fn amount(&self) -> f64 {
        match self {
            Self::Count(count) => *count as f64,
            Self::Amount(amount) => *amount,
            Self::Group(_) => 0.0,
        }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Amount(amount) => write!(f, "{amount}"),
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

/// A number without a sign.
fn number(value: Value<'_>) -> Option<Figure> {
    let raw = std::str::from_utf8(value.raw()?).ok()?;
    if raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return raw.parse().ok().map(Figure::Count);
    }
    let is_number = raw.starts_with(|first: char| first.is_ascii_digit());
    let amount: f64 = raw.parse().ok().filter(|_| is_number)?;
    amount.is_finite().then_some(Figure::Amount(amount))
}

/// A figure, or a null where there could be one.
fn is_replaceable(value: Value<'_>) -> bool {
    number(value).is_some() || !value.is_something()
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
        let figures = of(r#"{"b":-1,"c":"2","d":[1],"e":1e400,"f":99999999999999999999}"#);
        assert!(figures.is_empty());
        let mut sum = of(r#"{"a":18446744073709551615}"#);
        sum.add(&of(r#"{"a":1}"#));
        assert_eq!(written(&sum, r#"{"a":0}"#), r#"{"a":18446744073709551615}"#);
        assert_eq!(written(&sum, r#"{"a":"0"}"#), r#"{"a":"0"}"#);
    }

    #[test]
    fn costs_are_added_too() {
        let mut sum = of(r#"{"cost":0.25,"time":1e-1,"free":0,"by":{"a":1.50}}"#);
        assert_eq!(
            written(&sum, r#"{"cost":0.250}"#),
            r#"{"cost":0.250,"time":0.1,"free":0,"by":{"a":1.5}}"#
        );
        sum.add(&of(r#"{"cost":0.5,"time":0.4,"free":0.125,"by":{"a":2}}"#));
        let last = r#"{"cost":0.5,"time":4e-1,"free":0.125,"by":{"a":2}}"#;
        let expected = r#"{"cost":0.75,"time":0.5,"free":0.125,"by":{"a":3.5}}"#;
        assert_eq!(written(&sum, last), expected);
        let mut most = of(r#"{"a":1.5e308}"#);
        most.add(&most.clone());
        assert_eq!(most.to_string(), format!("{{\"a\":{}}}", f64::MAX));
    }

    #[test]
    fn figures_are_bounded() {
        let many = |from: usize| {
            let many: Vec<String> = (from..from + 1_000)
                .map(|at| format!("\"g{}\":{{\"{at}\":1}}", at % 10))
                .collect();
            of(&format!("{{{}}}", many.join(",")))
        };
        let mut figures = many(0);
        assert_eq!(figures.count(), MOST);
        figures.add(&many(5_000));
        assert_eq!(figures.count(), MOST);
        let empty: Vec<String> = (0..1_000).map(|at| format!("\"{at}\":{{}}")).collect();
        assert!(of(&format!("{{{}}}", empty.join(","))).is_empty());
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
        assert!(of(&deep).is_empty());
    }
}
