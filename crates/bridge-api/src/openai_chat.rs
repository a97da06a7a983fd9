//! OpenAI's Chat Completions API, as its reference at platform.openai.com describes it, and what
//! compatible providers add to it.

pub(crate) mod request;
pub(crate) mod splice;
pub(crate) mod stream;
pub(crate) mod tools;
mod usage;
pub(crate) mod weave;
