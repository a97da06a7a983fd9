//! Reads a workspace from its manifests and from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use toml::{Table, Value};

use super::graph::{Dependency, Inherits, Kind, Lints, Member, Row, Workspace};
use crate::Outcome;

/// The tables of a manifest that list dependencies.
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Reads the workspace at this path.
pub(super) fn workspace(root: &Path) -> Outcome<Workspace> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .exec()?;
    let nodes = normal_arrows(&metadata);
    let mut members = Vec::new();
    for package in metadata.workspace_packages() {
        members.push(member(package, &metadata, &nodes)?);
    }
    Ok(Workspace {
        rows: rows(&metadata.workspace_metadata)?,
        members,
    })
}

fn rows(metadata: &serde_json::Value) -> Outcome<BTreeMap<String, Row>> {
    let table = metadata.get("layers").and_then(|layers| layers.as_object());
    let table = table.ok_or("Cargo.toml has no [workspace.metadata.layers]")?;
    let words = |row: &serde_json::Value, name: &str| -> Vec<String> {
        let list = row.get(name).and_then(|list| list.as_array());
        let words = list.into_iter().flatten().filter_map(|word| word.as_str());
        words.map(str::to_owned).collect()
    };
    let mut rows = BTreeMap::new();
    for (name, row) in table {
        let floor = row.get("floor").and_then(|floor| floor.as_i64());
        let row = Row {
            floor: floor.ok_or_else(|| format!("the row of {name} has no floor"))?,
            uses: words(row, "uses"),
            fenced: words(row, "fenced"),
        };
        rows.insert(name.clone(), row);
    }
    Ok(rows)
}

fn member(package: &Package, metadata: &Metadata, nodes: &Arrows<'_>) -> Outcome<Member> {
    let manifest: Table = toml::from_str(&fs::read_to_string(&package.manifest_path)?)?;
    let shared = shared_lines(&manifest);
    let dependencies = package.dependencies.iter().map(|line| {
        let key = line.rename.as_ref().unwrap_or(&line.name);
        let kind = if line.kind == DependencyKind::Development {
            Kind::Dev
        } else if line.kind == DependencyKind::Build {
            Kind::Build
        } else {
            Kind::Normal
        };
        Dependency {
            name: line.name.clone(),
            kind,
            is_ours: line.path.is_some(),
            has_version: line.req.to_string() != "*",
            is_shared: shared.contains(&(kind_table(kind), key.clone())),
        }
    });
    Ok(Member {
        name: package.name.to_string(),
        inherits: inherits(&manifest),
        dependencies: dependencies.collect(),
        reach: reach(&package.id, metadata, nodes),
    })
}

fn kind_table(kind: Kind) -> &'static str {
    match kind {
        Kind::Normal => "dependencies",
        Kind::Dev => "dev-dependencies",
        Kind::Build => "build-dependencies",
    }
}

/// The lines that say `workspace = true`, by table and key.
fn shared_lines(manifest: &Table) -> BTreeSet<(&'static str, String)> {
    let mut shared = BTreeSet::new();
    let by_target = manifest.get("target").and_then(Value::as_table);
    let by_target = by_target.into_iter().flat_map(Table::values);
    let holders = by_target.filter_map(Value::as_table).chain([manifest]);
    for holder in holders {
        for table in TABLES {
            let lines = holder.get(table).and_then(Value::as_table);
            for (key, line) in lines.into_iter().flatten() {
                if is_inherited(Some(line)) {
                    shared.insert((table, key.clone()));
                }
            }
        }
    }
    shared
}

fn inherits(manifest: &Table) -> Inherits {
    let package = manifest.get("package").and_then(Value::as_table);
    let from_workspace = |key: &str| is_inherited(package.and_then(|package| package.get(key)));
    let lints = match manifest.get("lints") {
        None => Lints::None,
        lints if is_inherited(lints) => Lints::Workspace,
        Some(_) => Lints::Own,
    };
    Inherits {
        edition: from_workspace("edition"),
        licence: from_workspace("license"),
        lints,
    }
}

fn is_inherited(value: Option<&Value>) -> bool {
    let flag = value.and_then(|value| value.get("workspace"));
    flag.and_then(Value::as_bool) == Some(true)
}

type Arrows<'m> = BTreeMap<&'m PackageId, Vec<&'m PackageId>>;

fn normal_arrows(metadata: &Metadata) -> Arrows<'_> {
    let nodes = metadata
        .resolve
        .iter()
        .flat_map(|resolve| resolve.nodes.iter());
    let arrows = nodes.map(|node| {
        let normal = node.deps.iter().filter(|arrow| {
            let mut kinds = arrow.dep_kinds.iter();
            kinds.any(|kind| kind.kind == DependencyKind::Normal)
        });
        (&node.id, normal.map(|arrow| &arrow.pkg).collect())
    });
    arrows.collect()
}

fn reach(from: &PackageId, metadata: &Metadata, arrows: &Arrows<'_>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(id) = waiting.pop() {
        for next in arrows.get(id).into_iter().flatten() {
            if seen.insert(*next) {
                waiting.push(next);
            }
        }
    }
    let packages = metadata.packages.iter();
    let reached = packages.filter(|package| seen.contains(&package.id));
    reached.map(|package| package.name.to_string()).collect()
}
