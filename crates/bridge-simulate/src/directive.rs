//! Directives: the words by which a request says how it wants to be answered.
//!
//! In a prompt they are written `simulate:NAME` or `simulate:NAME=VALUE`; in the header
//! `x-simulate` they stand without the prefix, parted by blanks or commas. The README lists them.

mod plan;

use std::time::Duration;

use serde_json::Value;

pub(crate) use self::plan::Plan;

/// What a prompt's directives begin with.
const PREFIX: &str = "simulate:";

/// The most that a directive may ask for, so that a slip of the finger costs no machine.
const MOST_EVENTS: usize = 1_000_000;
const MOST_BYTES: usize = 1 << 20;
const MOST_TEXT: usize = 64 << 20;
const MOST_WAIT_MS: u64 = 3_600_000;

/// All that a request wants.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Directives {
    pub(crate) tools: Vec<ToolWish>,
    pub(crate) think: bool,
    /// The answer ends for lack of room, in the middle of what came last.
    pub(crate) is_short: bool,
    /// The arguments of calls end before their end.
    pub(crate) breaks_arguments: bool,
    /// How many rounds these directives are for.
    pub(crate) rounds: Option<usize>,
    pub(crate) fault: Option<Fault>,
    /// The fault strikes only the first so many times that this prompt is seen.
    pub(crate) times: Option<u32>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) delay: Duration,
    pub(crate) pace: Option<Duration>,
    pub(crate) silence: Duration,
    pub(crate) events: Option<usize>,
    pub(crate) bytes: Option<usize>,
    pub(crate) gzip: bool,
}

/// A tool to be called.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToolWish {
    /// A name, or a pattern of names. Without one: the first that is offered.
    pub(crate) name: Option<String>,
    /// Without arguments: such as the tool's schema allows.
    pub(crate) arguments: Option<Value>,
    /// All whose names fit are to be called, and not only the first.
    pub(crate) takes_all: bool,
}

/// How an answer goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An error in the provider's shape.
    Status(u16),
    /// An error in the middle of the stream.
    StreamError,
    /// A frame in the middle of the stream is not the one that its checksum was made of.
    BadChecksum,
    /// The connection is reset instead of an answer.
    ResetBefore,
    /// The connection ends in the middle of the answer.
    ResetMid,
    /// A web page with status 200.
    Html,
    /// Status 200 and nothing.
    Empty,
    /// No answer, ever.
    Hang,
    /// One byte a second, or one per `pace`.
    Drip,
    /// Status 200 and bytes that mean nothing.
    Garbage,
}

impl Fault {
    /// The faults that need no number.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "stream-error" => Self::StreamError,
            "bad-checksum" => Self::BadChecksum,
            "reset-before" => Self::ResetBefore,
            "reset-mid" => Self::ResetMid,
            "html" => Self::Html,
            "empty" => Self::Empty,
            "hang" => Self::Hang,
            "drip" => Self::Drip,
            "garbage" => Self::Garbage,
            _ => return None,
        })
    }
}

/// A directive that cannot be obeyed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DirectiveError {
    #[error("unknown directive `{0}`")]
    Unknown(String),
    #[error("directive `{0}` needs a number after `=`")]
    NotANumber(String),
    #[error("directive `{name}` goes to {most}")]
    TooMuch { name: String, most: u64 },
    #[error("directives `events` and `bytes` together ask for more than {MOST_TEXT} bytes")]
    TooMuchText,
}

/// Whether a text may hold directives.
pub(crate) fn is_in(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), PREFIX.as_bytes()).is_some()
}

/// Hands each directive of a prompt to `read`, which gives back what follows it.
fn in_prompt<'t>(
    prompt: &'t str,
    mut read: impl FnMut(&'t str) -> Result<&'t str, DirectiveError>,
) -> Result<(), DirectiveError> {
    let mut rest = prompt;
    while let Some(at) = memchr::memmem::find(rest.as_bytes(), PREFIX.as_bytes()) {
        let (before, from) = rest.split_at(at);
        rest = from.get(PREFIX.len()..).unwrap_or_default();
        let is_a_word = !before.ends_with(|last: char| last.is_alphanumeric() || last == '-');
        if is_a_word && rest.starts_with(|first: char| first.is_ascii_lowercase()) {
            rest = read(rest)?;
        }
    }
    Ok(())
}

/// Hands each directive of a header to `read`, which gives back what follows it.
fn in_header<'t>(
    value: &'t str,
    mut read: impl FnMut(&'t str) -> Result<&'t str, DirectiveError>,
) -> Result<(), DirectiveError> {
    let is_gap = |letter: char| letter.is_whitespace() || letter == ',' || letter == ';';
    let mut rest = value.trim_start_matches(is_gap);
    while !rest.is_empty() {
        rest = rest.strip_prefix(PREFIX).unwrap_or(rest);
        rest = read(rest)?.trim_start_matches(is_gap);
    }
    Ok(())
}

