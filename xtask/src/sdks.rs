//! The official SDKs of Anthropic and OpenAI, for Python and for JavaScript, against the running
//! program, a simulated provider and a tool server: they have to put one message together from
//! what the gateway wove of several rounds.

mod install;
mod records;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use self::install::Language;
use crate::gateway::{Gateway, Provider};
use crate::program::Program;
use crate::{Outcome, process, simulated};

/// The turns that are played with each SDK, streaming and blocking.
const TURNS: &str = include_str!("sdks/turns.json");

/// The figure of hidden turns that went back into a history.
const PUT_BACK: &str = "bridge_hidden_turns_total{kind=\"spliced\"}";

/// What the gateway calls the tool server.
const TOOL_SERVER: &str = "harbour";

/// Plays all turns with the SDKs of every language that can be had, and says which cannot.
///
/// # Errors
/// When an SDK does not understand an answer, or what it understood is not what is recorded.
pub(crate) fn run(root: &Path, bin: Option<&Path>) -> Outcome {
    let folder = root.join("target").join("sdks");
    let languages = install::all(&folder)?;
    if languages.is_empty() {
        return Ok(());
    }
    let bin = match bin {
        Some(bin) => bin.to_owned(),
        None => process::build(root, "bridged", "bridged", &[])?,
    };
    let stage = Stage::set(&bin)?;
    let (mut failed, mut played, mut hidden) = (0, 0, 0_u64);
    for language in &languages {
        for told in stage.play(language)? {
            let problems = stage.problems(&told)?;
            report(language.name, &told, &problems);
            failed += usize::from(!problems.is_empty());
            played += 1;
            hidden += stage.puts_back(&told);
        }
    }
    println!("{played} turns played with official SDKs, {failed} failed");
    let put_back = stage.hidden_turns_put_back()?;
    println!("hidden turns went back into histories {put_back} times, and were to {hidden} times");
    failed += usize::from(put_back != hidden);
    stage.close()?;
    match failed {
        0 => Ok(()),
        _ => Err("an official SDK does not understand the gateway".into()),
    }
}

struct Stage {
    simulator: Program,
    gateway: Gateway,
    key: String,
    turns: Vec<Value>,
}

impl Stage {
    fn set(bin: &Path) -> Outcome<Self> {
        let listen = ["simulate", "--listen", "127.0.0.1:0"];
        let mut command = Command::new(bin);
        command.args(listen).args(["--tool-server", "127.0.0.1:0"]);
        let simulator = Program::start(&mut command)?;
        let direct = simulated::provider(&simulator)?;
        let tools = simulated::tool_server(&simulator)?;
        let provider = |name, base_url, key| Provider {
            name,
            kind: name,
            base_url,
            key,
        };
        let key = Some("operator-key");
        let providers = [
            provider("anthropic", direct.clone(), key),
            provider("openai", format!("{direct}/v1"), key),
            provider("copilot", format!("{direct}/copilot"), None),
        ];
        let gateway = Gateway::start(bin, "info", &providers)?;
        gateway.write("/providers", &bedrock(&direct))?;
        let server = json!({"name": TOOL_SERVER, "url": tools, "credential": "none"});
        gateway.write("/tool-servers", &server)?;
        Ok(Self {
            key: gateway.make_key()?,
            turns: serde_json::from_str(TURNS)?,
            simulator,
            gateway,
        })
    }

    /// What the script of a language says of each turn.
    fn play(&self, language: &Language) -> Outcome<Vec<Value>> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(TURNS.as_bytes())?;
        let output = Command::new(&language.program)
            .arg(&language.script)
            .arg(format!("http://{}", self.gateway.address))
            .arg(file.path())
            .env("GATEWAY_KEY", &self.key)
            .output()?;
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let told: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
        let told = told.unwrap_or_default();
        if !output.status.success() || told.is_empty() {
            let problem = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the script for {} broke off: {problem}", language.name).into());
        }
        Ok(told)
    }

    /// What is wrong with a turn: what the SDK says, and where the records differ.
    fn problems(&self, told: &Value) -> Outcome<Vec<String>> {
        if let Some(problem) = told.get("problem").and_then(Value::as_str) {
            return Ok(vec![problem.to_owned()]);
        }
        let turn = self
            .turn(told)
            .ok_or("the script played a turn that nobody asked for")?;
        records::check(&self.gateway, turn, told)
    }

    fn turn(&self, told: &Value) -> Option<&Value> {
        let name = told.get("turn");
        self.turns.iter().find(|turn| turn.get("name") == name)
    }

    /// How often what was hidden of this turn belongs back into a request of its client: what the SDK
    /// sends must be near enough to what it got, or nothing is put back. Where the provider keeps
    /// the history, a stream has named the first of several answers, and the client goes on from
    /// the last; and an answer with calls of both kinds waits for the results of ours.
    fn puts_back(&self, told: &Value) -> u64 {
        let history = told.get("history").and_then(Value::as_str);
        let times = self
            .turn(told)
            .and_then(|turn| turn.get("put_back")?.get(history?)?.as_u64());
        times.unwrap_or_default()
    }

    /// How often the gateway says that it put a hidden turn back.
    fn hidden_turns_put_back(&self) -> Outcome<u64> {
        let metrics = self.gateway.metrics("text/plain")?;
        let figure = metrics.lines().find_map(|line| line.strip_prefix(PUT_BACK));
        Ok(figure
            .ok_or("there is no figure of hidden turns")?
            .trim()
            .parse()?)
    }

    fn close(self) -> Outcome {
        self.gateway.stop()?;
        self.simulator.stop()
    }
}

/// A provider with secrets that are made up.
fn bedrock(base_url: &str) -> Value {
    json!({
        "name": "bedrock", "type": "bedrock", "base_url": base_url,
        "settings": {
            "region": "eu-central-1",
            "access_key_id": "made-up-access-key", "secret_access_key": "made-up-secret-key",
            "model": "anthropic.claude-sonnet-5-v1:0",
            "small_fast_model": "anthropic.claude-haiku-5-v1:0",
        },
    })
}

fn report(language: &str, told: &Value, problems: &[String]) {
    let verdict = if problems.is_empty() {
        "good  "
    } else {
        "FAILED"
    };
    let name = told.get("name").and_then(Value::as_str).unwrap_or_default();
    println!("{verdict}  {language}, {name}");
    for problem in problems {
        println!("          {problem}");
    }
}

/// Writes a file whose folder may not be there yet.
fn write(path: &Path, text: &str) -> Outcome<PathBuf> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    Ok(path.to_owned())
}
