//! What became of a reload, as the operator's API shows it. It names settings and never values.

use std::path::PathBuf;

use bridge_control::api::ProblemDetail;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A reload that was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReloadView {
    /// The file that was read; null when there is none.
    #[schema(value_type = Option<String>)]
    pub(crate) file: Option<PathBuf>,
    /// The generation that requests are served on from now on; null when there is none yet.
    pub(crate) generation: Option<u64>,
    /// Settings that changed and are in force.
    pub(crate) changed: Vec<String>,
    /// Settings that changed and need a restart.
    pub(crate) needs_restart: Vec<String>,
    /// What works but should be changed, or is not as it may seem.
    pub(crate) warnings: Vec<String>,
}

/// What a refused reload is answered with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReloadProblem {
    /// Every reason, as one text for people.
    pub(crate) error: ProblemDetail,
    /// Every reason, one by one for programs.
    pub(crate) problems: Vec<String>,
}

/// A reload that was refused: nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReloadRefused {
    /// Everything that is wrong.
    pub(crate) problems: Vec<String>,
}

impl ReloadRefused {
    /// For people: everything, one a line.
    pub(crate) fn text(&self) -> String {
        let lines = self.problems.iter().map(|problem| format!("\n  {problem}"));
        let lines: String = lines.collect();
        format!("the configuration cannot be used, and the one before stays:{lines}")
    }
}
