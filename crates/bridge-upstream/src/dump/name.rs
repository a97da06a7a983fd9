//! Where an attempt's files stand: names that come from callers are made harmless.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bridge_telemetry::wall_clock;

use super::DumpLabel;

/// Longest part of a path that is made of what a caller wrote, in bytes. File systems allow 255,
/// and time, id and suffix stand beside it.
const LONGEST_PART: usize = 100;

/// What the request's file ends with.
pub(super) const REQUEST: &str = ".req.txt";
/// What the answer's file ends with.
pub(super) const ANSWER: &str = ".resp.txt";
/// What the file ends with that says why there is no answer.
pub(super) const FAILURE: &str = ".req_error.txt";

/// Two folders and the beginning of the names of an attempt's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stem {
    folders: [String; 2],
    begins: String,
    /// When the attempt began, in milliseconds since 1970.
    pub(super) millis: u64,
}

impl Stem {
    /// For an attempt that begins now.
    pub(super) fn of(label: &DumpLabel<'_>) -> Self {
        let since = wall_clock().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let mut begins = format!("{millis}-");
        if let Some(path) = label.path {
            let path = harmless(path.trim_start_matches('/'));
            let _infallible = write!(begins, "{path}-");
        }
        begins.push_str(&harmless(&label.id));
        if label.attempt > 1 {
            let _infallible = write!(begins, "-{}", label.attempt);
        }
        Self {
            folders: [harmless(label.provider), harmless(label.group)],
            begins,
            millis,
        }
    }

    /// The folder below that of all dumps, from the outside in.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        self.folders.iter().map(String::as_str)
    }

    /// The file with this suffix, below `root`.
    pub(super) fn file(&self, root: &Path, suffix: &str) -> PathBuf {
        let [outer, inner] = &self.folders;
        let name = format!("{}{suffix}", self.begins);
        root.join(outer).join(inner).join(name)
    }
}

/// When the file of this name was begun, in milliseconds since 1970; nothing when it is no dump.
pub(super) fn begun(name: &str) -> Option<u64> {
    let is_dump = [REQUEST, ANSWER, FAILURE]
        .iter()
        .any(|suffix| name.ends_with(suffix));
    let (millis, _) = name.split_once('-').filter(|_| is_dump)?;
    millis.parse().ok()
}

/// Letters, digits, dots, underscores and hyphens; everything else becomes a hyphen, and so does a
/// dot in front, because `..` leads elsewhere and hidden files are overlooked.
fn harmless(text: &str) -> String {
    let mut out: String = text
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() => c,
            '.' | '_' | '-' => c,
            _ => '-',
        })
        .take(LONGEST_PART)
        .collect();
    if out.is_empty() || out.starts_with('.') {
        out.insert(0, '-');
    }
    out
}

#[cfg(test)]
impl Stem {
    /// For tests that ask nothing of the names.
    pub(super) fn of_any() -> Self {
        Self::of(&DumpLabel {
            provider: "p",
            group: "m",
            path: None,
            id: "id".to_owned(),
            attempt: 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_wrote_leads_nowhere_else() {
        for (text, wanted) in [
            ("claude-sonnet-4.5", "claude-sonnet-4.5"),
            ("gemini/1.5-pro", "gemini-1.5-pro"),
            ("../../etc/passwd", "-..-..-etc-passwd"),
            ("..", "-.."),
            (".", "-."),
            ("", "-"),
            ("a\0b\nc", "a-b-c"),
            ("m\u{f6}del", "m-del"),
        ] {
            assert_eq!(harmless(text), wanted, "{text:?}");
        }
        assert_eq!(harmless(&"x".repeat(5_000)).len(), LONGEST_PART);
    }

    #[test]
    fn files_are_below_the_folder_and_known_again() {
        let label = DumpLabel {
            provider: "one",
            group: "../two",
            path: Some("/v1/models?x"),
            id: "id".to_owned(),
            attempt: 2,
        };
        let stem = Stem::of(&label);
        let path = stem.file(Path::new("/d"), ANSWER);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(path.parent(), Some(Path::new("/d/one/-..-two")));
        assert!(name.ends_with("-v1-models-x-id-2.resp.txt"), "{name}");
        assert_eq!(begun(name), Some(stem.millis));
        assert_eq!(begun("notes.txt"), None);
        assert_eq!(begun("7-x.txt"), None);
    }
}
