//! The control-plane client: authorizer, record sink and provider snapshots over a connection that heals itself.
