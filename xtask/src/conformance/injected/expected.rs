//! What is to be recorded of the exchanges with injected tools.

/// What is to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Injected {
    pub(super) prompt: &'static str,
    /// The tool's name at its server.
    pub(super) tool: &'static str,
    /// The arguments, without blanks.
    pub(super) arguments: &'static str,
    /// What the tool server says instead of a result.
    pub(super) error: Option<&'static str>,
    /// Input, output, read from the cache, and reasoning, of each round.
    pub(super) rounds: [[u64; 4]; 2],
}

const OF_ADMIN: &str = "list coder workspace IDs for admin";
const FORBIDDEN: &str = "500 Internal error deleting template: unauthorized: rbac: forbidden";

/// What is to be recorded of an exchange, if the table knows it.
pub(super) fn of(name: &str, is_streaming: bool) -> Option<Injected> {
    let (prompt, tool, arguments, rounds) = match (name, is_streaming) {
        ("anthropic/single_injected_tool", true) => (
            OF_ADMIN,
            "coder_list_workspaces",
            r#"{"owner":"admin"}"#,
            [[7_545, 74, 0, 0], [7_763, 128, 0, 0]],
        ),
        ("anthropic/single_injected_tool", false) => (
            OF_ADMIN,
            "coder_list_workspaces",
            r#"{"owner":"admin"}"#,
            [[7_545, 75, 0, 0], [7_763, 129, 0, 0]],
        ),
        ("openai/chatcompletions/single_injected_tool", _) => (
            OF_ADMIN,
            "coder_list_workspaces",
            r#"{"owner":"admin"}"#,
            [[4_862, 45, 0, 0], [185, 60, 4_864, 0]],
        ),
        ("openai/chatcompletions/streaming_injected_tool_no_preamble", _) => (
            "<current_datetime>2026-01-22T18:35:17.612Z</current_datetime>\n\n\
             list all my coder workspaces",
            "coder_list_workspaces",
            r#"{"owner":"me"}"#,
            [[5_246, 65, 20_470, 0], [25_989, 85, 0, 0]],
        ),
        ("openai/responses/blocking/single_injected_tool", _) => (
            "list the template params for version aa4e30e4-a086-4df6-a364-1343f1458104",
            "coder_template_version_parameters",
            r#"{"template_version_id":"aa4e30e4-a086-4df6-a364-1343f1458104"}"#,
            [[227, 75, 6_144, 25], [612, 231, 6_144, 43]],
        ),
        ("openai/responses/blocking/single_injected_tool_error", _) => (
            "delete the template with ID 03cb4fdd-8109-4a22-8e22-bb4975171395, don't ask for \
             confirmation",
            "coder_delete_template",
            r#"{"template_id":"03cb4fdd-8109-4a22-8e22-bb4975171395"}"#,
            [[233, 119, 6_144, 70], [395, 144, 6_144, 28]],
        ),
        ("openai/responses/streaming/single_injected_tool", _) => (
            "List my coder templates.",
            "coder_list_templates",
            "{}",
            [[6_269, 18, 0, 0], [319, 182, 6_144, 0]],
        ),
        _ => return None,
    };
    Some(Injected {
        prompt,
        tool,
        arguments,
        error: name.ends_with("_error").then_some(FORBIDDEN),
        rounds,
    })
}
