//! The command line, parsed by hand: a few names with a value each.

use crate::target::{Dialect, Target, TargetError};

/// What `--help` says.
pub(crate) const HELP: &str = "\
bridge-load --direct URL --gateway URL --key KEY --pid PID [--dialect NAME] [--only WORD] [--short]

  --direct URL    base address of the provider, as a client without a gateway sets it
  --gateway URL   base address of the gateway's provider, as a client of the gateway sets it
  --key KEY       what the gateway wants to see
  --pid PID       the gateway's process, whose time and memory are measured
  --dialect NAME  anthropic (the default), chat or responses
  --only WORD     only the cases whose line has this word in it
  --without-journal URL, --without-journal-key KEY, --without-journal-pid PID
                  the same for a second gateway that keeps no journal: what the journal costs
                  is measured then, too
  --empty URL, --empty-key KEY, --empty-pid PID
                  the same for a gateway that knows a tool server which has no tools
  --tools URL, --tools-key KEY, --tools-pid PID
                  the same for a gateway whose tool servers have fifty tools
  --short         less than a minute in place of less than six
";

/// A parsed command line.
#[derive(Debug)]
pub(crate) struct Flags {
    pub(crate) direct: Target,
    pub(crate) gateway: Target,
    pub(crate) pid: u32,
    pub(crate) dialect: Dialect,
    pub(crate) only: Option<String>,
    pub(crate) is_short: bool,
    pub(crate) twins: Twins,
}

/// Gateways to compare with.
#[derive(Debug)]
pub(crate) struct Twins {
    /// One that keeps no journal.
    pub(crate) journal: Option<Twin>,
    /// One with a tool server that has no tools.
    pub(crate) empty: Option<Twin>,
    /// One with fifty tools.
    pub(crate) tools: Option<Twin>,
}

/// A second gateway.
#[derive(Debug)]
pub(crate) struct Twin {
    pub(crate) target: Target,
    pub(crate) pid: u32,
}

/// What is wrong with a command line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FlagsError {
    #[error("unknown argument `{0}`; --help lists them")]
    Unknown(String),
    #[error("`{0}` needs a value")]
    NoValue(String),
    #[error("`{0}` is missing; --help lists the arguments")]
    Missing(&'static str),
    #[error("`{value}` is no {what}")]
    Invalid { value: String, what: &'static str },
    #[error("the address is unusable")]
    Target(#[from] TargetError),
}

/// Nothing when help is asked for.
pub(crate) fn parse(
    mut arguments: impl Iterator<Item = String>,
) -> Result<Option<Flags>, FlagsError> {
    let (mut direct, mut gateway, mut key, mut pid) = (None, None, None, None);
    let (mut dialect, mut only, mut is_short) = (Dialect::Anthropic, None, false);
    let mut twins = [JOURNAL, EMPTY, TOOLS].map(RawTwin::new);
    while let Some(name) = arguments.next() {
        let mut value = || {
            let value = arguments.next();
            value.ok_or_else(|| FlagsError::NoValue(name.clone()))
        };
        match name.as_str() {
            "--help" | "-h" => return Ok(None),
            "--short" => is_short = true,
            "--direct" => direct = Some(value()?),
            "--gateway" => gateway = Some(value()?),
            "--key" => key = Some(value()?),
            "--only" => only = Some(value()?),
            "--pid" => pid = Some(process_id(value()?)?),
            "--dialect" => {
                let value = value()?;
                let what = "dialect";
                dialect = Dialect::named(&value).ok_or(FlagsError::Invalid { value, what })?;
            }
            _ => {
                let is_its = |twin: &&mut RawTwin| twin.names.contains(&name.as_str());
                match twins.iter_mut().find(is_its) {
                    Some(twin) => twin.take(&name, value()?),
                    None => return Err(FlagsError::Unknown(name)),
                }
            }
        }
    }
    let [journal, empty, tools] = twins;
    let direct = direct.ok_or(FlagsError::Missing("--direct"))?;
    let gateway = gateway.ok_or(FlagsError::Missing("--gateway"))?;
    let key = key.ok_or(FlagsError::Missing("--key"))?;
    Ok(Some(Flags {
        direct: Target::try_new(&direct, dialect, &key)?,
        gateway: Target::try_new(&gateway, dialect, &key)?,
        pid: pid.ok_or(FlagsError::Missing("--pid"))?,
        dialect,
        only,
        is_short,
        twins: Twins {
            journal: journal.finish(dialect)?,
            empty: empty.finish(dialect)?,
            tools: tools.finish(dialect)?,
        },
    }))
}

/// The arguments of a second gateway: where it is, its key, its process.
type TwinNames = [&'static str; 3];

const JOURNAL: TwinNames = [
    "--without-journal",
    "--without-journal-key",
    "--without-journal-pid",
];
const EMPTY: TwinNames = ["--empty", "--empty-key", "--empty-pid"];
const TOOLS: TwinNames = ["--tools", "--tools-key", "--tools-pid"];

/// What was said of a second gateway.
struct RawTwin {
    names: TwinNames,
    values: [Option<String>; 3],
}

impl RawTwin {
    fn new(names: TwinNames) -> Self {
        Self {
            names,
            values: Default::default(),
        }
    }

    fn take(&mut self, name: &str, value: String) {
        let places = self.names.iter().zip(&mut self.values);
        if let Some((_, place)) = places.into_iter().find(|(own, _)| **own == name) {
            *place = Some(value);
        }
    }

    /// All that is needed, or nothing when nothing was said.
    fn finish(self, dialect: Dialect) -> Result<Option<Twin>, FlagsError> {
        if self.values.iter().all(Option::is_none) {
            return Ok(None);
        }
        let [base_name, key_name, pid_name] = self.names;
        let [base, key, pid] = self.values;
        let base = base.ok_or(FlagsError::Missing(base_name))?;
        let key = key.ok_or(FlagsError::Missing(key_name))?;
        let pid = pid.ok_or(FlagsError::Missing(pid_name))?;
        Ok(Some(Twin {
            target: Target::try_new(&base, dialect, &key)?,
            pid: process_id(pid)?,
        }))
    }
}

fn process_id(value: String) -> Result<u32, FlagsError> {
    let what = "process id";
    let parsed = value.parse();
    parsed.map_err(|_| FlagsError::Invalid { value, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(line: &str) -> Result<Option<Flags>, FlagsError> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_whole_line_is_read() {
        let flags = line(
            "--direct http://127.0.0.1:1/ --gateway http://127.0.0.1:2/anthropic --key k --pid 7 \
             --short --only paced",
        );
        let flags = flags.unwrap().unwrap();
        assert_eq!((flags.pid, flags.is_short), (7, true));
        assert_eq!(flags.only.as_deref(), Some("paced"));
        assert!(line("--help").unwrap().is_none());
    }

    #[test]
    fn mistakes_are_named() {
        let check = |given: &str, wanted: &str| {
            assert_eq!(line(given).unwrap_err().to_string(), wanted);
        };
        check("--what", "unknown argument `--what`; --help lists them");
        check("--pid", "`--pid` needs a value");
        check("--pid x", "`x` is no process id");
        check("--dialect x", "`x` is no dialect");
        check(
            "--direct http://127.0.0.1:1 --gateway http://127.0.0.1:2 --key k --pid 1 \
             --without-journal http://127.0.0.1:3",
            "`--without-journal-key` is missing; --help lists the arguments",
        );
        check("", "`--direct` is missing; --help lists the arguments");
        check(
            "--direct a --gateway b --key k --pid 1",
            "the address is unusable",
        );
    }
}
