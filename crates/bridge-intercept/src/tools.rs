//! Tools of ours: who has which, how they come into requests, and what is remembered of them.

mod config;
mod content;
mod kit;
mod memory;

use std::sync::Arc;

use bridge_mcp::Catalogues;

pub use self::config::{MemoryLimits, ToolsConfig};
pub(crate) use self::content::result;
pub(crate) use self::kit::{Kit, Offered, Shelved};
pub use self::memory::HiddenTurns;
pub(crate) use self::memory::Owner;

/// What handlers need to give their callers tools. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Limits and habits.
    pub config: Arc<ToolsConfig>,
    /// Those who have which tools.
    pub catalogues: Catalogues,
    /// What clients did not see of their turns. It outlives reloads.
    pub memory: HiddenTurns,
}
