//! Gateways apart from their control plane, with a wire between them.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use super::node::Node;
use super::operator::Operator;
use super::stage::Stage;
use super::wire::Wire;
use crate::Outcome;

/// How long an orderly end may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// A control plane and its gateways.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) control: Node,
    pub(super) wire: Wire,
    pub(super) gateways: Vec<Node>,
    /// A user's key.
    pub(super) key: String,
}

impl Fleet {
    /// Starts everything. `further` are whole sections of settings for the gateways.
    pub(super) fn start(stage: &Stage, gateways: usize, further: &str) -> Outcome<Self> {
        let mut fleet = Self::prepare(stage, gateways, further)?;
        for gateway in &mut fleet.gateways {
            gateway.start()?;
        }
        Ok(fleet)
    }

    /// The same, with gateways that do not run yet.
    pub(super) fn prepare(stage: &Stage, gateways: usize, further: &str) -> Outcome<Self> {
        let settings = format!(
            "[listen]\noperator_address = \"127.0.0.1:0\"\ncontrol_address = \"127.0.0.1:0\"\n{}",
            stage.providers()
        );
        let mut control = Node::new(&stage.bin, stage.place("control"), &["control"], &settings)?;
        control.start()?;
        let wire = Wire::lay(stage.seed)?;
        wire.lead_to(Some(control.control_address()?));
        let operator = control.operator()?;
        operator.make_user()?;
        let (_, key) = operator.make_key()?;
        let gateways = (1..=gateways).map(|number| {
            let name = format!("gateway-{number}");
            gateway(stage, &name, &operator, wire.address(), further)
        });
        Ok(Self {
            gateways: gateways.collect::<Outcome<_>>()?,
            control,
            wire,
            key,
        })
    }

    /// Where clients connect.
    pub(super) fn addresses(&self) -> Outcome<Vec<SocketAddr>> {
        self.gateways.iter().map(Node::address).collect()
    }

    /// Starts the control plane again, at a place of its own choice.
    pub(super) fn start_control(&mut self) -> Outcome {
        self.control.start()?;
        self.wire.lead_to(Some(self.control.control_address()?));
        Ok(())
    }

    /// Ends everything in good order, gateways first, so that they can deliver.
    pub(super) fn stop(mut self) -> Outcome {
        for gateway in &mut self.gateways {
            gateway.stop(PATIENCE)?;
        }
        self.control.stop(PATIENCE)
    }
}

fn gateway(
    stage: &Stage,
    name: &str,
    operator: &Operator,
    control: SocketAddr,
    further: &str,
) -> Outcome<Node> {
    let folder = stage.place(name);
    fs::create_dir_all(&folder)?;
    let key_file = folder.join("gateway-key");
    fs::write(&key_file, operator.make_gateway_key(name)?)?;
    let settings = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\noperator_address = \"127.0.0.1:0\"\n\
         [control]\nurl = \"http://{control}\"\ngateway_key_file = {:?}\n{further}",
        key_file.display().to_string(),
    );
    Node::new(&stage.bin, folder, &["serve"], &settings)
}
