//! Where the sealing key of a control plane is.

use bridge_control::SealingKey;

use super::env::Environment;
use super::one_secret;
use super::problem::Findings;
use super::sections::Data;

/// Nothing when there is a problem, and nothing within when no key is named: it is in the data folder
/// then. A file is not read, because it is made when it is first needed.
pub(super) fn read(
    data: &Data,
    environment: &Environment,
    findings: &mut Findings,
) -> Option<Option<SealingKey>> {
    let path = "data.sealing_key";
    let given = one_secret::read(path, data.sealing_key.clone(), None, environment, findings)?;
    let key = match (given, data.sealing_key_file.clone()) {
        (None, None) => return Some(None),
        (None, Some(file)) => SealingKey::File(file),
        (Some(key), None) => SealingKey::Given(key),
        (Some(_), Some(_)) => {
            let text = "is given beside data.sealing_key_file: give one of them";
            findings.problem(path, text);
            return None;
        }
    };
    if !key.is_well_formed() {
        let text = "is no key of 64 hexadecimal digits: make one with `openssl rand -hex 32`";
        findings.problem(path, text);
        return None;
    }
    Some(Some(key))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{Config, ConfigError};
    use super::*;

    fn load(pairs: &[(&'static str, &str)]) -> Result<Option<SealingKey>, String> {
        let pairs = pairs.iter().copied().chain([("BRIDGED_DATA_FOLDER", "/d")]);
        let loaded = Config::load(None, &Environment::from_pairs(pairs));
        loaded
            .map(|loaded| loaded.config.sealing_key)
            .map_err(|problem: ConfigError| problem.to_string())
    }

    #[test]
    fn the_key_is_in_a_file_or_given() {
        let key = "a".repeat(64);
        let file = ("BRIDGED_DATA_SEALING_KEY_FILE", "/k");
        assert_eq!(load(&[]), Ok(None));
        let named = Some(SealingKey::File(PathBuf::from("/k")));
        assert_eq!(load(&[file]), Ok(named));
        let given = load(&[("BRIDGED_DATA_SEALING_KEY", &key)]).unwrap();
        assert!(matches!(given, Some(SealingKey::Given(found)) if found.expose() == key));
        let both = load(&[file, ("BRIDGED_DATA_SEALING_KEY", &key)]).unwrap_err();
        assert!(both.contains("give one of them"), "{both}");
        let odd = load(&[("BRIDGED_DATA_SEALING_KEY", "hidden")]).unwrap_err();
        assert!(
            odd.contains("openssl rand -hex 32") && !odd.contains("hidden"),
            "{odd}"
        );
    }
}
