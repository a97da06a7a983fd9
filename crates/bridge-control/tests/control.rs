//! The control plane as its two kinds of caller see it: gateways over a pipe, operators over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "control/authorize.rs"]
mod authorize;
#[path = "control/configure.rs"]
mod configure;
#[path = "control/garbage.rs"]
mod garbage;
#[path = "control/gateways.rs"]
mod gateways;
#[path = "control/operator.rs"]
mod operator;
#[path = "control/providers.rs"]
mod providers;
#[path = "control/record.rs"]
mod record;
#[path = "control/remote.rs"]
mod remote;
#[path = "control/renewal.rs"]
mod renewal;
#[path = "control/stage.rs"]
mod stage;
#[path = "control/strangers.rs"]
mod strangers;
#[path = "control/tool_answers.rs"]
mod tool_answers;
#[path = "control/tools.rs"]
mod tools;
