//! The public API names `http`, the standard library and this crate, and no other.

use std::fs;
use std::path::{Path, PathBuf};

/// Names by which the crate's other dependencies could be seen from outside.
const FOREIGN: [&str; 9] = [
    "uuid",
    "Uuid",
    "zeroize",
    "Zeroizing",
    "subtle",
    "Choice",
    "tokio",
    "slog",
    "Bytes",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            found.push(path);
        }
    }
}

/// The heads of public items and of trait implementations, and public fields.
fn heads(text: &str) -> Vec<String> {
    let product = text.split("#[cfg(test)]").next().unwrap();
    let mut heads = Vec::new();
    let mut lines = product.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if !["pub ", "impl ", "impl<"]
            .iter()
            .any(|start| line.starts_with(start))
        {
            continue;
        }
        let mut head = line.to_owned();
        while !head.contains(['{', ';']) && !head.ends_with(',') {
            let Some(more) = lines.next() else { break };
            head.push_str(more);
        }
        // What a tuple struct holds is private unless it says otherwise.
        let is_sealed = head.starts_with("pub struct") && !head.contains("(pub ");
        if is_sealed && let Some(at) = head.find('(') {
            head.truncate(at);
        }
        heads.push(head.split(" where").next().unwrap().to_owned());
    }
    heads
}

#[test]
fn no_foreign_type_is_named() {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    let mut seen = 0;
    for file in files {
        for head in heads(&fs::read_to_string(&file).unwrap()) {
            seen += 1;
            let words = head.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let foreign: Vec<_> = words.filter(|word| FOREIGN.contains(word)).collect();
            assert!(foreign.is_empty(), "{}: {head}", file.display());
        }
    }
    assert!(seen > 50, "only {seen} items were looked at");
}

#[test]
fn a_foreign_type_would_be_seen() {
    fn check(text: &str, head: &str) {
        assert_eq!(heads(text), [head], "{text}");
    }
    check("pub fn id(&self) -> Uuid {", "pub fn id(&self) -> Uuid {");
    check("pub struct Id(Uuid);", "pub struct Id");
    check("pub struct Id(pub Uuid);", "pub struct Id(pub Uuid);");
    check("    pub id: Uuid,", "pub id: Uuid,");
    check("impl From<Uuid> for Id {", "impl From<Uuid> for Id {");
    check("pub use uuid::Uuid;", "pub use uuid::Uuid;");
    check("pub fn long(\nid: Uuid,\n) {", "pub fn long(id: Uuid,");
}
