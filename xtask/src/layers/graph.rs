//! A workspace as the rules see it.

use std::collections::{BTreeMap, BTreeSet};

/// The floors table, and the crates there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workspace {
    /// By the name of the crate.
    pub(crate) rows: BTreeMap<String, Row>,
    pub(crate) members: Vec<Member>,
}

/// One row of `[workspace.metadata.layers]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) floor: i64,
    /// The crates of lower floors that it may use.
    pub(crate) uses: Vec<String>,
    /// The fenced outside packages that it may use.
    pub(crate) fenced: Vec<String>,
}

/// A crate of the workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) inherits: Inherits,
    pub(crate) dependencies: Vec<Dependency>,
    /// The outside packages it is built with, through however many others.
    pub(crate) reach: BTreeSet<String>,
}

/// What a manifest takes from the workspace.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Inherits {
    pub(crate) edition: bool,
    pub(crate) licence: bool,
    pub(crate) lints: Lints,
}

/// Where a crate's lints come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Lints {
    #[default]
    None,
    Own,
    Workspace,
}

/// One line of a manifest.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether it is a crate of this workspace.
    pub(crate) is_ours: bool,
    pub(crate) has_version: bool,
    /// Whether the line says `workspace = true`.
    pub(crate) is_shared: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}
