//! What a simulated provider, and the tool server beside it, say of where they are.

use std::time::Duration;

use crate::Outcome;
use crate::program::Program;

/// How long they may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// The provider's base URL, as Anthropic's clients take it.
///
/// # Errors
/// When it does not start in time.
pub(crate) fn provider(simulator: &Program) -> Outcome<String> {
    simulator.wait_for("where the provider is", PATIENCE, |line| {
        let (_, rest) = line.split_once("ANTHROPIC_BASE_URL=")?;
        rest.split_whitespace().next().map(str::to_owned)
    })
}

/// The tool server's URL. It is told behind the provider's.
///
/// # Errors
/// When it does not start in time, or nobody asked for one.
pub(crate) fn tool_server(simulator: &Program) -> Outcome<String> {
    simulator.wait_for("where the tool server is", PATIENCE, |line| {
        let (_, url) = line.split_once("tool server is running at ")?;
        Some(url.to_owned())
    })
}
