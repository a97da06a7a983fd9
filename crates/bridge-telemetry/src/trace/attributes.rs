//! Names of attributes. Those of OpenTelemetry's semantic conventions are spelled as there; the
//! rest begins with `bridge.`.

/// Method of the request.
pub const HTTP_METHOD: &str = "http.request.method";
/// Status of the answer.
pub const HTTP_STATUS: &str = "http.response.status_code";
/// Which route, from a closed list.
pub const HTTP_ROUTE: &str = "http.route";
/// Which repetition of a request this is, from one. Absent on the first.
pub const HTTP_RESEND_COUNT: &str = "http.request.resend_count";
/// Path of the request, without the query.
pub const URL_PATH: &str = "url.path";
/// Host that a request goes to.
pub const SERVER_ADDRESS: &str = "server.address";
/// Port that a request goes to.
pub const SERVER_PORT: &str = "server.port";
/// What kind of failure it is, from a closed list, or the status.
pub const ERROR_TYPE: &str = "error.type";
/// The user's id.
pub const USER_ID: &str = "user.id";
/// What the model is asked to do.
pub const GEN_AI_OPERATION: &str = "gen_ai.operation.name";
/// Which family of providers answers.
pub const GEN_AI_PROVIDER: &str = "gen_ai.provider.name";
/// The same under the name that earlier versions of the conventions have, for tools that read it.
pub const GEN_AI_SYSTEM: &str = "gen_ai.system";
/// The model that was asked for.
pub const GEN_AI_REQUEST_MODEL: &str = "gen_ai.request.model";
/// The provider's id of the answer.
pub const GEN_AI_RESPONSE_ID: &str = "gen_ai.response.id";
/// The model that answered.
pub const GEN_AI_RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Why the model stopped.
pub const GEN_AI_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// All input, what was read from and written to the cache included.
pub const GEN_AI_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// All output.
pub const GEN_AI_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Input read from the provider's cache.
pub const GEN_AI_CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// Input written to the provider's cache.
pub const GEN_AI_CACHE_WRITE_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
/// The client's id of the conversation.
pub const GEN_AI_CONVERSATION: &str = "gen_ai.conversation.id";
/// The name that the model calls a tool by.
pub const GEN_AI_TOOL_NAME: &str = "gen_ai.tool.name";
/// The id of a tool call.
pub const GEN_AI_TOOL_CALL_ID: &str = "gen_ai.tool.call.id";
/// What was asked, on the event for content alone.
pub const GEN_AI_INPUT_MESSAGES: &str = "gen_ai.input.messages";
/// The event that holds content.
pub const CONTENT_EVENT: &str = "gen_ai.client.inference.operation.details";
/// Id of the request, which is the interception's.
pub const REQUEST_ID: &str = "bridge.request_id";
/// Name of the provider instance.
pub const PROVIDER: &str = "bridge.provider";
/// Name of the calling program.
pub const CLIENT: &str = "bridge.client";
/// Id of the user key.
pub const API_KEY_ID: &str = "bridge.api_key_id";
/// Whether the answer is a stream of events.
pub const STREAMING: &str = "bridge.streaming";
/// How an interception ended.
pub const OUTCOME: &str = "bridge.outcome";
/// The provider credential, masked.
pub const KEY_HINT: &str = "bridge.key_hint";
/// Whether figures are measured here, because the provider's own never came.
pub const ESTIMATED: &str = "bridge.usage_estimated";
/// Bytes of the answer's body.
pub const BYTES: &str = "bridge.response_bytes";
