//! OpenAI's Responses API, as its reference at platform.openai.com describes it.

mod item;
mod members;
pub(crate) mod request;
pub(crate) mod splice;
pub(crate) mod stream;
pub(crate) mod tools;
mod usage;
pub(crate) mod weave;
