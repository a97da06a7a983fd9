//! Each rule has a row that breaks it.

use super::graph::{Dependency, Inherits, Kind, Lints, Member, Row, Workspace};
use super::rules;

fn row(floor: i64, uses: &[&str], fenced: &[&str]) -> Row {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Row {
        floor,
        uses: owned(uses),
        fenced: owned(fenced),
    }
}

fn member(name: &str, dependencies: Vec<Dependency>) -> Member {
    Member {
        name: name.to_owned(),
        inherits: Inherits {
            edition: true,
            licence: true,
            lints: Lints::Workspace,
        },
        dependencies,
        reach: Default::default(),
    }
}

fn ours(name: &str) -> Dependency {
    Dependency {
        name: name.to_owned(),
        kind: Kind::Normal,
        is_ours: true,
        has_version: true,
        is_shared: true,
    }
}

fn outside(name: &str) -> Dependency {
    Dependency {
        is_ours: false,
        ..ours(name)
    }
}

fn for_tests(line: Dependency) -> Dependency {
    Dependency {
        kind: Kind::Dev,
        has_version: !line.is_ours,
        is_shared: !line.is_ours,
        ..line
    }
}

/// Three floors, a tool, and nothing wrong.
fn sound() -> Workspace {
    let rows = [
        ("ground", row(0, &[], &["zeroize"])),
        ("neighbour", row(0, &[], &[])),
        ("middle", row(1, &["ground"], &["hyper"])),
        ("top", row(2, &["ground", "middle"], &[])),
    ];
    Workspace {
        rows: rows.map(|(name, row)| (name.to_owned(), row)).into(),
        members: vec![
            member(
                "ground",
                vec![outside("zeroize"), for_tests(outside("hyper"))],
            ),
            member("neighbour", vec![outside("bytes")]),
            member("middle", vec![ours("ground"), outside("hyper")]),
            member("top", vec![ours("middle"), for_tests(ours("neighbour"))]),
            member("xtask", vec![ours("top"), outside("hyper")]),
        ],
    }
}

/// Breaks the sound workspace and compares what the rules say of it.
fn check(expected: &[&str], break_it: impl FnOnce(&mut Workspace)) {
    let mut workspace = sound();
    break_it(&mut workspace);
    assert_eq!(rules::check(&workspace), expected);
}

fn find<'w>(workspace: &'w mut Workspace, name: &str) -> &'w mut Member {
    let mut members = workspace.members.iter_mut();
    members.find(|member| member.name == name).unwrap()
}

fn add(workspace: &mut Workspace, name: &str, line: Dependency) {
    find(workspace, name).dependencies.push(line);
}

#[test]
fn a_sound_workspace_breaks_no_rule() {
    check(&[], |_| {});
}

#[test]
fn every_crate_has_a_row_and_every_row_a_crate() {
    check(&["stray has no row in the floors table"], |w| {
        w.members.push(member("stray", vec![]));
    });
    check(
        &["the floors table has a row for ghost, a crate that is not there"],
        |w| {
            w.rows.insert("ghost".to_owned(), row(0, &[], &[]));
        },
    );
    check(&["xtask is a tool and stands beside the floors"], |w| {
        w.rows
            .insert("xtask".to_owned(), row(9, &["top"], &["hyper"]));
    });
}

#[test]
fn arrows_are_listed_and_point_down() {
    check(&["top uses neighbour, which its row does not list"], |w| {
        add(w, "top", ours("neighbour"));
    });
    check(&["ground uses middle, which is not below it"], |w| {
        add(w, "ground", ours("middle"));
    });
    check(&["ground uses neighbour, which is not below it"], |w| {
        add(w, "ground", ours("neighbour"));
    });
    check(&["ground tests with top, which is not below it"], |w| {
        add(w, "ground", for_tests(ours("top")));
    });
    check(&[], |w| add(w, "ground", for_tests(ours("ground"))));
    check(&["ground uses ground, which is not below it"], |w| {
        add(w, "ground", ours("ground"));
    });
    check(
        &["ground on floor 0 may use top on floor 2: arrows point down"],
        |w| {
            w.rows
                .insert("ground".to_owned(), row(0, &["top"], &["zeroize"]));
        },
    );
    check(&["neighbour may use ghost, which has no row"], |w| {
        w.rows
            .insert("neighbour".to_owned(), row(0, &["ghost"], &[]));
    });
    check(&["top is built with xtask, a tool"], |w| {
        add(w, "top", ours("xtask"));
    });
    check(&["top uses neighbour, which its row does not list"], |w| {
        let mut line = ours("neighbour");
        line.kind = Kind::Build;
        add(w, "top", line);
    });
}

#[test]
fn fenced_packages_stay_behind_their_fence() {
    check(&["top uses hyper, which is fenced off from it"], |w| {
        add(w, "top", outside("hyper"));
    });
    check(&[], |w| add(w, "top", for_tests(outside("hyper"))));
}

#[test]
fn versions_are_stated_once() {
    check(&["top uses bytes without `workspace = true`"], |w| {
        let mut line = outside("bytes");
        line.is_shared = false;
        add(w, "top", line);
    });
    check(
        &["top tests with ground: give its path and no version"],
        |w| {
            let mut line = for_tests(ours("ground"));
            line.has_version = true;
            add(w, "top", line);
        },
    );
}

#[test]
fn edition_licence_and_lints_are_inherited() {
    check(&["top does not inherit the edition"], |w| {
        find(w, "top").inherits.edition = false;
    });
    check(&["top does not inherit the licence"], |w| {
        find(w, "top").inherits.licence = false;
    });
    check(&["top does not inherit the lints"], |w| {
        find(w, "top").inherits.lints = Lints::Own;
    });
    check(&["xtask does not inherit the lints"], |w| {
        find(w, "xtask").inherits.lints = Lints::None;
    });
}

#[test]
fn only_generated_code_has_lints_of_its_own() {
    check(&[], |w| {
        let mut proto = member("bridge-proto", vec![]);
        proto.inherits.lints = Lints::Own;
        proto.reach.insert("hyper".to_owned());
        w.members.push(proto);
        w.rows.insert("bridge-proto".to_owned(), row(0, &[], &[]));
    });
}

#[test]
fn the_ground_floor_reaches_no_sockets_and_no_logs() {
    let sentence = "neighbour stands on the ground floor and is built with slog";
    check(&[sentence], |w| {
        find(w, "neighbour").reach.insert("slog".to_owned());
    });
    check(&[], |w| {
        find(w, "middle").reach.insert("slog".to_owned());
    });
}
