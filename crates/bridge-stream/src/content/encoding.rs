//! The names of content codings.

use std::fmt;

use crate::UnknownEncoding;

/// How many codings one body may have. Nobody sends more than one; a pile of them is an attack.
const MOST: usize = 4;

/// How much of an unknown name is kept.
const LONGEST_NAME: usize = 32;

/// A content coding of the HTTP registry
/// (<https://www.iana.org/assignments/http-parameters/http-parameters.xhtml#content-coding>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// RFC 1952, also under its old name `x-gzip`.
    Gzip,
    /// RFC 1950, or RFC 1951 from senders that leave the wrapping out (RFC 9110, section 8.4.1.2).
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878, with the window of at most 8 MiB that RFC 9659 sets.
    Zstd,
}

impl Encoding {
    /// The codings that a `Content-Encoding` header names, in the order in which they were
    /// applied. `identity` and empty members are left out. Letters may be large or small.
    ///
    /// # Errors
    ///
    /// When a coding is unknown, or there are more than four.
    pub fn from_header(value: &[u8]) -> Result<Vec<Self>, UnknownEncoding> {
        let mut encodings = Vec::new();
        for name in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            if encodings.len() == MOST {
                return Err(UnknownEncoding::TooMany { limit: MOST });
            }
            encodings.push(Self::from_name(name)?);
        }
        Ok(encodings)
    }

    /// The name in the registry.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    fn from_name(name: &[u8]) -> Result<Self, UnknownEncoding> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let all = [Self::Gzip, Self::Deflate, Self::Brotli, Self::Zstd];
        if let Some(encoding) = all.into_iter().find(|encoding| is(encoding.as_str())) {
            return Ok(encoding);
        }
        // RFC 9110, section 8.4.1.3.
        if is("x-gzip") {
            return Ok(Self::Gzip);
        }
        let kept = name.get(..LONGEST_NAME).unwrap_or(name);
        Err(UnknownEncoding::Unknown {
            name: String::from_utf8_lossy(kept).into_owned(),
        })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Encoding::{Brotli, Deflate, Gzip, Zstd};
    use super::*;

    #[test]
    fn headers_are_read_in_order() {
        let check = |value: &str, expected: &[Encoding]| {
            assert_eq!(
                Encoding::from_header(value.as_bytes()).as_deref(),
                Ok(expected),
                "{value}"
            );
        };
        check("gzip", &[Gzip]);
        check("X-GZip", &[Gzip]);
        check("deflate, br", &[Deflate, Brotli]);
        check(" zstd ,\tGZIP", &[Zstd, Gzip]);
        check("identity", &[]);
        check("", &[]);
        check(",identity,, br,", &[Brotli]);
    }

    #[test]
    fn what_is_unknown_is_named() {
        let check = |value: &[u8], expected: &str| {
            let error = Encoding::from_header(value).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(b"gzip, compress", "unknown content coding \"compress\"");
        check(b"gzip;q=1", "unknown content coding \"gzip;q=1\"");
        check(b"a\xFF\n", "unknown content coding \"a\u{fffd}\"");
        check(b"br,br,br,br,br", "more than 4 content codings");
        let long = [b'a'; 100];
        let kept = "a".repeat(32);
        check(&long, &format!("unknown content coding {kept:?}"));
    }
}
