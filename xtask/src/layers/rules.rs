//! The rules of the floors. `docs/adr/0001-floors.md` says why.

use std::collections::BTreeSet;

use super::graph::{Dependency, Kind, Lints, Member, Row, Workspace};

/// Crates beside the floors: no product crate is built with them, and they may use any.
const TOOLS: [&str; 2] = ["xtask", "bridge-bench"];

/// The one crate with lints of its own, because nobody writes its code.
const GENERATED: &str = "bridge-proto";

/// What no crate of the ground floor is built with.
const NOT_ON_THE_GROUND: [&str; 2] = ["hyper", "slog"];

/// Every broken rule, a sentence each.
pub(super) fn check(workspace: &Workspace) -> Vec<String> {
    let mut broken = Vec::new();
    rows_and_crates(workspace, &mut broken);
    table_points_down(workspace, &mut broken);
    for member in &workspace.members {
        inheritance(member, &mut broken);
        lines(member, &mut broken);
        if let Some(row) = workspace.rows.get(&member.name) {
            arrows(member, row, workspace, &mut broken);
            fences(member, row, workspace, &mut broken);
            ground(member, row, &mut broken);
        }
    }
    broken
}

/// Every product crate has a row, and every row a crate.
fn rows_and_crates(workspace: &Workspace, broken: &mut Vec<String>) {
    for member in &workspace.members {
        let name = member.name.as_str();
        match (workspace.rows.contains_key(name), TOOLS.contains(&name)) {
            (false, false) => broken.push(format!("{name} has no row in the floors table")),
            (true, true) => broken.push(format!("{name} is a tool and stands beside the floors")),
            (true, false) | (false, true) => {}
        }
    }
    for name in workspace.rows.keys() {
        if !workspace.members.iter().any(|member| member.name == *name) {
            broken.push(format!(
                "the floors table has a row for {name}, a crate that is not there"
            ));
        }
    }
}

/// An allowed arrow leads to a lower floor.
fn table_points_down(workspace: &Workspace, broken: &mut Vec<String>) {
    for (name, row) in &workspace.rows {
        for used in &row.uses {
            match workspace.rows.get(used) {
                None => broken.push(format!("{name} may use {used}, which has no row")),
                Some(other) if other.floor >= row.floor => broken.push(format!(
                    "{name} on floor {} may use {used} on floor {}: arrows point down",
                    row.floor, other.floor
                )),
                Some(_) => {}
            }
        }
    }
}

/// Edition, licence and lints come from the workspace.
fn inheritance(member: &Member, broken: &mut Vec<String>) {
    let name = &member.name;
    if !member.inherits.edition {
        broken.push(format!("{name} does not inherit the edition"));
    }
    if !member.inherits.licence {
        broken.push(format!("{name} does not inherit the licence"));
    }
    match member.inherits.lints {
        Lints::Workspace => {}
        Lints::Own if name == GENERATED => {}
        Lints::Own | Lints::None => broken.push(format!("{name} does not inherit the lints")),
    }
}

/// Versions are stated once, in the workspace. A crate of our own that only tests use carries no
/// version, so that publishing never needs what tests need.
fn lines(member: &Member, broken: &mut Vec<String>) {
    let name = &member.name;
    for line in &member.dependencies {
        let is_internal_dev = line.is_ours && line.kind == Kind::Dev;
        if is_internal_dev && line.has_version {
            broken.push(format!(
                "{name} tests with {}: give its path and no version",
                line.name
            ));
        }
        if !is_internal_dev && !line.is_shared {
            broken.push(format!(
                "{name} uses {} without `workspace = true`",
                line.name
            ));
        }
    }
}

/// Crates of our own that a crate is built with are listed in its row. Its tests may use the crate
/// itself once more, with features that only tests need.
fn arrows(member: &Member, row: &Row, workspace: &Workspace, broken: &mut Vec<String>) {
    let name = &member.name;
    let is_itself = |line: &Dependency| line.kind == Kind::Dev && line.name == *name;
    let others = member.dependencies.iter();
    for line in others.filter(|line| line.is_ours && !is_itself(line)) {
        if TOOLS.contains(&line.name.as_str()) {
            if line.kind != Kind::Dev {
                broken.push(format!("{name} is built with {}, a tool", line.name));
            }
            continue;
        }
        let is_above = workspace
            .rows
            .get(&line.name)
            .is_some_and(|other| other.floor >= row.floor);
        if is_above {
            let verb = verb(line);
            broken.push(format!(
                "{name} {verb} {}, which is not below it",
                line.name
            ));
        } else if line.kind != Kind::Dev && !row.uses.contains(&line.name) {
            broken.push(format!(
                "{name} uses {}, which its row does not list",
                line.name
            ));
        }
    }
}

fn verb(line: &Dependency) -> &'static str {
    match line.kind {
        Kind::Dev => "tests with",
        Kind::Normal | Kind::Build => "uses",
    }
}

/// A fenced package is used only by the crates that list it. Tests may use any.
fn fences(member: &Member, row: &Row, workspace: &Workspace, broken: &mut Vec<String>) {
    let rows = workspace.rows.values();
    let fenced: BTreeSet<&String> = rows.flat_map(|row| &row.fenced).collect();
    let built_with = member
        .dependencies
        .iter()
        .filter(|line| line.kind != Kind::Dev && !line.is_ours);
    for line in built_with {
        if fenced.contains(&line.name) && !row.fenced.contains(&line.name) {
            broken.push(format!(
                "{} uses {}, which is fenced off from it",
                member.name, line.name
            ));
        }
    }
}

/// The ground floor holds no sockets and no logs, not even through others. Generated code brings
/// its own transport and is exempt.
fn ground(member: &Member, row: &Row, broken: &mut Vec<String>) {
    if row.floor != 0 || member.name == GENERATED {
        return;
    }
    for package in NOT_ON_THE_GROUND {
        if member.reach.contains(package) {
            broken.push(format!(
                "{} stands on the ground floor and is built with {package}",
                member.name
            ));
        }
    }
}
