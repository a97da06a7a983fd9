//! Reading JSON objects of others.

use serde::Deserialize;
use serde_json::error::Category;

/// Where JSON could not be read. Nothing of what it says: that is nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line}, column {column}")]
pub struct Misread {
    what: &'static str,
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for Misread {
    fn from(error: serde_json::Error) -> Self {
        let what = match error.classify() {
            Category::Io => "it cannot be read",
            Category::Syntax => "it is no JSON",
            Category::Data => "something else was expected",
            Category::Eof => "it ends too early",
        };
        Self {
            what,
            line: error.line(),
            column: error.column(),
        }
    }
}

/// Reads an object. What is read into a struct could otherwise be an array as well.
///
/// # Errors
/// When it is none, or not one of this kind.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Misread> {
    if text.trim_ascii_start().first() == Some(&b'{') {
        return Ok(serde_json::from_slice(text)?);
    }
    Err(Misread {
        what: "it is no object",
        line: 1,
        column: 1,
    })
}
