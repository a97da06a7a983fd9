//! Rules for Rust files.

use super::files::File;

/// Names that say nothing about what a module holds.
const BANNED: [&str; 9] = [
    "common", "helper", "helpers", "mod", "prelude", "types", "util", "utils", "misc",
];

/// Longer files want to be two.
const LONG_FILE: usize = 600;
/// Longer functions want to be two.
const LONG_FUNCTION: usize = 80;

/// Checks one file.
pub(super) fn check(file: &File, faults: &mut Vec<String>, hints: &mut Vec<String>) {
    let stem = file.name().trim_end_matches(".rs");
    if BANNED.contains(&stem) {
        faults.push(format!("{}: a banned name for a module", file.path));
    }
    if !is_documented(file) {
        faults.push(format!("{}: begins with no `//!` sentence", file.path));
    }
    let ignored = concat!("#[", "ignore");
    for (number, line) in file.lines() {
        if line.trim_start().starts_with(ignored) {
            faults.push(format!("{}:{number}: a test that never runs", file.path));
        }
    }
    let lines = file.text.lines().count();
    if lines > LONG_FILE {
        hints.push(format!("{} has {lines} lines", file.path));
    }
    for (number, length) in long_functions(file) {
        hints.push(format!(
            "{}:{number}: a function of {length} lines",
            file.path
        ));
    }
}

/// Whether the file begins with a module sentence. Unit tests are a part of the module above them,
/// and programs that must not compile speak through the message beside them.
fn is_documented(file: &File) -> bool {
    let mut lines = file.text.lines().filter(|line| !line.is_empty());
    file.path.contains("/tests/ui/")
        || (file.path.contains("/src/") && file.name() == "tests.rs")
        || lines.next().is_some_and(|line| line.starts_with("//!"))
}

/// Where functions that are too long begin, and their lengths. Trusts rustfmt: a function ends
/// with a brace that stands as far in as its first line.
fn long_functions(file: &File) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in file.lines() {
        match &open {
            None if is_function(line) => {
                let indent = line.len() - line.trim_start().len();
                open = Some((number, format!("{}}}", " ".repeat(indent))));
            }
            Some((begun, end)) if line == end => {
                let length = number - begun + 1;
                if length > LONG_FUNCTION {
                    found.push((*begun, length));
                }
                open = None;
            }
            _ => {}
        }
        // A declaration without a body, or one on a single line.
        if open.as_ref().is_some_and(|(begun, _)| *begun == number) && line.ends_with([';', '}']) {
            open = None;
        }
    }
    found
}

fn is_function(line: &str) -> bool {
    let words = line.trim_start().split(' ');
    let mut words = words.skip_while(|word| {
        word.starts_with("pub") || ["async", "const", "unsafe", "extern"].contains(word)
    });
    words.next() == Some("fn")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(path: &str, text: &str, faults: &[&str], hints: &[&str]) {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let (mut got, mut hinted) = (Vec::new(), Vec::new());
        check(&file, &mut got, &mut hinted);
        assert_eq!(
            (got.as_slice(), hinted.as_slice()),
            (owned(faults).as_slice(), owned(hints).as_slice()),
            "{path}"
        );
    }

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn files() {
        check_text("a/src/good.rs", "//! Good.\n", &[], &[]);
        check_text(
            "a/src/bare.rs",
            "fn f() {}\n",
            &["a/src/bare.rs: begins with no `//!` sentence"],
            &[],
        );
        check_text("a/tests/ui/bare.rs", "fn main() {}\n", &[], &[]);
        check_text("a/src/b/tests.rs", "fn f() {}\n", &[], &[]);
        check_text(
            "a/src/utils.rs",
            "//! Bad.\n",
            &["a/src/utils.rs: a banned name for a module"],
            &[],
        );
        let skipped = format!(
            "//! Bad.\n#[test]\n{}]\nfn f() {{}}\n",
            concat!("#[", "ignore")
        );
        check_text(
            "a/src/t.rs",
            &skipped,
            &["a/src/t.rs:3: a test that never runs"],
            &[],
        );
    }

    #[test]
    fn lengths() {
        let body = "        step();\n".repeat(80);
        let text = format!(
            "//! Long.\nimpl A {{\n    fn f();\n    pub(crate) fn g() {{\n{body}    }}\n}}\n"
        );
        check_text(
            "a/src/long.rs",
            &text,
            &[],
            &["a/src/long.rs:4: a function of 82 lines"],
        );
        let text = format!("//! Long.\n{}", "const A: u8 = 0;\n".repeat(600));
        check_text(
            "a/src/long.rs",
            &text,
            &[],
            &["a/src/long.rs has 601 lines"],
        );
    }
}
