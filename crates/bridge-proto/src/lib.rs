//! The control-plane contract: messages, clients and servers of `bridge.control.v1`.
//!
//! Everything in [`v1`] is generated from `proto/` by `cargo xtask codegen` and committed, so that a
//! build needs nothing but cargo. Only the two ends of the wire name these types; everybody else
//! meets their hand-written counterparts.

mod shown;
mod version;

pub use version::may_go_on;

/// The contract itself; `proto/bridge/control/v1` says what each item promises.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod v1 {
    include!("generated/bridge.control.v1.rs");
}

/// Version of the contract in this crate; `proto/README.md` has the rule for comparing two.
pub const CONTRACT_VERSION: &str = "1.3";

/// The lowest version that a gateway of this crate can do with. What came later it can miss: a
/// control plane that has no settings of providers sends none, and one that knows no tool servers
/// has none.
pub const CONTRACT_NEEDED: &str = "1.1";
