//! Gateway and control plane apart: the way to the one, and the listener of the other.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use bridge_auth::Secret;
use bridge_control::TlsIdentity;
use bridge_rpc::Address;
use bridge_telemetry::ErrorChain;
use zeroize::Zeroizing;

use super::env::Environment;
use super::one_secret;
use super::problem::Findings;
use super::sections::{Control, Listen};

/// Where `bridged control` serves gateways when nothing is said.
const USUAL_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4182);
/// Where Linux keeps the name of the machine.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// The way to a control plane that is another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteControl {
    /// Where it is.
    pub(crate) url: Address,
    /// What this gateway proves itself with.
    pub(crate) gateway_key: Secret,
    /// Certificates to trust besides those of the platform.
    pub(crate) extra_roots: Option<PathBuf>,
    /// What this gateway calls itself.
    pub(crate) gateway_name: String,
    /// Whether the last set of providers is kept on the disk, sealed.
    pub(crate) provider_cache: bool,
}

/// Nothing when there is a problem, and nothing within when the control plane is not elsewhere.
pub(super) fn remote(
    control: Control,
    environment: &Environment,
    findings: &mut Findings,
) -> Option<Option<RemoteControl>> {
    let path = "control.gateway_key";
    let key = one_secret::read(
        path,
        control.gateway_key,
        control.gateway_key_file,
        environment,
        findings,
    );
    let Some(url) = control.url else {
        return key.map(|_| None);
    };
    check_plain_text(&url, control.plain_text, findings);
    let key = key?;
    if key.is_none() {
        let text = "is missing: make one with `bridged gateway-key create NAME` where the control \
                    plane runs, and name its file in control.gateway_key_file";
        findings.problem(path, text);
    }
    Some(Some(RemoteControl {
        url,
        gateway_key: key?,
        extra_roots: control.extra_roots,
        provider_cache: control.provider_cache,
        gateway_name: control.gateway_name.unwrap_or_else(host_name),
    }))
}

fn check_plain_text(url: &Address, is_allowed: bool, findings: &mut Findings) {
    if url.is_tls() || is_loopback(url.host()) {
        return;
    }
    let danger = "sends keys and prompts over the network unencrypted";
    if is_allowed {
        findings.warn("control.url", format!("{danger}: use an https address"));
    } else {
        let text =
            format!("{danger}: use an https address, or allow it with control.plain_text = true");
        findings.problem("control.url", text);
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The name of this machine, for people who read the control plane's log.
fn host_name() -> String {
    let name = fs::read_to_string(HOST_NAME).unwrap_or_default();
    match name.trim() {
        "" => "gateway".to_owned(),
        name => name.to_owned(),
    }
}

impl Listen {
    /// Where gateways of other machines connect, if a control plane serves them.
    pub(crate) fn gateways(&self) -> SocketAddr {
        self.control_address.unwrap_or(USUAL_ADDRESS)
    }

    /// Whether gateways may be served here. A socket that was handed over may be elsewhere than the
    /// settings say.
    ///
    /// # Errors
    /// The rest of a sentence about `listen.control_address`.
    pub(crate) fn check_encryption(&self, address: SocketAddr) -> Result<(), String> {
        if self.control_plain_text || !self.is_open(address) {
            return Ok(());
        }
        Err(format!(
            "{OPEN}: name a certificate in {CERTIFICATE}, or allow it with \
             listen.control_plain_text = true"
        ))
    }

    /// Whether gateways connect over the network and nothing is encrypted.
    fn is_open(&self, address: SocketAddr) -> bool {
        let has_none =
            self.control_certificate_file.is_none() && self.control_private_key_file.is_none();
        has_none && !address.ip().is_loopback()
    }

    /// What the control plane proves itself with, when it has a certificate.
    ///
    /// # Errors
    /// A sentence with the setting at fault, as its path and the rest.
    pub(crate) fn identity(&self) -> Result<Option<TlsIdentity>, (&'static str, String)> {
        let (certificate, key) = (CERTIFICATE, PRIVATE_KEY);
        match (
            &self.control_certificate_file,
            &self.control_private_key_file,
        ) {
            (None, None) => Ok(None),
            (Some(_), None) => Err((key, format!("is missing: {certificate} needs it"))),
            (None, Some(_)) => Err((certificate, format!("is missing: {key} needs it"))),
            (Some(chain), Some(private)) => {
                let chain = read(chain).map_err(|problem| (certificate, problem))?;
                let private = read(private).map_err(|problem| (key, problem))?;
                TlsIdentity::from_pem(&chain, &private)
                    .map(Some)
                    .map_err(|problem| (certificate, ErrorChain(&problem).to_string()))
            }
        }
    }
}

const CERTIFICATE: &str = "listen.control_certificate_file";
const PRIVATE_KEY: &str = "listen.control_private_key_file";
const OPEN: &str = "can be reached from other machines, and keys and prompts travel unencrypted";

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let read = fs::read(file).map(Zeroizing::new);
    read.map_err(|problem| format!("cannot read {}: {problem}", file.display()))
}

/// Tells what is wrong with the listener for gateways, whether or not this process will open it.
pub(super) fn check_listener(listen: &Listen, is_remote: bool, findings: &mut Findings) {
    let path = "listen.control_address";
    if let Err((path, problem)) = listen.identity() {
        findings.problem(path, problem);
    }
    let Some(address) = listen.control_address else {
        return;
    };
    for (other, name) in [
        (listen.address, "listen.address"),
        (listen.operator_address, "listen.operator_address"),
    ] {
        if address == other && address.port() != 0 {
            let text = format!("is the same as {name}: give it a port of its own");
            findings.problem(path, text);
        }
    }
    if is_remote {
        let text = "is not used by a gateway: its control plane is the one at control.url";
        findings.warn(path, text);
    }
    match listen.check_encryption(address) {
        Err(problem) => findings.problem(path, problem),
        Ok(()) if listen.is_open(address) => {
            findings.warn(path, format!("{OPEN}: name a certificate in {CERTIFICATE}"));
        }
        Ok(()) => {}
    }
}
