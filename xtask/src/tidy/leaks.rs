//! What must not get into the project: paths of one machine, other registries, recorded traffic
//! and credentials.

use super::files::File;

/// Beginnings of paths that exist on one machine only. Written in two halves, so that this file
/// does not contain them.
const MACHINE_PATHS: [&str; 4] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
];

/// People whose homes are examples.
const MADE_UP: [&str; 3] = ["ada", "alice", "bob"];

/// Beginnings of keys that providers hand out. A made-up one is short.
const KEYS: [&str; 2] = ["sk-ant-", "sk-proj-"];

/// Beginnings of ids that providers hand out. As values of JSON they show that an answer was
/// pasted; alone they may be what a test of recorded traffic looks for.
const IDS: [&str; 6] = ["msg_", "toolu_", "resp_", "call_", "chatcmpl-", "req_"];

/// As many letters and digits in a row after such a beginning are no example.
const LONG_ID: usize = 20;

/// The only place packages come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks one file.
pub(super) fn check(file: &File, faults: &mut Vec<String>) {
    if file.extension() == "txtar" {
        faults.push(format!("{}: recorded traffic is not kept here", file.path));
    }
    for (number, line) in file.lines() {
        if let Some(what) = leak(line) {
            faults.push(format!("{}:{number}: {what}", file.path));
        }
    }
}

fn leak(line: &str) -> Option<String> {
    if let Some(path) = MACHINE_PATHS.iter().find(|path| has_path(line, path)) {
        return Some(format!("a path of one machine ({path})"));
    }
    if line.contains("registry+") && !line.contains(REGISTRY) && !line.contains("const REGISTRY") {
        return Some("another package registry".to_owned());
    }
    if let Some(start) = KEYS.iter().find(|start| has_long(line, start, |_| true)) {
        return Some(format!("a key of a real provider ({start}...)"));
    }
    let start = IDS
        .iter()
        .find(|start| has_long(line, start, is_json_value))?;
    Some(format!("recorded traffic ({start}...)"))
}

fn has_path(line: &str, path: &str) -> bool {
    let is_made_up = |rest: &str| MADE_UP.iter().any(|name| rest.starts_with(name));
    line.split(path).skip(1).any(|rest| !is_made_up(rest))
}

/// Whether a quote stands last, and a colon before it.
fn is_json_value(before: &str) -> bool {
    let before = before
        .strip_suffix('"')
        .map(|rest| rest.trim_end_matches('\\'));
    before.is_some_and(|rest| rest.trim_end().ends_with(':'))
}

/// Whether a word with this beginning goes on for long, where what stands before it is right.
fn has_long(line: &str, start: &str, is_right: impl Fn(&str) -> bool) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let rest = rest.get(start.len()..).unwrap_or_default();
        let id = rest.chars().take_while(char::is_ascii_alphanumeric);
        let id: String = id.collect();
        let is_long = id.len() >= LONG_ID && id.contains(|c: char| c.is_ascii_digit());
        is_long && is_right(before)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_line(line: &str, is_leak: bool) {
        assert_eq!(leak(line).is_some(), is_leak, "{line}");
    }

    #[test]
    fn leaks() {
        check_line("a plain line", false);
        check_line("the route / leads to work/", false);
        check_line(&format!("see {}ada/file", concat!("/ho", "me/")), false);
        check_line(&format!("see {}someone/file", concat!("/ho", "me/")), true);
        check_line(&format!("source = \"{REGISTRY}\""), false);
        check_line(
            &format!(
                "source = \"{}https://mirror.test\"",
                concat!("registry", "+")
            ),
            true,
        );
        check_line("{\"id\":\"msg_1\"}", false);
        check_line(
            &format!("looks_for(\"msg_{}\")", "1a2b3c4d5e".repeat(2)),
            false,
        );
        let escaped = format!("\\\"id\\\": \\\"msg_{}\\\"", "1a2b3c4d5e".repeat(2));
        check_line(&escaped, true);
        check_line("{\"id\":\"msg_of_the_first_answer_in_this_test\"}", false);
        check_line(
            &format!("{{\"id\":\"msg_{}\"}}", "1a2b3c4d5e".repeat(2)),
            true,
        );
        check_line(&format!("key sk-ant-{}", "1a2b3c4d5e".repeat(3)), true);
    }

    #[test]
    fn archives_of_recorded_traffic() {
        let file = File {
            path: "tests/simple.txtar".to_owned(),
            text: String::new(),
        };
        let mut faults = Vec::new();
        check(&file, &mut faults);
        assert_eq!(faults.len(), 1);
    }
}
