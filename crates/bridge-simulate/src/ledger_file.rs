//! The ledger as a file of JSON lines, so that another process can compare what a provider saw and
//! finished with what a gateway recorded.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bridge_telemetry::ErrorChain;
use http::StatusCode;
use parking_lot::Mutex;
use serde::Serialize;
use slog::{Logger, warn};

use crate::asked::Asked;
use crate::dialect::Dialect;
use crate::digest::sha256;
use crate::turn::Usage;

/// A line of the file. No text of the request or of the answer is in it.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Line<'l> {
    /// A request for a model's answer arrived whole. Written before anything is answered.
    Asked {
        dialect: &'static str,
        stream: bool,
        /// SHA-256 of what the person said last, in hexadecimal: the texts, with line breaks
        /// between them.
        prompt_sha256: String,
        #[serde(flatten)]
        reply: Reply<'l>,
    },
    /// An answer is over. Written when its last byte was handed to the connection, or when it
    /// broke off.
    Ended {
        response_id: &'l str,
        finished: bool,
    },
    /// The file is as long as it may become. Nothing follows.
    Full,
}

/// How a request is answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Reply<'l> {
    Answered {
        response_id: &'l str,
        input: u64,
        output: u64,
        cache_read: u64,
        cache_write: u64,
        /// How many tools are called.
        tools: usize,
    },
    Refused {
        status: u16,
    },
}

impl<'l> Line<'l> {
    pub(crate) fn answered(
        dialect: Dialect,
        asked: &Asked<'_>,
        response_id: &'l str,
        usage: Usage,
        tools: usize,
    ) -> Self {
        let reply = Reply::Answered {
            response_id,
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            tools,
        };
        Self::asked(dialect, asked, reply)
    }

    pub(crate) fn refused(dialect: Dialect, asked: &Asked<'_>, status: StatusCode) -> Self {
        let status = status.as_u16();
        Self::asked(dialect, asked, Reply::Refused { status })
    }

    fn asked(dialect: Dialect, asked: &Asked<'_>, reply: Reply<'l>) -> Self {
        Self::Asked {
            dialect: dialect.as_str(),
            stream: asked.wants_stream,
            prompt_sha256: sha256(asked.last.texts.join("\n")),
            reply,
        }
    }
}

/// An open ledger file. Lines are appended whole, one write for each.
#[derive(Debug)]
pub(crate) struct LedgerFile {
    path: PathBuf,
    open: Mutex<Open>,
    logger: Logger,
}

#[derive(Debug)]
struct Open {
    /// Nothing when the file is full or could not be written.
    file: Option<File>,
    /// How many bytes may still be written.
    left: u64,
}

impl LedgerFile {
    /// Opens the file, or makes it. What stands in it stays and counts.
    pub(crate) fn open(path: &Path, most_bytes: u64, logger: &Logger) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let left = most_bytes.saturating_sub(file.metadata()?.len());
        Ok(Self {
            path: path.to_owned(),
            open: Mutex::new(Open {
                file: Some(file),
                left,
            }),
            logger: logger.clone(),
        })
    }

    /// Appends a line. When there is no room for it, or the system refuses, nothing is written
    /// from then on, and the log says so once.
    pub(crate) fn write(&self, line: &Line<'_>) {
        let mut open = self.open.lock();
        let Some(mut file) = open.file.take() else {
            return;
        };
        let mut text = text(line);
        let left = open.left.checked_sub(size(&text));
        if left.is_none() {
            text = self::text(&Line::Full);
            let path = self.path.display();
            warn!(self.logger, "the ledger file is full"; "path" => %path);
        }
        match (file.write_all(text.as_bytes()), left) {
            (Ok(()), Some(left)) => {
                *open = Open {
                    file: Some(file),
                    left,
                }
            }
            (Ok(()), None) => {}
            (Err(cause), _) => {
                let (path, cause) = (self.path.display(), ErrorChain(&cause));
                warn!(self.logger, "the ledger file cannot be written"; "path" => %path, "error" => cause);
            }
        }
    }
}

fn text(line: &Line<'_>) -> String {
    // Strings and numbers always have a form in JSON.
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text
}

fn size(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(response_id: &str) -> Line<'_> {
        Line::Ended {
            response_id,
            finished: true,
        }
    }

    fn written(most_bytes: u64, before: &str, lines: &[Line<'_>]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        std::fs::write(&path, before).unwrap();
        let file = LedgerFile::open(&path, most_bytes, &bridge_telemetry::discard()).unwrap();
        for line in lines {
            file.write(line);
        }
        std::fs::read_to_string(&path).unwrap()
    }

    #[test]
    fn lines_are_appended_until_the_file_is_full() {
        let one = "{\"event\":\"ended\",\"response_id\":\"a\",\"finished\":true}\n";
        assert_eq!(written(1000, "", &[ended("a"), ended("a")]), one.repeat(2));
        let full = format!("{one}{}", "{\"event\":\"full\"}\n");
        let lines = [ended("a"), ended("b"), ended("c")];
        assert_eq!(written(60, "", &lines), full, "there was room for one");
        assert_eq!(written(61, one, &lines), full, "what stood there counts");
    }
}
