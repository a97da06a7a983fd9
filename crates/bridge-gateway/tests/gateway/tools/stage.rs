//! A gateway between a scripted provider and a tool server.

use std::sync::Arc;
use std::time::Duration;

use bridge_intercept::ToolsConfig;
use bridge_mcp::Credential;
use bridge_record::{Event, ToolUsage};
use bridge_simulate::{
    SimulatedTool, ToolAnswer, ToolCallEnd, ToolServer, ToolServerConfig, ToolServerSeen,
};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::voice::Dialect;
use crate::support::{Reply, Script, Setup, Step, ToolsSetup, World, call, server};

pub(super) const KEY: &str = "Authorization: Bearer alice-key";

/// The tools of the server `docs`.
pub(super) fn tools() -> Vec<SimulatedTool> {
    vec![
        SimulatedTool::text("find", "it is in the attic"),
        SimulatedTool::new("echo", ToolAnswer::Echo),
        SimulatedTool::new("broken", ToolAnswer::Failed("the disk is full".to_owned())),
        SimulatedTool::new("never", ToolAnswer::Never),
        SimulatedTool::new("long", ToolAnswer::Filler(9_000)),
    ]
}

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) docs: ToolServer,
}

impl Stage {
    pub(super) async fn playing(scripts: Vec<Script>) -> Self {
        Self::with(Setup::playing(scripts), patient()).await
    }

    pub(super) async fn with(setup: Setup, config: ToolsConfig) -> Self {
        let config_of_server = ToolServerConfig {
            tools: tools(),
            ..ToolServerConfig::default()
        };
        let logger = bridge_telemetry::discard();
        let docs = ToolServer::bind(config_of_server, &logger).await.unwrap();
        let servers = vec![server("docs", &docs.url(), Credential::None)];
        let tools = Some(ToolsSetup { servers, config });
        let world = World::with(Setup { tools, ..setup }).await;
        Self { world, docs }
    }

    pub(super) async fn ask(&self, dialect: Dialect, body: &str) -> Reply {
        call(self.world.address, &[dialect.line(), KEY], body.as_bytes()).await
    }

    /// Waits until the tool server has been told that the call is cancelled, and does not run it any
    /// more. Whether it hears that first or sees that its stream has ended is a matter of chance.
    pub(super) async fn sees_cancellation(&self) {
        let is_told = |seen: &ToolServerSeen| {
            let is_over = seen
                .calls
                .iter()
                .all(|call| call.end != ToolCallEnd::Running);
            is_over && seen.methods().contains(&"notifications/cancelled")
        };
        let waiting = timeout(Duration::from_secs(20), self.docs.wait_for(is_told));
        waiting.await.expect("the tool server hears of it");
    }

    /// The bodies of the requests that the provider got.
    pub(super) fn asked(&self) -> Vec<Value> {
        let seen = self.world.provider.seen();
        let bodies = seen
            .iter()
            .map(|it| serde_json::from_slice(&it.body).unwrap());
        bodies.collect()
    }

    /// The calls of tools that were recorded.
    pub(super) fn used(&self) -> Vec<ToolUsage> {
        let events = self.world.events().into_iter();
        let used = events.filter_map(|event| match event {
            Event::Tool(it) => Some(*it),
            Event::Started(_)
            | Event::Tokens(_)
            | Event::Prompt(_)
            | Event::Thought(_)
            | Event::Ended(_) => None,
        });
        used.collect()
    }

    /// The kinds of records, in their order.
    pub(super) fn order(&self) -> Vec<&'static str> {
        let events = self.world.events().into_iter();
        let kinds = events.map(|event| match event {
            Event::Started(_) => "started",
            Event::Tokens(_) => "tokens",
            Event::Prompt(_) => "prompt",
            Event::Tool(_) => "tool",
            Event::Thought(_) => "thought",
            Event::Ended(_) => "ended",
        });
        kinds.collect()
    }
}

/// An answer whose end waits until it is let.
pub(super) fn held(mut script: Script, is_stream: bool, release: &Arc<Notify>) -> Script {
    let wait = Step::Wait(Arc::clone(release));
    if is_stream {
        // Before the last event, behind which the body ends.
        script.insert(script.len() - 2, wait);
        return script;
    }
    let Some(Step::Send(bytes)) = script.last_mut() else {
        panic!("it sends nothing at its end");
    };
    let rest = bytes.split_off(bytes.len() - 2);
    script.extend([wait, Step::Send(rest)]);
    script
}

/// The first request waits for the tool server as long as it takes.
pub(super) fn patient() -> ToolsConfig {
    ToolsConfig {
        open_timeout: Duration::from_secs(20),
        ..ToolsConfig::default()
    }
}
