//! Settings that are one of a few words.

use bridge_control::api::ProviderType;
use bridge_telemetry::{Aliases, LogConfig, LogFormat};
use slog::Level;
use toml::Value;

use super::{Setting, parsed};

/// Whether there is a journal, and what happens when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JournalMode {
    /// New requests are refused while it fails.
    Strict,
    /// They are served.
    Relaxed,
    /// There is none.
    Off,
}

/// Under which other names figures are exposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AliasNames(pub(crate) Aliases);

/// Which tokens an agent is told after a turn of several calls of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UsageHabit {
    /// Those of all calls together.
    Sum,
    /// Those of the last call.
    Last,
}

/// What becomes of an answer whose caller goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AbortHabit {
    /// It ends at the provider at once.
    Cancel,
    /// Its rest is read for the figures.
    Drain,
}

impl Setting for JournalMode {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a mode: give strict, relaxed or off";
        parsed(value, wanted, |text| match text {
            "strict" => Some(Self::Strict),
            "relaxed" => Some(Self::Relaxed),
            "off" => Some(Self::Off),
            _ => None,
        })
    }
}

impl Setting for AbortHabit {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a habit: give cancel or drain";
        parsed(value, wanted, |text| match text {
            "cancel" => Some(Self::Cancel),
            "drain" => Some(Self::Drain),
            _ => None,
        })
    }
}

impl Setting for UsageHabit {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a habit: give sum or last";
        parsed(value, wanted, |text| match text {
            "sum" => Some(Self::Sum),
            "last" => Some(Self::Last),
            _ => None,
        })
    }
}

impl Setting for AliasNames {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "names: give off, current, legacy or both";
        parsed(value, wanted, |text| match text {
            "off" => Some(Self(Aliases::Off)),
            "current" => Some(Self(Aliases::Current)),
            "legacy" => Some(Self(Aliases::Legacy)),
            "both" => Some(Self(Aliases::Both)),
            _ => None,
        })
    }
}

impl Setting for Level {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a level: give trace, debug, info, warning, error or critical";
        parsed(value, wanted, |text| LogConfig::parse_level(text).ok())
    }
}

impl Setting for LogFormat {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = "a format: give auto, text or json";
        parsed(value, wanted, |text| text.parse().ok())
    }
}

impl Setting for ProviderType {
    fn read(value: &Value) -> Result<Self, String> {
        let known = Self::ALL.map(Self::as_str).join(", ");
        let wanted = format!("a provider type: give one of {known}");
        parsed(value, &wanted, Self::from_name)
    }
}
