//! Rules for pages: what they name exists.

use std::path::Path;

use super::files::File;

/// The page that names the files a request passes through.
const LIFE: &str = "docs/LIFE_OF_A_REQUEST.md";

/// Checks one page.
pub(super) fn check(root: &Path, file: &File, faults: &mut Vec<String>) {
    let here = root.join(&file.path);
    let folder = here.parent().unwrap_or(root);
    for (number, line) in file.lines() {
        for target in links(line) {
            if is_relative(target) && !folder.join(without_anchor(target)).exists() {
                faults.push(format!("{}:{number}: {target} leads nowhere", file.path));
            }
        }
        if file.path == LIFE {
            for name in rust_files(line) {
                if !root.join("crates").join(name).exists() {
                    faults.push(format!("{}:{number}: there is no crates/{name}", file.path));
                }
            }
        }
    }
}

/// The targets of `[text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let ends = line.split("](").skip(1);
    ends.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with('#') && !target.starts_with("mailto:")
}

fn without_anchor(target: &str) -> &str {
    target.split_once('#').map_or(target, |(path, _)| path)
}

/// Words of a line that name a Rust file by its path.
fn rust_files(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || "._-/".contains(c)));
    words.filter(|word| word.ends_with(".rs") && word.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_files_that_lead_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        make("docs/there.md");
        make("crates/a/src/here.rs");
        let check_page = |path: &str, text: &str, expected: &[&str]| {
            let file = File {
                path: path.to_owned(),
                text: text.to_owned(),
            };
            let mut faults = Vec::new();
            check(root.path(), &file, &mut faults);
            assert_eq!(faults, expected, "{text}");
        };
        check_page(
            "README.md",
            "[a](docs/there.md#part) [b](https://x.test/)",
            &[],
        );
        check_page("docs/README.md", "[a](there.md) [b](#part)", &[]);
        check_page(
            "README.md",
            "[a](gone.md)",
            &["README.md:1: gone.md leads nowhere"],
        );
        check_page(LIFE, "`a/src/here.rs`, then lib.rs", &[]);
        check_page(
            LIFE,
            "1 a/src/gone.rs   does",
            &["docs/LIFE_OF_A_REQUEST.md:1: there is no crates/a/src/gone.rs"],
        );
        check_page("docs/other.md", "a/src/gone.rs", &[]);
    }
}
