//! OpenAI's Responses API, as its reference at platform.openai.com describes it.

pub(crate) mod request;
pub(crate) mod stream;
