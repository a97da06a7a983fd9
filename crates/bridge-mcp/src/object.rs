//! Reading JSON objects. What is read into a struct could otherwise be an array as well.

use serde::Deserialize;
use serde::de::Error as _;

/// Reads an object.
///
/// # Errors
/// When it is none, or not one of this kind.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, serde_json::Error> {
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(serde_json::Error::custom("it is no object"));
    }
    serde_json::from_slice(text)
}
