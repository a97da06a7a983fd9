//! Anthropic's Messages API, as its reference at docs.anthropic.com describes it.

pub(crate) mod request;
mod schema;
pub(crate) mod splice;
pub(crate) mod stream;
pub(crate) mod tools;
mod usage;
pub(crate) mod weave;
