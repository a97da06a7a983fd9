//! What the program is told: one file, variables laid over it, all problems reported at once.
//!
//! [`Config`] is already valid. Everything below reads, and nothing else in the program reads the
//! environment.

mod advice;
pub(crate) mod collector;
pub(crate) mod control;
pub(crate) mod env;
mod file;
pub(crate) mod live;
pub(crate) mod network;
mod one_secret;
mod problem;
pub(crate) mod provider;
pub(crate) mod quantity;
mod reader;
pub(crate) mod sample;
mod sealing;
pub(crate) mod secret_file;
pub(crate) mod sections;
pub(crate) mod setting;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bridge_auth::Secret;
use bridge_control::SealingKey;
use bridge_upstream::ProxyRules;
use toml::Table;

use self::collector::Collector;
use self::control::RemoteControl;
use self::env::{Environment, variable};
use self::problem::Findings;
pub(crate) use self::problem::Problem;
pub(crate) use self::provider::Provider;
pub(crate) use self::quantity::duration;
use self::reader::{Description, SectionReader};
use self::sections::{
    Admin, Auth, BreakerSection, Control, Data, DrainSection, DumpSection, Egress, Engine, Gateway,
    Headers, JournalSection, LimitsSection, Listen, Log, MetricsSection, RawProvider,
    RecordSection, RetrySection, SECTIONS, ToolsSection, TracesSection, Upstream,
};

/// Everything that can be set, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where connections are accepted.
    pub(crate) listen: Listen,
    /// Where users, keys and records are kept.
    pub(crate) data_folder: PathBuf,
    /// Where the sealing key is, when it is not in the data folder.
    pub(crate) sealing_key: Option<SealingKey>,
    /// The operator's token, when one is given; else one is made in the data folder.
    pub(crate) admin_token: Option<Secret>,
    /// The way to the control plane, when it is another process.
    pub(crate) control: Option<RemoteControl>,
    /// What is logged.
    pub(crate) log: Log,
    /// Limits towards callers.
    pub(crate) gateway: Gateway,
    /// How many requests may run and how fast callers may come.
    pub(crate) limits: LimitsSection,
    /// Limits and habits of the interception.
    pub(crate) engine: Engine,
    /// Connections to providers.
    pub(crate) upstream: Upstream,
    /// When calls are tried again.
    pub(crate) retry: RetrySection,
    /// When what keeps failing is left alone.
    pub(crate) breaker: BreakerSection,
    /// Tools of tool servers, and how much a turn may do with them.
    pub(crate) tools: ToolsSection,
    /// What the environment says of proxies, if it is followed.
    pub(crate) proxies: ProxyRules,
    /// Where requests may go.
    pub(crate) egress: Egress,
    /// Names of the gateway's own headers.
    pub(crate) headers: Headers,
    /// Who may use the gateway.
    pub(crate) auth: Auth,
    /// How records travel.
    pub(crate) record: RecordSection,
    /// How they are kept on the disk until then.
    pub(crate) journal: JournalSection,
    /// What is counted, and for whom.
    pub(crate) metrics: MetricsSection,
    /// What is written of exchanges with providers.
    pub(crate) dump: DumpSection,
    /// What is written down of requests, and how.
    pub(crate) traces: TracesSection,
    /// Where spans go, if they go anywhere.
    pub(crate) collector: Option<Collector>,
    /// How the program stops.
    pub(crate) drain: DrainSection,
    /// What the embedded control plane begins with.
    pub(crate) providers: Vec<Provider>,
}

/// The part that commands need which call a running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperatorConfig {
    /// Where the server listens.
    pub(crate) listen: Listen,
    /// Where the server keeps the token it made.
    pub(crate) data_folder: PathBuf,
    /// Where the sealing key is, when it is not in the data folder.
    sealing_key: Option<SealingKey>,
    /// The operator's token, when one is given.
    pub(crate) admin_token: Option<Secret>,
    /// Name of the header for the user key beside a credential of one's own.
    pub(crate) headers: Headers,
}

/// A configuration and what is to be said of it.
#[derive(Debug)]
pub(crate) struct Loaded<T> {
    /// The configuration.
    pub(crate) config: T,
    /// What works but should be changed.
    pub(crate) warnings: Vec<Problem>,
    /// The file that was read, if there was one.
    pub(crate) file: Option<PathBuf>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{}, line {line}, column {column}: {}", path.display(), message.trim_end())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From one.
        line: usize,
        /// From one.
        column: usize,
        /// What was wrong, without the text of the file.
        message: String,
    },
    /// Something in it cannot be used.
    #[error("the configuration cannot be used:{}", list(.0))]
    Invalid(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| format!("\n  {problem}"));
    lines.collect()
}

