//! Values of settings: each type says what it accepts and what it asks for instead.

mod address;
mod choice;
mod patterns;

use std::path::PathBuf;
use std::time::Duration;

use bridge_auth::{ActorHeader, Secret};
use bridge_telemetry::trace::Ratio;
use http::HeaderName;
use toml::Value;

pub(crate) use self::address::BaseUrl;
pub(crate) use self::choice::{AbortHabit, AliasNames, JournalMode, UsageHabit};
pub(crate) use self::patterns::ModelPatterns;
use super::quantity;

/// How much of a wrong value is shown.
const SHOWN_CHARACTERS: usize = 60;

/// The highest number that a [`Count`] can be.
const HIGHEST_COUNT: usize = 1_000_000;

/// The highest number that a [`Limit`] can be.
const HIGHEST_LIMIT: u32 = 1_000_000;

/// A journal with less room is full after a few requests.
const LEAST_JOURNAL: usize = 1 << 20;

/// A value that can be read from the file. Variables and defaults are read as texts.
pub(crate) trait Setting: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// A sentence without a subject: what the value is not, and what to give instead.
    fn read(value: &Value) -> Result<Self, String>;

    /// What holds when nothing is said; nothing when something must be.
    fn absent() -> Option<Self> {
        None
    }
}

/// A number of bytes, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

/// How many bytes the journal may hold, at least [`LEAST_JOURNAL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JournalSize(pub(crate) usize);

/// A number of things, from one to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) usize);

/// A span of time, or nothing where it is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease(pub(crate) Option<Duration>);

/// A limit on a number of things, from one to a million; nothing when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Option<u32>);

/// A part of a hundred, from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Percent(pub(crate) u8);

impl Setting for Duration {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a duration: give one like 500ms, 30s, 15m or 1h30m";
        parsed(value, wanted, quantity::duration)
    }
}

impl Setting for Lease {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a duration or off: give one like 30s";
        parsed(value, wanted, |text| {
            if text == "off" {
                return Some(Self(None));
            }
            quantity::duration(text).map(|span| Self(Some(span)))
        })
    }
}

impl Setting for Size {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a size: give a number of bytes or one like 64KiB or 32MiB";
        number_or_text(value, wanted, quantity::size).map(Self)
    }
}

impl Setting for JournalSize {
    fn read(value: &Value) -> Result<Self, String> {
        let Size(bytes) = Size::read(value)?;
        match bytes >= LEAST_JOURNAL {
            true => Ok(Self(bytes)),
            false => Err(format!(
                "{} is too little: a few requests would fill the journal; give 1MiB or more",
                shown(value)
            )),
        }
    }
}

impl Setting for Count {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a count: give a whole number from 1 to 1000000";
        number_or_text(value, wanted, |text| {
            let count = text.replace('_', "").parse().ok()?;
            (1..=HIGHEST_COUNT).contains(&count).then_some(count)
        })
        .map(Self)
    }
}

impl Setting for Limit {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a limit: give a whole number from 1 to 1000000, or off";
        number_or_text(value, wanted, |text| {
            if text == "off" {
                return Some(None);
            }
            let limit = text.replace('_', "").parse().ok()?;
            (1..=HIGHEST_LIMIT).contains(&limit).then_some(Some(limit))
        })
        .map(Self)
    }
}

impl Setting for Percent {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a percentage: give a whole number from 0 to 100";
        number_or_text(value, wanted, |text| {
            let percent = text.parse().ok()?;
            (0..=100).contains(&percent).then_some(percent)
        })
        .map(Self)
    }
}

impl Setting for bool {
    fn read(value: &Value) -> Result<Self, String> {
        if let Value::Boolean(answer) = value {
            return Ok(*answer);
        }
        parsed(value, "an answer: give true or false", |text| {
            text.parse().ok()
        })
    }
}

impl Setting for String {
    fn read(value: &Value) -> Result<Self, String> {
        text(value, "a text").map(str::to_owned)
    }
}

impl Setting for PathBuf {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a path: give one like /etc/bridged/name";
        parsed(value, wanted, |text| {
            (!text.trim().is_empty()).then(|| Self::from(text))
        })
    }
}

impl Setting for Secret {
    /// Says nothing of the value, whatever it is.
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_str().map(str::trim) {
            None => Err("is not a text".to_owned()),
            Some("") => Err("is empty".to_owned()),
            Some(text) if text.contains(char::is_whitespace) => {
                Err("has white space within".to_owned())
            }
            Some(text) if !text.is_ascii() || text.contains(|c: char| c.is_ascii_control()) => {
                Err("has characters that cannot stand in a header".to_owned())
            }
            Some(text) => Ok(Self::new(text.to_owned())),
        }
    }
}

impl Setting for HeaderName {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a header name: give letters, digits and hyphens";
        parsed(value, wanted, |text| text.parse().ok())
    }
}

