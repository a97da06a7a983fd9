//! Recorded exchanges in which the gateway offers tools of its own: two answers of the provider, a
//! call of a tool server between them, and one answer for the client.
//!
//! What the client has to get is put together from the two recorded answers by parsers that share
//! nothing with the gateway; what is recorded is compared with the table in `injected/expected.rs`.

mod case;
mod expected;
mod heard;
mod records;
mod sent;
mod tool_server;

use std::path::Path;

use serde_json::json;

use self::case::Case;
use self::tool_server::{CONFIGURED_AS, ScriptedTools};
use super::exchange::Api;
use super::instance;
use super::provider::ScriptedProvider;
use super::wire;
use crate::Outcome;
use crate::gateway::{Gateway, Provider};

/// Small and fast models are given tools, too: one of the recordings is of one.
const SETTINGS: &str = "[tools]\nskip_models = []\n";

/// Replays all of them below the folder, and tells how many there were and how many differ.
pub(super) fn run(folder: &Path, bin: &Path) -> Outcome<(usize, usize)> {
    let cases = case::all(folder)?;
    let names = cases.iter().flat_map(Case::tool_names).collect();
    let stage = Stage::set(bin, ScriptedTools::start(names)?)?;
    let mut failed = 0;
    for (number, case) in cases.iter().enumerate() {
        let differences = stage.replay(number, case)?;
        let verdict = if differences.is_empty() {
            "same   "
        } else {
            "DIFFERS"
        };
        println!("{verdict}  {}, injected tools", case.name);
        for difference in &differences {
            println!("           {difference}");
        }
        failed += usize::from(!differences.is_empty());
    }
    let log = stage.gateway.stop()?;
    if log.contains(TOKEN) {
        return Err("the tool server's token stands in the log".into());
    }
    Ok((cases.len(), failed))
}

/// What the tool server asks for. It is made up.
const TOKEN: &str = "token-for-the-tool-server";

struct Stage {
    provider: ScriptedProvider,
    tools: ScriptedTools,
    gateway: Gateway,
    key: String,
}

impl Stage {
    fn set(bin: &Path, tools: ScriptedTools) -> Outcome<Self> {
        let provider = ScriptedProvider::start()?;
        let address = provider.address();
        let providers = [&instance::ANTHROPIC, &instance::OPENAI].map(|it| Provider {
            name: it.name,
            kind: it.kind,
            base_url: it.base_url(address),
            key: it.key,
        });
        let gateway = Gateway::start_with(bin, "trace", SETTINGS, &providers)?;
        let server = json!({
            "name": CONFIGURED_AS, "url": tools.url(), "credential": "token", "token": TOKEN,
        });
        gateway.write("/tool-servers", &server)?;
        let key = gateway.make_key()?;
        Ok(Self {
            provider,
            tools,
            gateway,
            key,
        })
    }

    /// Replays one exchange and tells every difference.
    fn replay(&self, number: usize, case: &Case) -> Outcome<Vec<String>> {
        let session = format!("injected-{number}");
        let request = wire::request(&case.as_exchange(), &session, &self.key);
        self.provider.expect_all(case.answers.clone());
        self.tools.fail_with(case.expected.error);
        let answer = crate::http1::call(self.gateway.address, &request, &case.request);
        let mut differences = Vec::new();
        match answer {
            Ok(answer) => case.check_client(&answer, &mut differences),
            Err(cause) => differences.push(format!("no answer: {cause}")),
        }
        sent::check(case, &self.provider.seen(), &mut differences);
        self.check_calls(case, &mut differences);
        let detail = super::records::find(&self.gateway, &session)?;
        records::check(case, detail.as_ref(), &mut differences);
        Ok(differences)
    }

    fn check_calls(&self, case: &Case, differences: &mut Vec<String>) {
        let calls = self.tools.seen();
        let [call] = calls.as_slice() else {
            differences.push(format!(
                "tool server: called {} times, not once",
                calls.len()
            ));
            return;
        };
        if call.tool != case.expected.tool {
            let wanted = case.expected.tool;
            differences.push(format!("tool server: {} called, not {wanted}", call.tool));
        }
        let (arguments, wanted) = (call.arguments.to_string(), case.expected.arguments);
        if arguments != wanted {
            differences.push(format!("tool server: {arguments}, not {wanted}"));
        }
        if call.authorization.as_deref() != Some(&*format!("Bearer {TOKEN}")) {
            differences.push("tool server: the token is not the operator's".to_owned());
        }
    }
}