impl Config {
    /// Reads the file that is `named`, or the usual one, and the environment.
    ///
    /// # Errors
    /// When the file cannot be read, or with everything in it that cannot be used.
    pub(crate) fn load(
        named: Option<&Path>,
        environment: &Environment,
    ) -> Result<Loaded<Self>, ConfigError> {
        load(named, environment, |table, findings| {
            file::check_top(table, findings);
            warn_of_strangers(environment, findings);
            Self::read(table, environment, findings)
        })
    }

    fn read(table: &Table, environment: &Environment, findings: &mut Findings) -> Option<Self> {
        let operator = OperatorConfig::read(table, environment, findings);
        let gateway_address = operator.as_ref().map(|config| config.listen.address);
        let told = Told { table, environment };
        let control = Control::read(told.section(Control::DESCRIPTION, findings));
        if let Some(listen) = operator.as_ref().map(|config| &config.listen) {
            let is_remote = control
                .as_ref()
                .is_some_and(|control| control.url.is_some());
            control::check_listener(listen, is_remote, findings);
        }
        let control = control.and_then(|control| control::remote(control, environment, findings));
        let log = Log::read(told.section(Log::DESCRIPTION, findings));
        let gateway = Gateway::read(told.section(Gateway::DESCRIPTION, findings));
        let limits = LimitsSection::read(told.section(LimitsSection::DESCRIPTION, findings));
        let engine = Engine::read(told.section(Engine::DESCRIPTION, findings));
        let upstream = Upstream::read(told.section(Upstream::DESCRIPTION, findings));
        let retry = RetrySection::read(told.section(RetrySection::DESCRIPTION, findings));
        let breaker = BreakerSection::read(told.section(BreakerSection::DESCRIPTION, findings));
        let tools = ToolsSection::read(told.section(ToolsSection::DESCRIPTION, findings));
        let proxies = upstream
            .as_ref()
            .and_then(|upstream| network::proxies(upstream, environment, findings));
        let egress = Egress::read(told.section(Egress::DESCRIPTION, findings));
        let auth = Auth::read(told.section(Auth::DESCRIPTION, findings));
        let record = RecordSection::read(told.section(RecordSection::DESCRIPTION, findings));
        let journal = JournalSection::read(told.section(JournalSection::DESCRIPTION, findings));
        let metrics = MetricsSection::read(told.section(MetricsSection::DESCRIPTION, findings));
        let dump = DumpSection::read(told.section(DumpSection::DESCRIPTION, findings));
        if dump.as_ref().is_some_and(|dump| dump.folder.is_some()) {
            let text = "writes prompts and answers to files: take it out when you are done";
            findings.warn("dump.folder", text);
        }
        let traces = TracesSection::read(told.section(TracesSection::DESCRIPTION, findings));
        let collector = match &traces {
            Some(traces) => collector::read(traces, environment, findings),
            None => None,
        };
        let drain = DrainSection::read(told.section(DrainSection::DESCRIPTION, findings));
        let providers = provider::read(table, environment, gateway_address, findings);
        let operator = operator?;
        let control = control?;
        if control.is_some() && table.contains_key(RawProvider::DESCRIPTION.path) {
            let text = "are not used by a gateway: those of its control plane are";
            findings.warn(RawProvider::DESCRIPTION.path, text);
        }
        Some(Self {
            listen: operator.listen,
            data_folder: operator.data_folder,
            sealing_key: operator.sealing_key,
            admin_token: operator.admin_token,
            control,
            log: log?,
            gateway: gateway?,
            limits: limits?,
            engine: engine?,
            upstream: upstream?,
            retry: retry?,
            breaker: breaker?,
            tools: tools?,
            proxies: proxies?,
            egress: egress?,
            headers: operator.headers,
            auth: auth?,
            record: record?,
            journal: journal?,
            metrics: metrics?,
            dump: dump?,
            traces: traces?,
            collector: collector?,
            drain: drain?,
            providers,
        })
    }
}

