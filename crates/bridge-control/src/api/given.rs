//! Fields of which it matters whether they are given: absent is another thing than null.

use serde::{Deserialize, Deserializer};

/// Reads a field that is there; serde's default stands for one that is not.
pub(super) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Deserialize::deserialize(deserializer).map(Some)
}

/// What stands for a switch that is not given and is on by itself.
pub(super) fn yes() -> bool {
    true
}
