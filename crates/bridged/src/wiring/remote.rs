//! The way to a control plane that is another process.

use std::fmt;

use bridge_rpc::{
    Channel, ChannelConfig, ConnectionState, ConnectionWatch, ControlTarget, FatalKind,
};
use slog::Logger;

use super::StartError;
use crate::config::control::RemoteControl;

/// A connection that heals itself, to a control plane that may be away.
pub(super) struct Remote {
    pub(super) channel: Channel,
    /// Where the control plane is.
    pub(super) url: String,
}

impl Remote {
    /// Starts to connect. Nothing is waited for: the control plane may come later.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub(super) fn connect(control: &RemoteControl, logger: &Logger) -> Result<Self, StartError> {
        let config = ChannelConfig {
            gateway_name: control.gateway_name.clone(),
            gateway_key: Some(control.gateway_key.clone()),
            extra_roots: control.extra_roots.clone(),
            build_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..ChannelConfig::default()
        };
        let target = ControlTarget::Remote(control.url.clone());
        let channel = Channel::connect(target, config, logger).map_err(StartError::Channel)?;
        Ok(Self {
            channel,
            url: control.url.to_string(),
        })
    }
}

/// Follows whether the control plane still wants this gateway, also when the server has ended.
pub(crate) struct Welcome {
    connection: ConnectionWatch,
    /// Where the control plane is.
    url: String,
}

/// The control plane refuses this gateway, and trying again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Refused {
    url: String,
    kind: FatalKind,
    reason: String,
}

impl Welcome {
    pub(super) fn new(channel: &Channel, url: String) -> Self {
        Self {
            connection: channel.watch_state(),
            url,
        }
    }

    /// Whether it was refused, and why.
    pub(crate) fn refused(&self) -> Option<Refused> {
        match self.connection.current() {
            ConnectionState::Fatal { kind, reason } => Some(Refused {
                url: self.url.clone(),
                kind,
                reason,
            }),
            ConnectionState::Connecting { .. } | ConnectionState::Connected { .. } => None,
        }
    }

    /// Waits until it is refused; for ever, when the server ends before.
    pub(crate) async fn until_refused(&mut self) -> Refused {
        loop {
            if let Some(refused) = self.refused() {
                return refused;
            }
            if self.connection.changed().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl fmt::Display for Refused {
    /// What to do next stands behind what was said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = match self.kind {
            FatalKind::GatewayKey => {
                "make a key with `bridged gateway-key create NAME` on the control plane, and put it \
                 into the file at control.gateway_key_file"
            }
            FatalKind::NotAllowed => "ask who runs the control plane to let this gateway in",
            FatalKind::Version => {
                "a control plane serves gateways of its own version and older ones: upgrade it \
                 first"
            }
            FatalKind::NotControlPlane => {
                "give the address at which `bridged control` serves gateways as control.url"
            }
        };
        write!(
            f,
            "the control plane at {} refuses this gateway: {}: {advice}",
            self.url,
            self.reason.trim_end_matches('.')
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_said_and_what_to_do() {
        let check = |kind, part: &str| {
            let refused = Refused {
                url: "https://control.example:4182".to_owned(),
                kind,
                reason: "gateway key invalid.".to_owned(),
            };
            let told = refused.to_string();
            for part in ["https://control.example:4182", "key invalid: ", part] {
                assert!(told.contains(part), "{part:?} is not in {told}");
            }
        };
        check(FatalKind::GatewayKey, "gateway-key create");
        check(FatalKind::NotAllowed, "ask who runs");
        check(FatalKind::Version, "upgrade it first");
        check(FatalKind::NotControlPlane, "control.url");
    }
}
