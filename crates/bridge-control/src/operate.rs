//! What operators can do, for whoever asks: the REST side, and a host program in this process.

mod gateway_keys;
mod keys;
pub(crate) mod providers;
mod reads;
mod tool_servers;
pub(crate) mod user_tokens;
mod users;
