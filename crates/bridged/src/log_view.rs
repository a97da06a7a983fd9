//! The log's level, as the operator's API shows and takes it.

use bridge_telemetry::{LevelSwitch, LogConfig};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// From which level on lines are logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct LogView {
    /// The level in force: trace, debug, info, warning, error or critical.
    pub(crate) level: String,
    /// The level that the configuration names.
    pub(crate) configured: String,
}

/// The level that is wanted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetLevel {
    /// trace, debug, info, warning, error or critical.
    pub(crate) level: String,
}

impl LogView {
    /// Shows the level as it is now.
    pub(crate) fn of(level: &LevelSwitch) -> Self {
        Self {
            level: LogConfig::level_name(level.in_force()).to_owned(),
            configured: LogConfig::level_name(level.configured()).to_owned(),
        }
    }

    /// Whether it was set by hand.
    pub(crate) fn is_set_by_hand(&self) -> bool {
        self.level != self.configured
    }
}
