//! The crate as a gateway uses it: recorded exchanges, and properties of generated ones.

#[path = "dialects/events.rs"]
mod events;
#[path = "dialects/properties.rs"]
mod properties;
#[path = "dialects/recorded.rs"]
mod recorded;
