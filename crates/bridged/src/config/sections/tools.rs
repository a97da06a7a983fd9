//! Tools of tool servers: who gets them, and how much a turn may do with them.

use std::time::Duration;

use super::{Compared, Description, Fallback, Field, SectionReader};
use crate::config::setting::{Count, ModelPatterns, Size, UsageHabit};

section! {
    /// Tools of the operator's tool servers, offered to the models of all agents, called by the gateway and hidden from the agent.
    /// The servers themselves are defined in the control plane. Without any, nothing here has an effect.
    ToolsSection at "tools" {
        /// Whether requests get these tools. Without them no tool server is spoken to.
        enabled: bool, Default "true";
        /// Models whose requests are left alone, or off: agents use small ones for titles and summaries. A * stands for anything.
        /// Several are a list, or stand with commas between them.
        skip_models: ModelPatterns, Default "*haiku*";
        /// Which tokens an agent is told after a turn of several calls of the provider: sum is what was paid for; last is for agents that read the size of their context from them.
        /// Records have every call apart.
        usage: UsageHabit, Default "sum";
        /// Whether hidden turns are remembered, so that they are put back into the agent's next request. They stay in memory only.
        memory: bool, Default "true";
        /// How many hidden turns of one caller are remembered.
        memory_entries: Count, Default "256";
        /// How many bytes of them.
        memory_bytes: Size, Default "8MiB";
        /// For how long, after the last request of the conversation.
        memory_age: Duration, Default "1h";
        /// How many answers of one turn may call tools. Calls of a further one are answered with an error, and that answer is the last.
        rounds: Count, Default "16";
        /// How many calls of tools one turn may make.
        calls: Count, Default "64";
        /// How many of them run at once.
        at_once: Count, Default "8";
        /// How long one call may take.
        call_timeout: Duration, Default "60s";
        /// How long after its first call a turn may make further ones.
        total_timeout: Duration, Default "10m";
        /// How much of a result the model gets.
        result_bytes: Size, Default "256KiB";
        /// How long the first request of a caller waits for tool servers. Those that are late come with the next one.
        open_timeout: Duration, Default "3s";
    }
}