impl Setting for ActorHeader {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a header name: give letters, digits and hyphens, prefixed, or off";
        parsed(value, wanted, |text| match text {
            "prefixed" => Some(Self::Prefixed),
            "" | "off" => Some(Self::Off),
            name => {
                let is_name = name.parse::<HeaderName>().is_ok();
                is_name.then(|| Self::Named(name.to_owned()))
            }
        })
    }
}

impl Setting for Ratio {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a ratio: give a number from 0 to 1";
        let text = match value {
            Value::Float(number) => number.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::String(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_)
            | Value::Table(_) => text(value, wanted)?.to_owned(),
        };
        text.parse()
            .map_err(|_| format!("{} is not {wanted}", shown(value)))
    }
}

impl<T: Setting> Setting for Option<T> {
    fn read(value: &Value) -> Result<Self, String> {
        T::read(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// A list; one value alone is a list of one.
impl<T: Setting> Setting for Vec<T> {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Array(values) => values.iter().map(T::read).collect(),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Table(_) => Ok(vec![T::read(value)?]),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

fn text<'v>(value: &'v Value, wanted: &str) -> Result<&'v str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("{} is not {wanted}", shown(value)))
}

fn parsed<T>(
    value: &Value,
    wanted: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, String> {
    parse(text(value, wanted)?).ok_or_else(|| format!("{} is not {wanted}", shown(value)))
}

fn number_or_text<T>(
    value: &Value,
    wanted: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, String> {
    match value {
        Value::Integer(number) => {
            parse(&number.to_string()).ok_or_else(|| format!("{number} is not {wanted}"))
        }
        Value::String(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_)
        | Value::Table(_) => parsed(value, wanted, parse),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => shorten(text),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(answer) => answer.to_string(),
        Value::Datetime(_) => "a date".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

fn shorten(text: &str) -> String {
    let start: String = text.chars().take(SHOWN_CHARACTERS).collect();
    let more = if start.len() < text.len() { ".." } else { "" };
    format!("{:?}", start + more)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use bridge_control::api::ProviderType;
    use bridge_rpc::Address;

    use super::*;

    pub(super) fn check<T: Setting>(text: &str, problem: Option<&str>) {
        match (T::read(&Value::String(text.to_owned())), problem) {
            (Ok(_), None) => {}
            (Err(told), Some(part)) => assert!(told.contains(part), "{text}: {told}"),
            (Ok(_), Some(part)) => panic!("{text} was accepted, wanted {part}"),
            (Err(told), None) => panic!("{text}: {told}"),
        }
    }

    #[test]
    fn values_are_read_or_explained() {
        check::<SocketAddr>("[::1]:80", None);
        check::<Address>("https://control.example", None);
        check::<Address>("control.example", Some("not a URL: give one like https://"));
        check::<Address>("https://h/api", Some("no place in it"));
        check::<Address>("https://me:word@h", Some("gateway_key_file"));
        check::<SocketAddr>("foo", Some("\"foo\" is not an address: give one like"));
        check::<Lease>("off", None);
        check::<Lease>("never", Some("a duration or off"));
        check::<JournalMode>("relaxed", None);
        check::<JournalMode>("loose", Some("strict, relaxed or off"));
        check::<JournalSize>("1MiB", None);
        check::<JournalSize>(
            "8KiB",
            Some("too little: a few requests would fill the journal"),
        );
        check::<JournalSize>("much", Some("a size"));
        check::<AbortHabit>("drain", None);
        check::<AbortHabit>("wait", Some("cancel or drain"));
        check::<UsageHabit>("last", None);
        check::<UsageHabit>("first", Some("sum or last"));
        check::<Count>("10_000", None);
        check::<Count>("0", Some("from 1"));
        check::<Count>("1000001", Some("from 1"));
        check::<Limit>("10_000", None);
        check::<Limit>("off", None);
        check::<Limit>("0", Some("from 1 to 1000000, or off"));
        check::<Limit>("none", Some("a limit"));
        check::<HeaderName>("X-Token", None);
        check::<HeaderName>("X Token", Some("header name"));
        check::<ActorHeader>("X-User", None);
        check::<ActorHeader>("off", None);
        check::<ActorHeader>("X User", Some("prefixed, or off"));
        check::<ProviderType>("openai-compat", None);
        check::<ProviderType>("gemini", Some("anthropic, openai"));
        check::<PathBuf>(" ", Some("a path"));
        check::<bool>("yes", Some("true or false"));
    }

    #[test]
    fn wrong_secrets_are_not_shown() {
        for value in [
            Value::String("hidden word".to_owned()),
            Value::String("hidden\u{e9}".to_owned()),
            Value::Array(vec![Value::String("hidden".to_owned())]),
        ] {
            let told = Secret::read(&value).unwrap_err();
            assert!(!told.contains("hidden"), "{told}");
        }
    }

    #[test]
    fn long_values_are_shown_in_part() {
        let told = Duration::read(&Value::String("x".repeat(5_000))).unwrap_err();
        assert!(told.len() < 200, "{told}");
    }
}
