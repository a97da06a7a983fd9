//! Which program is calling, in which conversation.
//!
//! These are hints for records. A caller can write what it likes here, so nothing is decided by
//! them.

use http::HeaderMap;
use http::header::USER_AGENT;

/// Longest session or agent id that is kept, in characters.
const LONGEST_ID: usize = 256;
/// Longest `User-Agent` that is kept, in characters.
const LONGEST_USER_AGENT: usize = 512;

/// What the headers of a request tell about the calling program. Read before the header policy
/// removes some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHint {
    /// Name of the program, `Unknown` when it could not be told.
    pub client: &'static str,
    /// The `User-Agent`, shortened.
    pub user_agent: String,
    /// Conversation id from a header.
    pub session_id: Option<String>,
    /// Which sub-agent of the program is speaking.
    pub agent_id: Option<String>,
}

/// Programs by the beginning of their `User-Agent`, in lower case. The first match wins.
const BY_USER_AGENT: [(&str, &str); 25] = [
    ("mux/", "Mux"),
    ("xum/", "Mux"),
    ("claude", "Claude Code"),
    ("codex", "Codex"),
    ("zed/", "Zed"),
    ("githubcopilotchat/", "GitHub Copilot (VS Code)"),
    ("copilot/", "GitHub Copilot (CLI)"),
    ("kilo-code/", "Kilo Code"),
    ("roo-code/", "Roo Code"),
    ("coder-agents/", "Coder Agents"),
    ("charm crush/", "Charm Crush"),
    ("charm-crush/", "Charm Crush"),
    ("opencode/", "OpenCode"),
    ("junie", "Junie"),
    ("agents/python", "OpenAI Agents SDK"),
    ("pydantic-ai/", "Pydantic AI"),
    ("langchain", "LangChain"),
    ("litellm/", "LiteLLM"),
    ("ai-sdk-", "AI SDK"),
    ("ai-sdk/", "AI SDK"),
    ("ai/", "AI SDK"),
    ("anthropic/", "Anthropic SDK"),
    ("asyncanthropic/", "Anthropic SDK"),
    ("openai/", "OpenAI SDK"),
    ("asyncopenai/", "OpenAI SDK"),
];

/// Programs by the `originator` header, where the `User-Agent` says something else.
const BY_ORIGINATOR: [(&str, &str); 3] = [
    ("kilo-code", "Kilo Code"),
    ("roo-code", "Roo Code"),
    ("opencode", "OpenCode"),
];

/// Headers with a conversation id, for each program that has its own.
const SESSION_OF: [(&str, &[&str]); 8] = [
    ("Claude Code", &["x-claude-code-session-id"]),
    ("Codex", &["session-id", "session_id", "thread-id"]),
    ("Mux", &["x-mux-workspace-id"]),
    ("GitHub Copilot (VS Code)", &["x-interaction-id"]),
    ("GitHub Copilot (CLI)", &["x-client-session-id"]),
    ("Kilo Code", &["x-kilocode-taskid"]),
    ("Coder Agents", &["x-coder-chat-id"]),
    (
        "OpenCode",
        &["x-opencode-session", "x-session-id", "x-session-affinity"],
    ),
];

/// Headers with a conversation id that any program may send.
const SESSION_OF_ANY: [&str; 4] = [
    "x-claude-code-session-id",
    "session-id",
    "thread-id",
    "x-session-id",
];

impl ClientHint {
    /// Reads the hints.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let user_agent = headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let client = client(headers, user_agent.unwrap_or_default());
        Self {
            client,
            user_agent: shortened(user_agent.unwrap_or_default(), LONGEST_USER_AGENT),
            session_id: session(headers, client),
            agent_id: text(headers, "x-claude-code-agent-id"),
        }
    }
}

