//! A secret that is given itself, or by the name of its file.

use std::path::PathBuf;

use bridge_auth::Secret;
use bridge_telemetry::ErrorChain;
use toml::Value;

use super::env::{Environment, variable};
use super::problem::Findings;
use super::secret_file;
use super::setting::Setting as _;

/// The setting at `path` and the one for its file, which has the same name with `_file` behind it.
/// Nothing when there is a problem, and nothing within when neither is given.
pub(super) fn read(
    path: &str,
    value: Option<Secret>,
    file: Option<PathBuf>,
    environment: &Environment,
    findings: &mut Findings,
) -> Option<Option<Secret>> {
    match (value, file) {
        (None, None) => Some(None),
        (Some(secret), None) => {
            if !matches!(environment.text(&variable(path)), Ok(Some(_))) {
                let text =
                    format!("a secret stands in the open here: name its file in {path}_file");
                findings.warn(path, text);
            }
            Some(Some(secret))
        }
        (Some(_), Some(_)) => {
            let text = format!("is given beside {path}_file: give one of them");
            findings.problem(path, text);
            None
        }
        (None, Some(file)) => {
            let read = secret_file::read(&file).map_err(|problem| ErrorChain(&problem).to_string());
            let secret = read.and_then(|text| Secret::read(&Value::String(text.to_string())));
            secret
                .map_err(|problem| findings.problem(format!("{path}_file"), problem))
                .ok()
                .map(Some)
        }
    }
}
