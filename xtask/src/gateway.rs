//! A running `bridged`, its user and her key, for tasks that need one.

use std::error::Error;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http1::{self, Head};
use crate::program::{Program, pause};
use crate::{Outcome, clock};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The user whose key is used.
pub(crate) const USER: &str = "ada";

/// A provider as the gateway is to know it.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: &'static str,
    pub(crate) base_url: String,
    /// The operator's key, if it has one.
    pub(crate) key: Option<&'static str>,
}

/// A running gateway with an embedded control plane in a folder of its own.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    operator: SocketAddr,
    bin: PathBuf,
    token: String,
    program: Program,
    begun: Instant,
    folder: TempDir,
}

impl Gateway {
    /// Starts `bin` with these providers, and waits until it is ready.
    pub(crate) fn start(bin: &Path, log_level: &str, providers: &[Provider]) -> Outcome<Self> {
        Self::start_with(bin, log_level, "", providers)
    }

    /// The same, with whole sections of further settings.
    pub(crate) fn start_with(
        bin: &Path,
        log_level: &str,
        further: &str,
        providers: &[Provider],
    ) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(
            folder.path().join("bridged.toml"),
            settings(folder.path(), log_level, further, providers),
        )?;
        let log = File::create(folder.path().join("log"))?;
        let begun = clock::now();
        let mut command = call(bin, folder.path());
        let program = Program::start(command.arg("serve").stderr(log))
            .map_err(|cause| with_log(cause, folder.path()))?;
        let address = |label: &'static str| {
            let told = program.wait_for(&format!("its {label} address"), PATIENCE, |line| {
                address(line, label)
            });
            told.map_err(|cause| with_log(cause, folder.path()))
        };
        let (address, operator) = (address("gateway")?, address("operator")?);
        let token = fs::read_to_string(folder.path().join("data/admin-token"))?;
        let gateway = Self {
            address,
            operator,
            bin: bin.to_owned(),
            token: token.trim().to_owned(),
            program,
            begun,
            folder,
        };
        gateway.wait_until_ready()?;
        Ok(gateway)
    }

    /// When its process was started.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// Its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.program.id()
    }

    fn wait_until_ready(&self) -> Outcome {
        while self.begun.elapsed() < PATIENCE {
            let answer = http1::call(self.operator, &request("GET", "/readyz", &[]), b"");
            if answer.is_ok_and(|answer| answer.head.status() == 200) {
                return Ok(());
            }
            pause(Duration::from_millis(1));
        }
        Err(with_log("bridged is not ready", self.folder.path()))
    }

    /// Makes the user and a key through the command line, and tells the whole key.
    pub(crate) fn make_key(&self) -> Outcome<String> {
        self.command(&["user", "create", USER, "--json"])?;
        let made = self.command(&["key", "create", USER, "--json"])?;
        let secret = made.get("secret").and_then(Value::as_str);
        Ok(secret.ok_or("`key create` told no secret")?.to_owned())
    }

    fn command(&self, arguments: &[&str]) -> Outcome<Value> {
        let url = format!("http://{}", self.operator);
        let mut command = call(&self.bin, self.folder.path());
        command.args(arguments).args(["--admin-url", &url]);
        let output = command.output()?;
        if !output.status.success() {
            let problem = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`bridged {}`: {problem}", arguments.join(" ")).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Reads from the operator's API.
    pub(crate) fn read(&self, path: &str) -> Outcome<Value> {
        self.operate("GET", path, b"")
    }

    /// Makes something through the operator's API.
    pub(crate) fn write(&self, path: &str, what: &Value) -> Outcome<Value> {
        self.operate("POST", path, what.to_string().as_bytes())
    }

    fn operate(&self, method: &str, path: &str, body: &[u8]) -> Outcome<Value> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let head = request(method, &format!("/api/v1{path}"), &headers);
        let answer = http1::call(self.operator, &head, body)?;
        if !matches!(answer.head.status(), 200 | 201) {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(format!("{path}: status {}: {said}", answer.head.status()).into());
        }
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// What it exposes to a scraper that accepts this.
    pub(crate) fn metrics(&self, accept: &str) -> Outcome<String> {
        let head = request("GET", "/metrics", &[("host", "o"), ("accept", accept)]);
        let answer = http1::call(self.operator, &head, b"")?;
        if answer.head.status() != 200 {
            return Err(format!("/metrics: status {}", answer.head.status()).into());
        }
        let told = answer.head.header("content-type").unwrap_or_default();
        match told.starts_with(accept) {
            true => Ok(String::from_utf8(answer.body)?),
            false => Err(format!("/metrics: asked for {accept}, got {told}").into()),
        }
    }

    /// Ends it in good order, and tells everything it logged.
    pub(crate) fn stop(self) -> Outcome<String> {
        self.program.stop()?;
        Ok(fs::read_to_string(self.folder.path().join("log"))?)
    }
}

/// The head of a request.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Head {
    Head {
        first_line: format!("{method} {target} HTTP/1.1"),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

/// A call of the program that nothing in this environment changes.
pub(crate) fn call(bin: &Path, folder: &Path) -> Command {
    let mut command = Command::new(bin);
    command.env_clear().env("HOME", folder);
    command.arg("--config").arg(folder.join("bridged.toml"));
    command
}

fn settings(folder: &Path, log_level: &str, further: &str, providers: &[Provider]) -> String {
    let mut text = format!(
        "version = 1\n\
         [listen]\naddress = \"127.0.0.1:0\"\noperator_address = \"127.0.0.1:0\"\n\
         [data]\nfolder = {:?}\n\
         [log]\nlevel = \"{log_level}\"\nformat = \"json\"\n{further}",
        folder.join("data").display().to_string(),
    );
    for Provider {
        name,
        kind,
        base_url,
        key,
    } in providers
    {
        text.push_str(&format!(
            "[[providers]]\nname = \"{name}\"\ntype = \"{kind}\"\nbase_url = \"{base_url}\"\n"
        ));
        if let Some(key) = key {
            text.push_str(&format!("api_keys = [\"{key}\"]\n"));
        }
    }
    text
}

/// The address in a line like `  gateway      http://127.0.0.1:4180   (...)`.
pub(crate) fn address(line: &str, label: &str) -> Option<SocketAddr> {
    let mut words = line.split_whitespace();
    let is_it = words.next()? == label;
    let url = words.next()?.strip_prefix("http://")?;
    is_it.then(|| url.parse().ok())?
}

/// A problem, with the last lines of the gateway's log.
pub(crate) fn with_log(
    cause: impl std::fmt::Display,
    folder: &Path,
) -> Box<dyn Error + Send + Sync> {
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(10)..)
        .unwrap_or_default();
    format!("{cause}\n{}", last.join("\n")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_what_a_start_says() {
        let check = |line: &str, label: &str, expected: Option<&str>| {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(address(line, label), expected, "{line}");
        };
        let line = "  gateway      http://127.0.0.1:4180   (point coding agents here)";
        check(line, "gateway", Some("127.0.0.1:4180"));
        check(line, "operator", None);
        check("", "gateway", None);
        check("gateway http://nowhere", "gateway", None);
    }
}
