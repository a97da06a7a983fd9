//! Checks who may know whom: the floors table of the workspace against the manifests.

mod graph;
mod read;
mod rules;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::Outcome;

/// Prints every broken rule.
///
/// # Errors
/// When a rule is broken, or the workspace cannot be read.
pub(crate) fn run(root: &Path) -> Outcome {
    let workspace = read::workspace(root)?;
    let broken = rules::check(&workspace);
    for sentence in &broken {
        eprintln!("layers: {sentence}");
    }
    if !broken.is_empty() {
        return Err(format!("{} rules of the floors are broken", broken.len()).into());
    }
    println!(
        "layers: {} crates stand on their floors",
        workspace.rows.len()
    );
    Ok(())
}
