//! What a start says: to people on a terminal as text, to machines as log lines.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use slog::{Logger, info, warn};

use crate::config::{Config, Loaded, Problem, Provider};
use crate::operator_api::url_of;

/// What is to be said of a start, when both listeners are open.
#[derive(Debug)]
pub(crate) struct StartReport<'r> {
    /// Where callers connect.
    pub(crate) gateway: SocketAddr,
    /// Where the operator connects.
    pub(crate) operator: SocketAddr,
    /// Where everything is kept.
    pub(crate) data_folder: &'r Path,
    /// The file with the operator's token.
    pub(crate) token_file: &'r Path,
    /// The configuration file that was read.
    pub(crate) file: Option<&'r PathBuf>,
    /// The providers.
    pub(crate) providers: &'r [Provider],
    /// Which sockets the supervisor handed over.
    pub(crate) handed: &'r [&'static str],
    /// What should be changed in the configuration.
    pub(crate) warnings: &'r [Problem],
    /// The control plane.
    pub(crate) plane: PlaneReport,
}

/// What is to be said of a gateway's control plane.
#[derive(Debug)]
pub(crate) enum PlaneReport {
    /// It is in this process.
    Embedded {
        /// Whether there is a user already.
        has_users: bool,
        /// Where it serves further gateways, if it does.
        gateways: Option<String>,
    },
    /// It is at this address.
    Remote(String),
}

impl StartReport<'_> {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let file = match self.file {
            Some(file) => file.display().to_string(),
            None => "none: built-in settings (see `bridged check-config --print`)".to_owned(),
        };
        let _infallible = write!(
            out,
            "bridged {} is running\n\n  \
             gateway      {}   (point coding agents here)\n  \
             operator     {}   (the commands below, /healthz, /readyz, /metrics)\n  \
             data folder  {}\n  \
             admin token  {}\n  \
             settings     {file}\n{}\n",
            env!("CARGO_PKG_VERSION"),
            url_of(self.gateway),
            url_of(self.operator),
            self.data_folder.display(),
            self.token_file.display(),
            handed(self.handed),
        );
        match &self.plane {
            PlaneReport::Embedded { gateways, .. } => {
                if let Some(url) = gateways {
                    let _infallible = writeln!(out, "Further gateways connect to {url}\n");
                }
                self.list_providers(&mut out);
            }
            PlaneReport::Remote(url) => {
                let _infallible = writeln!(
                    out,
                    "Control plane: {url}\n  /readyz says whether it is there."
                );
            }
        }
        for warning in self.warnings {
            let _infallible = writeln!(out, "\nwarning: {warning}");
        }
        match &self.plane {
            PlaneReport::Embedded {
                has_users: true, ..
            } => {
                out.push_str("\nNext: `bridged interceptions list` shows what was recorded.\n");
            }
            PlaneReport::Embedded { .. } => out.push_str(
                "\nNext:\n  \
                 bridged user create NAME   makes a user\n  \
                 bridged key create NAME    makes a key, and prints settings to paste\n",
            ),
            PlaneReport::Remote(_) => out.push_str(
                "\nNext: where the control plane runs, `bridged key create NAME` makes a key, and \
                 `bridged interceptions list` shows what was recorded.\n",
            ),
        }
        out
    }

    fn list_providers(&self, out: &mut String) {
        out.push_str("Providers:\n");
        for provider in self.providers {
            let _infallible = writeln!(out, "  {}", line(provider, self.gateway));
        }
        if self.providers.is_empty() {
            out.push_str(
                "  none yet: `bridged provider set NAME --type TYPE --key-env VARIABLE`\n",
            );
        }
    }

    /// For machines.
    pub(crate) fn log(&self, logger: &Logger) {
        for warning in self.warnings {
            warn!(logger, "the configuration should be changed"; "place" => %warning);
        }
        let (providers, control) = match &self.plane {
            PlaneReport::Embedded { .. } => (self.providers, "embedded"),
            PlaneReport::Remote(url) => (Default::default(), url.as_str()),
        };
        for provider in providers {
            info!(logger, "provider configured"; "provider" => &provider.name,
                "type" => provider.kind.as_str(), "base_url" => provider.base_url.as_str(),
                "enabled" => provider.enabled, "keys" => provider.keys.len());
        }
        info!(logger, "running"; "gateway" => %self.gateway, "operator" => %self.operator,
            "control" => control, "handed_over" => self.handed.join(","), "data_folder" => %self.data_folder.display(),
            "file" => self.file.map(|file| file.display().to_string()));
    }
}

/// What is to be said of the start of a control plane.
#[derive(Debug)]
pub(crate) struct ControlReport<'r> {
    /// Where gateways connect.
    pub(crate) gateways: SocketAddr,
    /// Whether they do so over TLS.
    pub(crate) has_tls: bool,
    /// Where the operator connects.
    pub(crate) operator: SocketAddr,
    /// Where everything is kept.
    pub(crate) data_folder: &'r Path,
    /// The file with the operator's token.
    pub(crate) token_file: &'r Path,
    /// What should be changed in the configuration.
    pub(crate) warnings: &'r [Problem],
    /// Which sockets the supervisor handed over.
    pub(crate) handed: &'r [&'static str],
}