impl OperatorConfig {
    /// Reads what is needed to call a running server; the rest may be wrong or unset here.
    ///
    /// # Errors
    /// As [`Config::load`], for these sections.
    pub(crate) fn load(
        named: Option<&Path>,
        environment: &Environment,
    ) -> Result<Loaded<Self>, ConfigError> {
        load(named, environment, |table, findings| {
            Self::read(table, environment, findings)
        })
    }

    fn read(table: &Table, environment: &Environment, findings: &mut Findings) -> Option<Self> {
        let told = Told { table, environment };
        let listen = Listen::read(told.section(Listen::DESCRIPTION, findings));
        let data = Data::read(told.section(Data::DESCRIPTION, findings));
        let admin = Admin::read(told.section(Admin::DESCRIPTION, findings));
        let headers = Headers::read(told.section(Headers::DESCRIPTION, findings));
        if let Some(listen) = &listen {
            check_listen(listen, findings);
        }
        if let Some(Err(problem)) = headers.as_ref().map(Headers::policy) {
            findings.problem("headers", problem.to_string());
        }
        let sealing_key = data
            .as_ref()
            .and_then(|data| sealing::read(data, environment, findings));
        let data_folder = data.and_then(|data| data_folder(data, environment, findings));
        let admin_token = admin.and_then(|admin| admin_token(admin, environment, findings));
        Some(Self {
            listen: listen?,
            data_folder: data_folder?,
            sealing_key: sealing_key?,
            admin_token: admin_token?,
            headers: headers?,
        })
    }
}

/// What the file and the environment say.
#[derive(Clone, Copy)]
struct Told<'t> {
    table: &'t Table,
    environment: &'t Environment,
}

impl<'t> Told<'t> {
    fn section(self, section: Description, findings: &'t mut Findings) -> SectionReader<'t> {
        SectionReader::of_file(section.path, self.table, self.environment, findings)
    }
}

fn load<T>(
    named: Option<&Path>,
    environment: &Environment,
    read: impl FnOnce(&Table, &mut Findings) -> Option<T>,
) -> Result<Loaded<T>, ConfigError> {
    let file = file::locate(named, environment);
    let table = match &file {
        Some(path) => file::read(path)?,
        None => Table::new(),
    };
    let mut findings = Findings::default();
    match read(&table, &mut findings) {
        Some(config) if findings.problems.is_empty() => Ok(Loaded {
            config,
            warnings: findings.warnings,
            file,
        }),
        Some(_) | None => Err(ConfigError::Invalid(findings.problems)),
    }
}

/// The operator's API and the callers' have listeners of their own.
fn check_listen(listen: &Listen, findings: &mut Findings) {
    let both: [SocketAddr; 2] = [listen.address, listen.operator_address];
    if both[0] == both[1] && both[0].port() != 0 {
        let text = "is the same as listen.address: give it a port of its own";
        findings.problem("listen.operator_address", text);
    }
    if !listen.operator_address.ip().is_loopback() {
        let text = "can be reached from other machines, and its answers are not encrypted: put a \
                    proxy with TLS in front of it";
        findings.warn("listen.operator_address", text);
    }
}

fn data_folder(data: Data, environment: &Environment, findings: &mut Findings) -> Option<PathBuf> {
    let folder = data.folder.or_else(|| environment.data_folder());
    if folder.is_none() {
        let text = "is missing: this user has no home folder, so name one like /var/lib/bridged";
        findings.problem("data.folder", text);
    }
    folder
}

/// Nothing when there is a problem, and nothing within when no token is given.
fn admin_token(
    admin: Admin,
    environment: &Environment,
    findings: &mut Findings,
) -> Option<Option<Secret>> {
    one_secret::read(
        "admin.token",
        admin.token,
        admin.token_file,
        environment,
        findings,
    )
}

/// A misspelled variable changes nothing, which is worth a word.
fn warn_of_strangers(environment: &Environment, findings: &mut Findings) {
    let known: Vec<String> = SECTIONS
        .iter()
        .flat_map(|section| {
            section
                .fields
                .iter()
                .map(|field| (section.path, field.key()))
        })
        .map(|(section, key)| variable(&format!("{section}.{key}")))
        .collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for name in environment.names_like_settings() {
        if !known.contains(&name) {
            let text = match advice::nearest(name, &known) {
                Some(near) => format!("is not the variable of a setting: did you mean {near}?"),
                None => "is not the variable of a setting".to_owned(),
            };
            findings.warn(name, text);
        }
    }
}
