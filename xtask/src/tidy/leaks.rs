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

/// Beginnings of ids and keys that providers hand out. A made-up one is short.
const PROVIDER_WORDS: [&str; 8] = [
    "msg_",
    "toolu_",
    "resp_",
    "call_",
    "chatcmpl-",
    "req_",
    "sk-ant-",
    "sk-proj-",
];

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
    if let Some(path) = MACHINE_PATHS.iter().find(|path| line.contains(**path)) {
        return Some(format!("a path of one machine ({path})"));
    }
    if line.contains("registry+") && !line.contains(REGISTRY) && !line.contains("const REGISTRY") {
        return Some("another package registry".to_owned());
    }
    let word = PROVIDER_WORDS.iter().find(|word| has_long_id(line, word))?;
    Some(format!("an id or key of a real provider ({word}...)"))
}

fn has_long_id(line: &str, word: &str) -> bool {
    line.split(word).skip(1).any(|rest| {
        let id = rest.chars().take_while(char::is_ascii_alphanumeric);
        let id: String = id.collect();
        id.len() >= LONG_ID && id.contains(|c: char| c.is_ascii_digit())
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
