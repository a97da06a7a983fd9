//! Which settings differ between two configurations, and which of those a running server takes.

use bridge_control::SealingKey;

use super::Config;
use super::control::RemoteControl;
use super::sections::Log;

/// Sections and settings that a reload puts into force. Everything else needs a restart, so that a
/// new setting is never claimed to hold when it does not.
const LIVE: [&str; 14] = [
    "log.level",
    "gateway",
    "limits",
    "engine",
    "upstream",
    "retry",
    "breaker",
    "tools",
    "egress",
    "headers",
    "metrics",
    "dump",
    "drain",
    "providers",
];

/// Two values of a section, compared setting by setting.
pub(crate) trait Compared {
    /// Paths of the settings that differ.
    fn differences(&self, other: &Self) -> Vec<String>;
}

/// Settings of the way to the control plane that differ.
fn way_differences(one: Option<&RemoteControl>, other: Option<&RemoteControl>) -> Vec<String> {
    let pair = match (one, other) {
        (None, None) => return Vec::new(),
        (Some(_), None) | (None, Some(_)) => return vec!["control.url".to_owned()],
        (Some(one), Some(other)) => (one, other),
    };
    let (
        RemoteControl {
            url,
            gateway_key,
            extra_roots,
            gateway_name,
            provider_cache,
        },
        other,
    ) = pair;
    let differs = [
        ("control.url", *url != other.url),
        ("control.gateway_key", *gateway_key != other.gateway_key),
        ("control.extra_roots", *extra_roots != other.extra_roots),
        ("control.gateway_name", *gateway_name != other.gateway_name),
        (
            "control.provider_cache",
            *provider_cache != other.provider_cache,
        ),
    ];
    let differs = differs.into_iter().filter(|(_, differs)| *differs);
    differs.map(|(path, _)| path.to_owned()).collect()
}

/// The setting of the sealing key that differs.
fn sealing_difference(
    one: Option<&SealingKey>,
    other: Option<&SealingKey>,
) -> Option<&'static str> {
    let is_given = |key| matches!(key, Some(&SealingKey::Given(_)));
    if one == other {
        None
    } else if is_given(one) || is_given(other) {
        Some("data.sealing_key")
    } else {
        Some("data.sealing_key_file")
    }
}

