//! OpenAI's Chat Completions API, as its reference at platform.openai.com describes it, and what
//! compatible providers add to it.

pub(crate) mod request;
pub(crate) mod stream;
mod usage;
