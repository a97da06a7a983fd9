//! What no compiler sees: module docs, names, links, and paths that lead out of the project.

mod docs;
mod files;
mod leaks;
mod rust;

use std::path::Path;

use self::files::File;
use crate::Outcome;

/// Prints hints and faults.
///
/// # Errors
/// When there are faults, or a file cannot be read.
pub(crate) fn run(root: &Path) -> Outcome {
    let files = files::all(root)?;
    let mut faults = Vec::new();
    let mut hints = Vec::new();
    for file in &files {
        blanks(file, &mut faults);
        leaks::check(file, &mut faults);
        match file.extension() {
            "rs" => rust::check(file, &mut faults, &mut hints),
            "md" => docs::check(root, file, &mut faults),
            _ => {}
        }
    }
    for hint in &hints {
        println!("tidy, a hint: {hint}");
    }
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    if !faults.is_empty() {
        return Err(format!("{} things are untidy", faults.len()).into());
    }
    println!("tidy: {} files are in order", files.len());
    Ok(())
}

fn blanks(file: &File, faults: &mut Vec<String>) {
    for (number, line) in file.lines() {
        if line.ends_with([' ', '\t', '\r']) {
            faults.push(format!("{}:{number}: blanks at the end", file.path));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        faults.push(format!("{}: no newline at the end", file.path));
    }
}
