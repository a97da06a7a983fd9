//! The keys of log lines. A new key is added here with a meaning, and means the same everywhere.

/// Which part of the program speaks.
pub const COMPONENT: &str = "component";
/// One HTTP request, from its head to the end of its answer.
pub const REQUEST_ID: &str = "request_id";
/// The trace that a request belongs to, when traces are on.
pub const TRACE_ID: &str = "trace_id";
/// The span of the request in it.
pub const SPAN_ID: &str = "span_id";
/// Correlation id that a proxy in front of the gateway put on the request.
pub const CORRELATION_ID: &str = "correlation_id";
/// One recorded request.
pub const INTERCEPTION_ID: &str = "interception_id";
/// The user the request belongs to.
pub const ACTOR_ID: &str = "actor_id";
/// The key that was presented.
pub const API_KEY_ID: &str = "api_key_id";
/// Name of the provider instance.
pub const PROVIDER: &str = "provider";
/// Name of a tool server.
pub const TOOL_SERVER: &str = "tool_server";
/// Name of a tool, as its server has it.
pub const TOOL: &str = "tool";
/// As the caller wrote it.
pub const MODEL: &str = "model";
/// Which route of the provider, from a closed list.
pub const ROUTE: &str = "route";
/// Method of the request.
pub const METHOD: &str = "method";
/// Path of the request, without the query.
pub const PATH: &str = "path";
/// Status of the answer.
pub const STATUS: &str = "status";
/// How an interception ended.
pub const OUTCOME: &str = "outcome";
/// A failure's closed name.
pub const KIND: &str = "kind";
/// Milliseconds since the request's head arrived.
pub const ELAPSED_MS: &str = "elapsed_ms";
/// Bytes of the answer's body.
pub const BYTES: &str = "bytes";
/// What went wrong, with all its causes.
pub const ERROR: &str = "error";
/// Whose provider credential is used: `centralized` or `byok`.
pub const AUTH_MODE: &str = "auth_mode";
/// Whether a host in this process vouched for the caller.
pub const AUTH_DELEGATED: &str = "auth_delegated";
/// Whether the caller's grant was `confirmed` or is used on `grace` while the control plane is away.
pub const AUTH_STANDING: &str = "auth_standing";
/// Name of that host.
pub const SOURCE: &str = "source";
/// The provider credential, masked.
pub const KEY_HINT: &str = "key_hint";
/// Name of the calling program.
pub const CLIENT: &str = "client";
/// Number of the provider set in use.
pub const GENERATION: &str = "generation";
/// What a gateway calls itself.
pub const GATEWAY: &str = "gateway";
/// The key by which a gateway on another machine proves itself.
pub const GATEWAY_KEY_ID: &str = "gateway_key_id";
/// How it was before.
pub const FROM: &str = "from";
/// How it is now.
pub const TO: &str = "to";
/// Milliseconds until the next attempt.
pub const RETRY_IN_MS: &str = "retry_in_ms";