/// The directive that a text begins with, up to its arguments.
fn word(text: &str) -> &str {
    let ends = |letter: char| letter.is_whitespace() || "\"'`,;()<>{}\\".contains(letter);
    let end = text.find(ends).unwrap_or(text.len());
    let word = text.get(..end).unwrap_or_default();
    word.trim_end_matches(['.', '!', '?', ':'])
}

impl Directives {
    /// Takes one directive from the beginning and gives back what follows it.
    fn read_one<'t>(&mut self, text: &'t str) -> Result<&'t str, DirectiveError> {
        let word = word(text);
        let rest = text.get(word.len()..).unwrap_or_default();
        // What ends a sentence belongs to no directive.
        let rest = rest.trim_start_matches(['.', '!', '?', ':']);
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        if name == "tool" || name == "tools" {
            let (arguments, rest) = read_json(rest);
            self.tools.push(ToolWish {
                name: value.filter(|name| !name.is_empty()).map(str::to_owned),
                arguments,
                takes_all: name == "tools",
            });
            return Ok(rest);
        }
        if word.is_empty() {
            // A header with a stray sign: say so instead of standing still.
            return Err(DirectiveError::Unknown(text.chars().take(20).collect()));
        }
        self.apply(name, value)?;
        Ok(rest)
    }

    fn apply(&mut self, name: &str, value: Option<&str>) -> Result<(), DirectiveError> {
        let number = |most: u64| {
            let not_a_number = || DirectiveError::NotANumber(name.to_owned());
            let number: u64 = value
                .ok_or_else(not_a_number)?
                .parse()
                .map_err(|_| not_a_number())?;
            match number <= most {
                true => Ok(number),
                false => Err(DirectiveError::TooMuch {
                    name: name.to_owned(),
                    most,
                }),
            }
        };
        let wait = || number(MOST_WAIT_MS).map(Duration::from_millis);
        let size = |most: usize| {
            let most = u64::try_from(most).unwrap_or(u64::MAX);
            number(most).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
        };
        if let Some(fault) = Fault::named(name) {
            self.fault = Some(fault);
            return Ok(());
        }
        match name {
            "think" => self.think = true,
            "short" => self.is_short = true,
            "broken-arguments" => self.breaks_arguments = true,
            "rounds" => {
                let rounds = usize::try_from(number(plan::MOST_ROUNDS)?);
                self.rounds = Some(rounds.unwrap_or(usize::MAX));
            }
            "gzip" => self.gzip = true,
            "delay" => self.delay = wait()?,
            "pace" => self.pace = Some(wait()?),
            "silence" => self.silence = wait()?,
            "events" => self.events = Some(size(MOST_EVENTS)?.max(1)),
            "bytes" => self.bytes = Some(size(MOST_BYTES)?.max(1)),
            "times" => {
                let times = number(u64::from(u32::MAX))?;
                self.times = Some(u32::try_from(times).unwrap_or(u32::MAX));
            }
            "retry-after" => self.retry_after = Some(number(MOST_WAIT_MS)?),
            "error" => match u16::try_from(number(599)?).unwrap_or(0) {
                status @ 400..=599 => self.fault = Some(Fault::Status(status)),
                status => return Err(DirectiveError::Unknown(format!("error={status}"))),
            },
            unknown => {
                let short = unknown.chars().take(40).collect();
                return Err(DirectiveError::Unknown(short));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), DirectiveError> {
        let asked = self
            .events
            .unwrap_or(1)
            .saturating_mul(self.bytes.unwrap_or(DEFAULT_BYTES));
        match asked <= MOST_TEXT {
            true => Ok(()),
            false => Err(DirectiveError::TooMuchText),
        }
    }
}

/// Bytes of text in an event when only the number of events was asked for.
pub(crate) const DEFAULT_BYTES: usize = 8;

/// Takes a JSON object from the beginning, behind blanks, when there is one.
fn read_json(text: &str) -> (Option<Value>, &str) {
    let trimmed = text.trim_start();
    if !trimmed.starts_with('{') {
        return (None, text);
    }
    let mut values = serde_json::Deserializer::from_str(trimmed).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => {
            let rest = trimmed.get(values.byte_offset()..).unwrap_or_default();
            (Some(value), rest)
        }
        Some(Err(_)) | None => (None, text),
    }
}

#[cfg(test)]
mod tests;
