//! The text files of the project.

use std::path::Path;
use std::{fs, io};

/// Folders that hold no text of ours.
const SKIPPED: [&str; 6] = [
    ".git",
    "target",
    "crates/bridge-proto/src/generated",
    "crates/fuzz/artifacts",
    "crates/fuzz/corpus",
    "crates/fuzz/target",
];

/// What we write.
const EXTENSIONS: [&str; 9] = [
    "lock", "md", "proto", "rs", "sh", "sql", "toml", "txtar", "yml",
];

/// Files of ours without an extension.
const NAMES: [&str; 4] = ["run", "CODEOWNERS", ".gitignore", "LICENSE"];

/// A file and its text.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// From the root of the project, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// The lines with their numbers. A carriage return stays.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.split('\n').enumerate();
        lines.map(|(index, line)| (index + 1, line))
    }

    pub(crate) fn extension(&self) -> &str {
        extension(&self.path)
    }

    pub(crate) fn name(&self) -> &str {
        name(&self.path)
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn extension(path: &str) -> &str {
    name(path).rsplit_once('.').map_or("", |(_, end)| end)
}

/// Reads all files, in the order of their paths.
pub(super) fn all(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.contains(&path.as_str()) {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() && is_ours(&path) {
            let text = fs::read_to_string(entry.path())?;
            files.push(File { path, text });
        }
    }
    Ok(())
}

fn is_ours(path: &str) -> bool {
    EXTENSIONS.contains(&extension(path)) || NAMES.contains(&name(path))
}