/// Whether a reload puts the setting at this path into force.
pub(crate) fn is_live(path: &str) -> bool {
    LIVE.iter().any(|live| {
        let rest = path.strip_prefix(live);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

impl Config {
    /// Paths of the settings that differ, in the order of the file. A provider's is its name below
    /// `providers`, and one that is in `other` alone has no difference.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let Self {
            listen,
            data_folder,
            sealing_key,
            admin_token,
            control,
            log,
            gateway,
            limits,
            engine,
            upstream,
            retry,
            breaker,
            tools,
            // A process has one environment, and the setting that says whether it is followed is
            // compared.
            proxies: _,
            egress,
            headers,
            auth,
            record,
            journal,
            metrics,
            dump,
            traces,
            collector: _follows_from_the_others,
            drain,
            providers,
        } = self;
        let mut paths = listen.differences(&other.listen);
        let of_the_folder = (*data_folder != other.data_folder).then_some("data.folder");
        paths.extend(of_the_folder.map(str::to_owned));
        let of_the_key = sealing_difference(sealing_key.as_ref(), other.sealing_key.as_ref());
        paths.extend(of_the_key.map(str::to_owned));
        let of_the_token = (*admin_token != other.admin_token).then_some("admin.token");
        paths.extend(of_the_token.map(str::to_owned));
        paths.extend(way_differences(control.as_ref(), other.control.as_ref()));
        paths.extend(log.differences(&other.log));
        paths.extend(gateway.differences(&other.gateway));
        paths.extend(limits.differences(&other.limits));
        paths.extend(engine.differences(&other.engine));
        paths.extend(upstream.differences(&other.upstream));
        paths.extend(retry.differences(&other.retry));
        paths.extend(breaker.differences(&other.breaker));
        paths.extend(tools.differences(&other.tools));
        paths.extend(egress.differences(&other.egress));
        paths.extend(headers.differences(&other.headers));
        paths.extend(auth.differences(&other.auth));
        paths.extend(record.differences(&other.record));
        paths.extend(journal.differences(&other.journal));
        paths.extend(metrics.differences(&other.metrics));
        paths.extend(dump.differences(&other.dump));
        paths.extend(traces.differences(&other.traces));
        paths.extend(drain.differences(&other.drain));
        let new = providers
            .iter()
            .filter(|provider| !other.providers.contains(provider));
        paths.extend(new.map(|provider| format!("providers.{}", provider.name)));
        paths
    }

    /// What is in force when a running server takes `new`: its live settings, and the others of
    /// this one.
    pub(crate) fn taking(&self, new: Self) -> Self {
        let old = self.clone();
        Self {
            log: Log {
                level: new.log.level,
                format: old.log.format,
            },
            gateway: new.gateway,
            limits: new.limits,
            engine: new.engine,
            upstream: new.upstream,
            retry: new.retry,
            breaker: new.breaker,
            tools: new.tools,
            proxies: new.proxies,
            egress: new.egress,
            headers: new.headers,
            metrics: new.metrics,
            dump: new.dump,
            drain: new.drain,
            providers: new.providers,
            ..old
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::env::Environment;
    use crate::config::sections::{RawProvider, SECTIONS};

    fn config(pairs: &[(&str, &str)]) -> Config {
        let usual = [("BRIDGED_DATA_FOLDER", "/d")];
        let environment = Environment::from_pairs(usual.iter().chain(pairs).copied());
        Config::load(None, &environment).unwrap().config
    }

    #[test]
    fn only_known_settings_are_live() {
        let mut sections = SECTIONS.to_vec();
        sections.push(RawProvider::DESCRIPTION);
        for live in LIVE {
            let is_known = sections.iter().any(|section| {
                let fields = section.fields.iter();
                let mut paths = fields.map(|field| format!("{}.{}", section.path, field.key()));
                section.path == live || paths.any(|path| path == live)
            });
            assert!(is_known, "{live}");
        }
        for (path, wanted) in [
            ("log.level", true),
            ("log.format", false),
            ("gateway.connections", true),
            ("gatewayish.connections", false),
            ("listen.address", false),
            ("providers.anthropic", true),
        ] {
            assert_eq!(is_live(path), wanted, "{path}");
        }
    }

    #[test]
    fn differences_are_named_one_by_one() {
        let before = config(&[("BRIDGED_ADMIN_TOKEN", "one")]);
        assert_eq!(before.differences(&before), [""; 0]);
        let after = config(&[
            ("BRIDGED_DATA_FOLDER", "/other"),
            ("BRIDGED_ADMIN_TOKEN", "two"),
            ("BRIDGED_LOG_LEVEL", "debug"),
            ("BRIDGED_GATEWAY_BODY_BYTES", "1MiB"),
            ("OPENAI_API_KEY", "hidden"),
        ]);
        let wanted = [
            "data.folder",
            "admin.token",
            "log.level",
            "gateway.body_bytes",
            "providers.openai",
        ];
        assert_eq!(after.differences(&before), wanted);
    }

    #[test]
    fn the_way_to_another_control_plane_is_compared() {
        let at = |url: &str, key: &str, name: &str| {
            config(&[
                ("BRIDGED_CONTROL_URL", url),
                ("BRIDGED_CONTROL_GATEWAY_KEY", key),
                ("BRIDGED_CONTROL_GATEWAY_NAME", name),
            ])
        };
        let before = at("https://a.example", "one", "n");
        let check = |after: Config, wanted: &[&str]| {
            assert_eq!(after.differences(&before), wanted);
            assert_eq!(after.differences(&before.taking(after.clone())), wanted);
        };
        check(at("https://b.example", "one", "n"), &["control.url"]);
        check(
            at("https://a.example", "two", "m"),
            &["control.gateway_key", "control.gateway_name"],
        );
        check(config(&[]), &["control.url"]);
    }

    /// A configuration in which the setting of this variable differs from `before`.
    fn changed(before: &Config, path: &str) -> Config {
        let values = [
            "127.0.0.1:1",
            "7ms",
            "77",
            "17MiB",
            "false",
            "true",
            "off",
            "X-Seven",
            "/seven",
            "critical",
            "json",
            "relaxed",
            "drain",
            "last",
            "direct",
            "10.0.0.0/8",
            "both",
            "0.7",
            "http://seven",
        ];
        let name = crate::config::env::variable(path);
        let mut loaded = values.iter().filter_map(|value| {
            let pairs = [("BRIDGED_DATA_FOLDER", "/d"), (name.as_str(), value)];
            Config::load(None, &Environment::from_pairs(pairs)).ok()
        });
        let after = loaded.find(|after| after.config.differences(before) == [path]);
        after.unwrap_or_else(|| panic!("{path}")).config
    }

    #[test]
    fn every_setting_is_compared_and_taken_if_it_is_live() {
        let before = config(&[]);
        for section in &SECTIONS {
            for field in section.fields {
                let path = format!("{}.{}", section.path, field.key());
                // Values of these need a file, or another setting beside them.
                let is_odd = [
                    "data.folder",
                    "data.sealing_key",
                    "admin.token",
                    "admin.token_file",
                    "traces.headers_file",
                ];
                if is_odd.contains(&path.as_str()) || path.contains("control") {
                    continue;
                }
                let after = changed(&before, &path);
                let left = after.differences(&before.taking(after.clone()));
                let wanted = if is_live(&path) { vec![] } else { vec![path] };
                assert_eq!(left, wanted);
            }
        }
    }
}
