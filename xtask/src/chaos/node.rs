//! A process of `bridged` with a folder of its own, that can be killed and started again.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::operator::Operator;
use crate::gateway::{address, call, request, with_log};
use crate::program::{Program, until};
use crate::{Outcome, http1};

/// How long a start may take, recovery included.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a process that starts.
const PAUSE: Duration = Duration::from_millis(2);

/// A process and what it needs to be started again.
#[derive(Debug)]
pub(super) struct Node {
    bin: PathBuf,
    folder: PathBuf,
    arguments: Vec<String>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    program: Program,
    addresses: Addresses,
}

/// What `/readyz` says.
#[derive(Debug)]
pub(super) struct Readiness {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Where a process listens.
#[derive(Debug, Clone, Copy, Default)]
struct Addresses {
    gateway: Option<SocketAddr>,
    operator: Option<SocketAddr>,
    /// Where gateways connect to a control plane.
    control: Option<SocketAddr>,
}

impl Node {
    /// Writes the settings of a process. Nothing runs yet.
    pub(super) fn new(
        bin: &Path,
        folder: PathBuf,
        arguments: &[&str],
        settings: &str,
    ) -> Outcome<Self> {
        fs::create_dir_all(&folder)?;
        let common = format!(
            "version = 1\n[data]\nfolder = {:?}\n[log]\nlevel = \"info\"\nformat = \"json\"\n",
            folder.join("data").display().to_string(),
        );
        fs::write(folder.join("bridged.toml"), common + settings)?;
        Ok(Self {
            bin: bin.to_owned(),
            folder,
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            running: None,
        })
    }

    /// How the process is called.
    pub(super) fn command(&self) -> Command {
        let mut command = call(&self.bin, &self.folder);
        command.args(&self.arguments);
        command
    }

    /// How it is called by a shell that becomes it, given as `"$@"`. Nothing of this environment gets
    /// through.
    pub(super) fn command_through(&self, mut shell: Command) -> Command {
        let program = self.command();
        shell.arg(program.get_program()).args(program.get_args());
        shell.env_clear();
        let set = program.get_envs();
        shell.envs(set.filter_map(|(name, value)| Some::<(&OsStr, &OsStr)>((name, value?))));
        shell
    }

    /// Starts the process and waits until it answers `/readyz` with success.
    pub(super) fn start(&mut self) -> Outcome {
        let command = self.command();
        self.start_as(command, Stdio::null())?;
        self.wait_until_ready()
    }

    /// Starts it by another command and waits until it says where it listens.
    pub(super) fn start_as(&mut self, mut command: Command, input: Stdio) -> Outcome {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))?;
        let told = |cause| with_log(cause, &self.folder);
        let program = Program::start_with(command.stderr(log), input).map_err(told)?;
        let addresses = Addresses::read(&program).map_err(told)?;
        self.running = Some(Running { program, addresses });
        Ok(())
    }

    pub(super) fn wait_until_ready(&self) -> Outcome {
        let is_ready = || self.readiness().is_some_and(|it| it.status == 200);
        let waited = until("bridged is ready", PATIENCE, PAUSE, is_ready);
        waited.map_err(|cause| with_log(cause, &self.folder))
    }

    /// What `/readyz` says, if there is an answer.
    pub(super) fn readiness(&self) -> Option<Readiness> {
        let operator = self.running.as_ref()?.addresses.operator?;
        let answer = http1::call(operator, &request("GET", "/readyz", &[]), b"").ok()?;
        Some(Readiness {
            status: answer.head.status(),
            body: String::from_utf8_lossy(&answer.body).into_owned(),
        })
    }

    /// A counter of `/metrics`, if it is there.
    pub(super) fn metric(&self, name: &str) -> Option<usize> {
        let operator = self.running.as_ref()?.addresses.operator?;
        let answer = http1::call(operator, &request("GET", "/metrics", &[]), b"").ok()?;
        let text = String::from_utf8_lossy(&answer.body);
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    }

    /// Its data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn process_id(&self) -> Outcome<u32> {
        let running = self.running.as_ref();
        let id = running.map(|it| it.program.id());
        id.ok_or_else(|| "the process does not run".into())
    }

    /// Where clients connect.
    pub(super) fn address(&self) -> Outcome<SocketAddr> {
        let running = self.running.as_ref();
        let address = running.and_then(|it| it.addresses.gateway);
        address.ok_or_else(|| "the gateway does not run".into())
    }

    /// Where gateways connect to this control plane.
    pub(super) fn control_address(&self) -> Outcome<SocketAddr> {
        let running = self.running.as_ref();
        let address = running.and_then(|it| it.addresses.control);
        address.ok_or_else(|| "the control plane does not run".into())
    }

    /// The operator's API of this process.
    pub(super) fn operator(&self) -> Outcome<Operator> {
        let running = self.running.as_ref();
        let address = running.and_then(|it| it.addresses.operator);
        let token = fs::read_to_string(self.folder.join("data/admin-token"))?;
        let address = address.ok_or("the process does not run")?;
        Ok(Operator::new(address, token.trim()))
    }

    /// Ends it with SIGKILL, in the middle of whatever it does.
    pub(super) fn kill(&mut self) -> Outcome {
        match self.running.take() {
            Some(running) => running.program.kill(),
            None => Ok(()),
        }
    }

    /// Ends it in good order.
    pub(super) fn stop(&mut self, patience: Duration) -> Outcome {
        let Some(running) = self.running.take() else {
            return Ok(());
        };
        let stopped = running.program.stop_within(patience);
        stopped.map_err(|cause| with_log(cause, &self.folder))
    }
}

impl Addresses {
    /// Reads what a start says, until it has said everything.
    fn read(program: &Program) -> Outcome<Self> {
        let mut told = Self::default();
        program.wait_for("where it listens", PATIENCE, |line| {
            told.gateway = told.gateway.or_else(|| address(line, "gateway"));
            told.control = told.control.or_else(|| address(line, "gateways"));
            told.operator = told.operator.or_else(|| address(line, "operator"));
            told.operator.map(|_| ())
        })?;
        Ok(told)
    }
}