fn client(headers: &HeaderMap, user_agent: &str) -> &'static str {
    // The SDK inside Copilot's CLI names only itself; these two headers are the program's marks.
    if headers.contains_key("x-initiator") && headers.contains_key("x-interaction-type") {
        return "GitHub Copilot (CLI)";
    }
    let originator = headers
        .get("originator")
        .and_then(|value| value.to_str().ok());
    let by_originator = BY_ORIGINATOR
        .iter()
        .find(|(mark, _)| originator == Some(mark));
    if let Some((_, name)) = by_originator {
        return name;
    }
    let by_user_agent = BY_USER_AGENT
        .iter()
        .find(|(start, _)| starts_with(user_agent, start));
    match by_user_agent {
        Some((_, name)) => name,
        None if text(headers, "x-cursor-client-version").is_some() => "Cursor",
        None => "Unknown",
    }
}

fn starts_with(text: &str, start: &str) -> bool {
    text.as_bytes()
        .get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

fn session(headers: &HeaderMap, client: &str) -> Option<String> {
    let own = SESSION_OF.iter().find(|(name, _)| *name == client);
    let own = own.into_iter().flat_map(|(_, names)| names.iter());
    own.chain(SESSION_OF_ANY.iter())
        .find_map(|name| text(headers, name))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then(|| shortened(value, LONGEST_ID))
}

pub(crate) fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text.to_owned(),
    }
}

/// A session id found in a body, kept under the same rule as one from a header.
pub(crate) fn session_from_body(id: &str) -> Option<String> {
    let id = id.trim();
    (!id.is_empty()).then(|| shortened(id, LONGEST_ID))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn check(headers: &[(&str, &str)], client: &str, session: Option<&str>) {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let name: HeaderName = name.parse().unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect();
        let hint = ClientHint::read(&map);
        assert_eq!(
            (hint.client, hint.session_id.as_deref()),
            (client, session),
            "{headers:?}"
        );
    }

    #[test]
    fn programs_and_conversations_are_told() {
        check(&[], "Unknown", None);
        check(&[("user-agent", "curl/8")], "Unknown", None);
        check(
            &[("user-agent", "claude-cli/2.1.330 (external, cli)")],
            "Claude Code",
            None,
        );
        check(
            &[
                ("user-agent", "claude-cli/2"),
                ("x-claude-code-session-id", " abc "),
            ],
            "Claude Code",
            Some("abc"),
        );
        check(
            &[
                ("user-agent", "codex_exec/0.169.0"),
                ("session_id", "old"),
                ("session-id", "new"),
            ],
            "Codex",
            Some("new"),
        );
        check(
            &[("user-agent", "codex_cli_rs/0.2"), ("session_id", "old")],
            "Codex",
            Some("old"),
        );
        check(
            &[("user-agent", "Codex/1"), ("thread-id", "t")],
            "Codex",
            Some("t"),
        );
        check(
            &[
                ("user-agent", "opencode/1.18 ai-sdk/x"),
                ("x-session-affinity", "ses_1"),
            ],
            "OpenCode",
            Some("ses_1"),
        );
        check(&[("originator", "roo-code")], "Roo Code", None);
        check(&[("originator", "Roo-Code")], "Unknown", None);
        check(&[("x-cursor-client-version", "1")], "Cursor", None);
        check(&[("x-cursor-client-version", " ")], "Unknown", None);
        check(
            &[("user-agent", "Mux/1"), ("x-mux-workspace-id", "w")],
            "Mux",
            Some("w"),
        );
        check(
            &[
                ("user-agent", "Anthropic/JS 0.94.0"),
                ("x-initiator", "user"),
                ("x-interaction-type", "c"),
            ],
            "GitHub Copilot (CLI)",
            None,
        );
        check(
            &[("user-agent", "AsyncOpenAI/Python 3.54.0")],
            "OpenAI SDK",
            None,
        );
        check(
            &[("user-agent", "zed/1"), ("x-session-id", "s")],
            "Zed",
            Some("s"),
        );
        check(
            &[("user-agent", "coder-agents/1"), ("x-coder-chat-id", "c")],
            "Coder Agents",
            Some("c"),
        );
    }

    #[test]
    fn long_ids_are_shortened_between_characters() {
        assert_eq!(shortened("aäöü", 2), "aä");
        assert_eq!(shortened("abc", 3), "abc");
    }
}
