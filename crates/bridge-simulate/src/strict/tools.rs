//! Names of tools.

use std::collections::HashSet;

use super::StrictError;
use crate::asked::Asked;
use crate::dialect::Dialect;
use crate::offered;

/// The longest name, in letters.
const LONGEST_OF_ANTHROPIC: usize = 128;
const LONGEST_OF_OPENAI: usize = 64;

pub(super) fn check(dialect: Dialect, asked: &Asked<'_>) -> Result<(), StrictError> {
    let longest = match dialect {
        Dialect::Anthropic => LONGEST_OF_ANTHROPIC,
        Dialect::Chat | Dialect::Responses => LONGEST_OF_OPENAI,
    };
    let is_good = |name: &str| {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        (1..=longest).contains(&name.len()) && name.chars().all(is_letter)
    };
    let mut known = HashSet::new();
    for (at, name) in offered::names(dialect, asked).into_iter().enumerate() {
        if !is_good(&name) || !known.insert(name.clone()) {
            return Err(StrictError::ToolName { at, name });
        }
    }
    Ok(())
}
