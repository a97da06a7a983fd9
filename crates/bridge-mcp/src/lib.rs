//! Tool servers: sessions, catalogues and calls.
//!
//! An operator names servers that speak the Model Context Protocol over streamable HTTP. For each
//! identity this crate opens them with that identity's own authority, reads what tools they have,
//! gives the tools names that every provider takes, and calls them.
//!
//! [`Catalogues`] belongs to a gateway, a [`Catalogue`] to one identity, and a [`Shelf`] is what a
//! catalogue has at one time. A server that is dead, slow or talks nonsense costs its own tools and
//! nothing else.
//!
//! It refuses to know dialects, records and control planes: a [`ToolAuthority`] says which servers
//! a user may use, and what becomes of the tools is the engine's matter.

mod access;
mod authority;
mod catalogue;
mod catalogues;
mod config;
mod error;
mod figures;
mod filter;
mod leaving;
mod listing;
#[cfg(test)]
mod nonsense;
mod object;
mod outcome;
mod pause;
mod server;
mod session;
mod shelf;
mod spec;

pub use authority::{
    AuthorityError, Caller, Granted, GrantedServer, Renewal, ToolAuthority, UserToken,
};
pub use catalogue::Catalogue;
pub use catalogues::Catalogues;
pub use config::McpConfig;
pub use error::McpError;
pub use figures::{Figures, ServerFigures};
pub use filter::FilterError;
pub use listing::{Listing, ToolDef};
pub use object::Misread;
pub use outcome::{Content, Outcome, ResourceBody};
pub use server::ToolServer;
pub use shelf::{Shelf, Tool};
pub use spec::{Credential, LONGEST_SERVER_NAME, Server, ServerSpec, Servers, SpecError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
