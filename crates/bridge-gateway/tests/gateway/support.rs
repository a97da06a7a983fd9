//! What every test stands on: a gateway, a scripted provider and a raw client.

mod client;
mod on_bedrock;
mod provider;
mod sigv4;
mod tool_servers;
mod world;

pub(crate) use client::{Reply, call, open, parse, read_reply, take_ready};
pub(crate) use provider::{Provider, Script, Seen, Step, chunk, find, json, sse, zipped};
pub(crate) use sigv4::is_signed;
pub(crate) use tool_servers::{ToolsSetup, server};
pub(crate) use world::{Setup, World, until};
