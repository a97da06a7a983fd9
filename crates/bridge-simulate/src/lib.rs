//! A provider that speaks three dialects and costs nothing.
//!
//! It answers Anthropic Messages, OpenAI Chat Completions and OpenAI Responses over HTTP/1.1,
//! streaming and blocking, in the shapes that the providers' own SDKs and the coding agents
//! accept, and with the habits of AWS Bedrock, GitHub Copilot, Azure, Google and OpenRouter where
//! it is asked below their base paths. It is for trying a gateway out and for loading it, without an account.
//!
//! ```
//! use std::time::Duration;
//! use bridge_simulate::{SimulateConfig, Simulator};
//!
//! # async fn run() -> Result<(), bridge_simulate::SimulateError> {
//! let logger = bridge_telemetry::discard();
//! let simulator = Simulator::bind(SimulateConfig::default(), &logger).await?;
//! println!("ANTHROPIC_BASE_URL={}", simulator.base_url_anthropic());
//! println!("OPENAI_BASE_URL={}", simulator.base_url_openai());
//! assert_eq!(simulator.ends().finished, 0);
//! simulator.shutdown(Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The same request gets the same answer
//!
//! Ids, texts and figures follow from [`SimulateConfig::seed`] and the request's body alone, so
//! an answer is the same byte for byte, on every day and every machine. With
//! [`IdSource::Counter`] the number of earlier requests counts too, and no two answers share an
//! id. What has a memory are the directive `times`, and the answers that a request in the Responses
//! dialect goes on from.
//!
//! # Directives
//!
//! What a person said last may hold orders like `simulate:delay=200`; the header
//! `x-simulate: delay=200, gzip` holds the same without the prefix. The README lists all of them.
//! They let it call tools, think, wait, fall silent, refuse, break off, or answer nonsense.
//!
//! # What it refuses to know
//!
//! Gateways, identities, TLS and the meaning of a conversation: it looks at what was said last, and
//! of what was before only whether it is in order. It is no oracle of what a provider would say.

mod access;
mod answer;
mod anthropic;
mod asked;
mod bedrock;
mod body;
mod chat;
mod compatible;
mod config;
mod copilot;
mod dialect;
mod digest;
mod directive;
mod face;
mod fingerprint;
mod frame;
mod ledger_file;
mod listen;
mod offered;
mod parts;
mod past;
mod pattern;
mod pieces;
mod provider;
mod responses;
mod route;
mod schema;
mod script;
mod seal;
mod seen;
mod server;
mod sigv4;
mod strict;
mod tool_server;
mod turn;

pub use config::{IdSource, SimulateConfig};
pub use seen::{Ends, Seen};
pub use server::{SimulateError, Simulator};
pub use sigv4::AwsSender;
pub use tool_server::{
    SimulatedTool, ToolAnswer, ToolAnswers, ToolCallEnd, ToolCallSeen, ToolRequestSeen, ToolServer,
    ToolServerConfig, ToolServerSeen, ToolTrouble,
};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
