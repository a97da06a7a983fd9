//! Recorded exchanges through the running gateway, over real sockets, byte by byte.
//!
//! A scripted provider answers as real ones did. What reaches it, what reaches the client and what
//! is recorded is compared with what was recorded then, and with the table in `expected.rs`.

mod bedrock;
pub(crate) mod exchange;
mod expected;
mod frames;
mod injected;
mod instance;
mod provider;
mod records;
mod signature;
mod txtar;
mod wire;
mod written;

use std::path::{Path, PathBuf};

use self::exchange::{Exchange, Mode};
use self::provider::ScriptedProvider;
use crate::gateway::{Gateway, Provider};
use crate::{Outcome, process};

/// What a caller brings in own-key mode.
const OWN_KEY: &str = "own-key-of-the-caller";

/// Everything an exchange is replayed with.
struct Stage {
    provider: ScriptedProvider,
    gateway: Gateway,
    /// The user's key of the gateway.
    key: String,
}

/// Replays what was written for this project and, when there is a folder, all exchanges recorded
/// below it. Without one that is said and is no failure.
///
/// # Errors
/// When there is any difference, or the folder holds nothing to replay.
pub(crate) fn run(root: &Path, fixtures: Option<&Path>, bin: Option<&Path>) -> Outcome {
    let mut exchanges = written::all()?;
    exchanges.extend(bedrock::written()?);
    match fixtures {
        Some(folder) => exchanges.extend(recorded(folder)?),
        None => println!("SKIPPED: recorded exchanges, because no --fixtures DIR was given"),
    }
    exchanges.retain(|exchange| exchange.mode == Mode::Own || !exchange.spares_keys());
    let bin = program(root, bin)?;
    let stage = Stage::set(&bin)?;
    let mut failed = 0;
    for (number, exchange) in exchanges.iter().enumerate() {
        let differences = replay(&stage, number, exchange)?;
        report(exchange, &differences);
        failed += usize::from(!differences.is_empty());
    }
    let leftovers = close(stage, &exchanges)?;
    for difference in &leftovers {
        println!("DIFFERS  afterwards: {difference}");
    }
    let mut total = exchanges.len();
    if let Some(folder) = fixtures {
        let (replayed, differ) = injected::run(folder, &bin)?;
        total += replayed;
        failed += differ;
    }
    println!("{total} exchanges replayed, {failed} differ");
    if failed > 0 || !leftovers.is_empty() {
        return Err("the gateway does not conform".into());
    }
    Ok(())
}

fn recorded(folder: &Path) -> Outcome<Vec<Exchange>> {
    if !folder.is_dir() {
        let shown = folder.display();
        return Err(format!("there is no folder {shown}: nothing was replayed").into());
    }
    let mut exchanges = exchange::all(folder)?;
    if exchanges.is_empty() {
        return Err(format!("no recorded exchange in {}", folder.display()).into());
    }
    exchanges.extend(exchange::elsewhere(&exchanges));
    Ok(exchanges)
}

fn program(root: &Path, bin: Option<&Path>) -> Outcome<PathBuf> {
    match bin {
        Some(bin) => Ok(bin.to_owned()),
        None => process::build(root, "bridged", "bridged", &[]),
    }
}

impl Stage {
    fn set(bin: &Path) -> Outcome<Self> {
        let provider = ScriptedProvider::start()?;
        let address = provider.address();
        let (in_file, made) = instance::ALL
            .into_iter()
            .partition::<Vec<_>, _>(|it| it.aws.is_none());
        let providers: Vec<_> = in_file
            .into_iter()
            .map(|instance| Provider {
                name: instance.name,
                kind: instance.kind,
                base_url: instance.base_url(address),
                key: instance.key,
            })
            .collect();
        let gateway = Gateway::start(bin, "trace", &providers)?;
        let key = gateway.make_key()?;
        // What the file has no room for is made as operators make it.
        for instance in made {
            gateway.write("/providers", &instance.as_settings(address))?;
        }
        Ok(Self {
            provider,
            gateway,
            key,
        })
    }
}

/// Replays one exchange and tells every difference.
fn replay(stage: &Stage, number: usize, exchange: &Exchange) -> Outcome<Vec<String>> {
    let session = format!("conformance-{number}");
    let request = wire::request(exchange, &session, &stage.key);
    let answer = match &exchange.spoken {
        Some(spoken) => &spoken.answer,
        None => &exchange.answer,
    };
    stage.provider.expect(answer.clone());
    let answer = crate::http1::call(stage.gateway.address, &request, &exchange.request);
    let seen = stage.provider.seen();
    let mut differences = Vec::new();
    match answer {
        Ok(answer) => wire::check_client(exchange, &answer, &mut differences),
        Err(cause) => differences.push(format!("no answer: {cause}")),
    }
    wire::check_provider(exchange, &request, &seen, &stage.key, &mut differences);
    if let Some(expected) = &exchange.expected {
        let detail = records::find(&stage.gateway, &session)?;
        records::check(exchange, expected, detail.as_ref(), &mut differences);
    }
    Ok(differences)
}

fn report(exchange: &Exchange, differences: &[String]) {
    let verdict = if differences.is_empty() {
        "same   "
    } else {
        "DIFFERS"
    };
    let mode = match exchange.mode {
        Mode::Central => "operator's key",
        Mode::Own => "own key",
    };
    let name = exchange.instance.name;
    println!("{verdict}  {:<68} {name:<18} {mode}", exchange.name);
    for difference in differences {
        println!("           {difference}");
    }
}

/// Ends the gateway, and looks at what can be known only then.
fn close(stage: Stage, exchanges: &[Exchange]) -> Outcome<Vec<String>> {
    let mut differences = Vec::new();
    let recorded = exchanges.iter().filter(|it| it.expected.is_some()).count();
    let list = stage.gateway.read("/interceptions?limit=500")?;
    let found = list.get("items").and_then(|items| items.as_array());
    let found = found.map_or(0, Vec::len);
    if found != recorded {
        differences.push(format!("{found} interceptions recorded, not {recorded}"));
    }
    let log = stage.gateway.stop()?;
    if log.is_empty() {
        differences.push("nothing was logged, so nothing can be said of the log".to_owned());
    }
    let operators = instance::ALL.iter().flat_map(|it| it.secrets());
    for secret in [&stage.key, OWN_KEY].into_iter().chain(operators) {
        // The part before the hyphen is the key's id, which may be shown.
        let secret = match secret.split_once('-') {
            Some((_, hidden)) if secret == stage.key => hidden,
            _ => secret,
        };
        if log.contains(secret) {
            differences.push("a credential stands in the log".to_owned());
        }
    }
    let prompts = exchanges
        .iter()
        .filter_map(|it| it.expected.as_ref()?.prompt);
    if prompts
        .filter(|prompt| prompt.len() > 5)
        .any(|prompt| log.contains(prompt))
    {
        differences.push("a prompt stands in the log".to_owned());
    }
    Ok(differences)
}
