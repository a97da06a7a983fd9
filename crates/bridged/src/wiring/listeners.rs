//! The two sockets of a server or a control plane: handed over by a supervisor, or opened here.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::StartError;
use super::gateways::GatewayListener;
use crate::config::sections::Listen;
use crate::sockets::{self, CONTROL, GATEWAY, Inherited, OPERATOR};

/// Where a server takes connections.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// From coding agents.
    pub(crate) gateway: TcpListener,
    /// From the operator.
    pub(crate) operator: TcpListener,
    /// Which of them the supervisor handed over.
    pub(crate) handed: Vec<&'static str>,
}

impl Listeners {
    /// Takes what the supervisor hands over, and opens the rest. Handed sockets win over settings.
    ///
    /// # Errors
    /// When a handed socket cannot be used, or a socket cannot be opened.
    pub(crate) async fn open(listen: &Listen, inherited: &Inherited) -> Result<Self, StartError> {
        let [gateway, operator] = inherited.take([GATEWAY, OPERATOR])?;
        let mut handed = Vec::new();
        handed.extend(gateway.is_some().then_some(GATEWAY));
        handed.extend(operator.is_some().then_some(OPERATOR));
        Ok(Self {
            gateway: open("listen.address", listen.address, gateway).await?,
            operator: open("listen.operator_address", listen.operator_address, operator).await?,
            handed,
        })
    }
}

/// Where a control plane without a gateway takes connections.
pub(crate) struct ControlListeners {
    /// From gateways.
    pub(super) gateways: GatewayListener,
    /// From the operator.
    pub(super) operator: TcpListener,
    /// Which of them the supervisor handed over.
    pub(crate) handed: Vec<&'static str>,
}

impl ControlListeners {
    /// As [`Listeners::open`], for gateways and the operator.
    ///
    /// # Errors
    /// When a handed socket or the certificate cannot be used, or a socket cannot be opened.
    pub(crate) async fn open(listen: &Listen, inherited: &Inherited) -> Result<Self, StartError> {
        let [gateways, operator] = inherited.take([CONTROL, OPERATOR])?;
        let mut handed = Vec::new();
        handed.extend(gateways.is_some().then_some(CONTROL));
        handed.extend(operator.is_some().then_some(OPERATOR));
        Ok(Self {
            gateways: GatewayListener::open(listen, gateways).await?,
            operator: open("listen.operator_address", listen.operator_address, operator).await?,
            handed,
        })
    }
}

/// Opens a socket, or takes the one that was handed over.
pub(super) async fn open(
    setting: &'static str,
    address: SocketAddr,
    handed: Option<std::net::TcpListener>,
) -> Result<TcpListener, StartError> {
    let (address, opened) = match handed {
        Some(socket) => (
            sockets::address(&socket).unwrap_or(address),
            TcpListener::from_std(socket),
        ),
        None => (address, TcpListener::bind(address).await),
    };
    opened.map_err(|source| StartError::Listen {
        setting,
        address,
        source,
    })
}