impl ControlReport<'_> {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut out = format!(
            "bridged {} is running as a control plane\n\n  \
             gateways     {}   (bridged serve --control, with a gateway key)\n  \
             operator     {}   (the commands below, /healthz, /readyz, /metrics)\n  \
             data folder  {}\n  \
             admin token  {}\n{}",
            env!("CARGO_PKG_VERSION"),
            self.gateways_url(),
            url_of(self.operator),
            self.data_folder.display(),
            self.token_file.display(),
            handed(self.handed),
        );
        for warning in self.warnings {
            let _infallible = writeln!(out, "\nwarning: {warning}");
        }
        out.push_str(
            "\nNext:\n  \
             bridged gateway-key create NAME   makes a key for a gateway\n  \
             bridged user create NAME          makes a user\n  \
             bridged key create NAME           makes a key for a user\n",
        );
        out
    }

    /// For machines.
    pub(crate) fn log(&self, logger: &Logger) {
        for warning in self.warnings {
            warn!(logger, "the configuration should be changed"; "place" => %warning);
        }
        info!(logger, "running as a control plane"; "gateways" => self.gateways_url(),
            "operator" => %self.operator, "handed_over" => self.handed.join(","),
            "data_folder" => %self.data_folder.display());
    }

    fn gateways_url(&self) -> String {
        gateways_url(self.gateways, self.has_tls)
    }
}

/// What gateways are given as the address of their control plane.
pub(crate) fn gateways_url(address: SocketAddr, has_tls: bool) -> String {
    let url = url_of(address);
    if has_tls {
        url.replacen("http:", "https:", 1)
    } else {
        url
    }
}

/// What `check-config` says of a configuration that is good.
pub(crate) fn checked(loaded: &Loaded<Config>) -> String {
    let mut out = match &loaded.file {
        Some(file) => format!("{} is good\n", file.display()),
        None => {
            "no configuration file: the built-in settings and the environment are good\n".into()
        }
    };
    let providers = match &loaded.config.control {
        None => loaded.config.providers.as_slice(),
        Some(control) => {
            let _infallible = writeln!(
                out,
                "  control plane {}, which has the providers",
                control.url
            );
            Default::default()
        }
    };
    for provider in providers {
        let _infallible = writeln!(
            out,
            "  provider {} ({}): {}, {}",
            provider.name,
            provider.kind.as_str(),
            provider.base_url.as_str(),
            keys(provider)
        );
    }
    for warning in &loaded.warnings {
        let _infallible = writeln!(out, "warning: {warning}");
    }
    out
}

/// Which addresses the settings do not decide.
fn handed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("  socket       the supervisor's, for the {one}\n"),
        more => format!(
            "  sockets      the supervisor's, for {}\n",
            more.join(" and ")
        ),
    }
}

fn line(provider: &Provider, gateway: SocketAddr) -> String {
    let way = format!("{}/{}", url_of(gateway), provider.name);
    format!(
        "{way} -> {}: {}",
        provider.base_url.as_str(),
        keys(provider)
    )
}

fn keys(provider: &Provider) -> String {
    let keys = match provider.keys.len() {
        0 => "no key, callers bring their own".to_owned(),
        1 => "1 key".to_owned(),
        more => format!("{more} keys"),
    };
    if provider.enabled {
        keys
    } else {
        format!("{keys}, disabled")
    }
}

#[cfg(test)]
mod tests {
    use bridge_auth::Secret;
    use bridge_control::api::ProviderType;
    use bridge_telemetry::Logging;
    use slog::Level;

    use super::*;
    use crate::config::setting::BaseUrl;
    use crate::log_lines::LogLines;

    fn provider(name: &str, keys: &[&str], enabled: bool) -> Provider {
        Provider {
            name: name.to_owned(),
            kind: ProviderType::Anthropic,
            base_url: BaseUrl::parse("https://api.example.com").unwrap(),
            enabled,
            keys: keys
                .iter()
                .map(|key| Secret::new((*key).to_owned()))
                .collect(),
        }
    }

    fn report(has_users: bool, providers: &[Provider]) -> StartReport<'_> {
        StartReport {
            gateway: "0.0.0.0:4180".parse().unwrap(),
            operator: "127.0.0.1:4181".parse().unwrap(),
            data_folder: Path::new("/data"),
            token_file: Path::new("/data/admin-token"),
            file: None,
            providers,
            warnings: &[],
            handed: &[],
            plane: PlaneReport::Embedded {
                has_users,
                gateways: None,
            },
        }
    }

    #[test]
    fn machines_get_lines() {
        let lines = LogLines::default();
        let (logging, logger) = Logging::with_drain(Level::Info, lines.clone());
        report(false, &[provider("anthropic", &["hidden"], true)]).log(&logger);
        drop((logging, logger));
        let text = lines.text();
        assert!(
            text.contains("running") && text.contains("provider=anthropic"),
            "{text}"
        );
        assert!(
            text.contains("keys=1") && !text.contains("hidden"),
            "{text}"
        );
    }

    #[test]
    fn a_start_says_where_it_is_and_what_to_do_next() {
        let providers = [
            provider("anthropic", &["hidden-one", "hidden-two"], true),
            provider("spare", &[], false),
        ];
        let text = report(false, &providers).text();
        for part in [
            "http://127.0.0.1:4180 ",
            "http://127.0.0.1:4181 ",
            "/data/admin-token",
            "http://127.0.0.1:4180/anthropic -> https://api.example.com: 2 keys",
            "spare -> https://api.example.com: no key, callers bring their own, disabled",
            "bridged user create NAME",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains("hidden"), "{text}");
    }

    #[test]
    fn later_starts_do_not_teach() {
        let text = report(true, &[]).text();
        assert!(
            !text.contains("user create") && text.contains("interceptions list"),
            "{text}"
        );
        assert!(text.contains("bridged provider set"), "{text}");
    }
}
