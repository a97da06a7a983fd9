//! Recorded exchanges with real providers, where they are there to be read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bridge_api::{
    AnswerEnd, DialectId, Envelope, EnvelopeLimits, Observed, RequestFacts, read_error,
};
use bytes::Bytes;
use serde_json::Value;

use crate::events;

const MESSAGES: DialectId = DialectId::AnthropicMessages;
const CHAT: DialectId = DialectId::OpenAiChat;
const RESPONSES: DialectId = DialectId::OpenAiResponses;

pub(crate) fn recorded() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let fixtures = workspace.join("../shared/fixtures");
    if fixtures.is_dir() {
        return Some(fixtures);
    }
    eprintln!(
        "skipped: there are no recorded exchanges at {}",
        fixtures.display()
    );
    None
}

/// The named sections of one recording.
pub(crate) struct Recording {
    name: String,
    pub(crate) dialect: DialectId,
    pub(crate) sections: HashMap<String, String>,
}

impl Recording {
    pub(crate) fn read(fixtures: &Path, name: &str) -> Self {
        let dialect = match name {
            name if name.starts_with("anthropic/") => MESSAGES,
            name if name.starts_with("openai/chatcompletions/") => CHAT,
            _ => RESPONSES,
        };
        let text = std::fs::read_to_string(fixtures.join(format!("{name}.txtar"))).unwrap();
        let mut sections = HashMap::<String, String>::new();
        let mut section = String::new();
        for line in text.split_inclusive('\n') {
            let title = line.trim_end().strip_prefix("-- ");
            match title.and_then(|title| title.strip_suffix(" --")) {
                Some(title) => section = title.to_owned(),
                None => sections.entry(section.clone()).or_default().push_str(line),
            }
        }
        Self {
            name: name.to_owned(),
            dialect,
            sections,
        }
    }

    fn facts(&self) -> RequestFacts {
        let body = Bytes::from(self.sections["request"].clone());
        let envelope = Envelope::parse(body.clone(), &EnvelopeLimits::default()).unwrap();
        assert_eq!(envelope.to_bytes(), body, "{}", self.name);
        self.dialect.facts(&envelope)
    }

    pub(crate) fn seen(&self, section: &str) -> Observed {
        let text = &self.sections[section];
        if section.starts_with("streaming") {
            events::streamed(self.dialect, text)
        } else {
            events::whole(self.dialect, text)
        }
    }
}

#[test]
fn prompts_are_found_in_recorded_requests() {
    let Some(fixtures) = recorded() else { return };
    let check = |name: &str, model: &str, prompt: &str| {
        let facts = Recording::read(&fixtures, name).facts();
        assert_eq!(facts.model, model, "{name}");
        let found = facts.prompt.unwrap_or_default();
        assert!(found.contains(prompt), "{name}: {found}");
        assert_eq!(facts.tool_call_id, None, "{name}");
        assert!(!facts.background, "{name}");
    };
    let angels = "how many angels can dance on the head of a pin\n";
    let prime = "Is 3 + 5 a prime number? Use the add function to calculate the sum.";
    check("anthropic/simple", "claude-sonnet-4-0", angels);
    check(
        "anthropic/single_builtin_tool",
        "claude-sonnet-4-20250514",
        "read the foo file",
    );
    check("anthropic/simple_bedrock", "claude-sonnet-4-6", "Hello.");
    check("anthropic/stream_error", "claude-sonnet-4-0", "yo");
    check("openai/chatcompletions/simple", "gpt-4.1", angels);
    check(
        "openai/chatcompletions/single_builtin_tool",
        "gpt-4.1",
        "how large is the README.md",
    );
    check(
        "openai/responses/blocking/simple",
        "gpt-4o-mini",
        "tell me a joke",
    );
    check(
        "openai/responses/blocking/single_builtin_tool",
        "gpt-4.1",
        prime,
    );
    check(
        "openai/responses/streaming/codex_example",
        "gpt-5-codex",
        "hello",
    );
    check(
        "openai/responses/streaming/conversation",
        "gpt-4o-mini",
        "explain why this is funny.",
    );
    let codex = Recording::read(&fixtures, "openai/responses/streaming/codex_example").facts();
    assert_eq!(codex.prompt.as_deref(), Some("hello"));
    assert!(codex.stream && codex.session.best().is_some());
}

/// Input, output, cache reads, cache writes.
type Tokens = (u64, u64, u64, u64);

#[test]
fn tokens_are_those_that_the_providers_said_last() {
    let Some(fixtures) = recorded() else { return };
    let check = |name: &str, section: &str, id: &str, tokens: Tokens| {
        let seen = Recording::read(&fixtures, name).seen(section);
        let usage = seen.usage.unwrap();
        let found = (
            usage.input,
            usage.output,
            usage.cache_read,
            usage.cache_write,
        );
        assert_eq!(found, tokens, "{name} {section}");
        assert!(usage.is_final, "{name} {section}");
        assert!(
            seen.response_id.starts_with(id),
            "{name} {section}: {}",
            seen.response_id
        );
        assert_eq!(seen.end, AnswerEnd::Complete, "{name} {section}");
    };
    let (streaming, blocking) = ("streaming", "non-streaming");
    let simple = "anthropic/simple";
    check(simple, streaming, "msg_01Pvyf26", (18, 240, 0, 0));
    check(simple, blocking, "msg_", (18, 254, 0, 0));
    let tool = "anthropic/single_builtin_tool";
    check(tool, streaming, "msg_015SQewi", (2, 61, 13_993, 22));
    check(tool, blocking, "msg_01JHKqEm", (5, 84, 23_490, 0));
    let injected = "anthropic/single_injected_tool";
    check(injected, streaming, "msg_01JWGa2J", (7_545, 74, 0, 0));
    check(
        injected,
        "streaming/tool-call",
        "msg_01LZSVzM",
        (7_763, 128, 0, 0),
    );
    check(
        "anthropic/simple_bedrock",
        streaming,
        "msg_bdrk_01T",
        (10, 10, 0, 0),
    );
    let simple = "openai/chatcompletions/simple";
    check(simple, streaming, "chatcmpl-BwoiPTGR", (19, 238, 0, 0));
    check(simple, blocking, "chatcmpl-", (19, 200, 0, 0));
    let tool = "openai/chatcompletions/single_builtin_tool";
    check(tool, streaming, "chatcmpl-", (60, 15, 0, 0));
    let injected = "openai/chatcompletions/single_injected_tool";
    check(injected, streaming, "chatcmpl-", (4_862, 45, 0, 0));
    check(
        injected,
        "streaming/tool-call",
        "chatcmpl-",
        (185, 60, 4_864, 0),
    );
    let copilot = "openai/chatcompletions/streaming_injected_tool_no_preamble";
    check(copilot, streaming, "", (5_246, 65, 20_470, 0));
    let blocked = |name: &str, id, tokens| {
        check(
            &format!("openai/responses/blocking/{name}"),
            blocking,
            id,
            tokens,
        );
    };
    blocked("simple", "resp_0388c790", (11, 18, 0, 0));
    blocked("single_builtin_tool", "resp_0da6045a", (58, 18, 0, 0));
    blocked("commentary_builtin_tool", "resp_", (58, 30, 0, 0));
    blocked("cached_input_tokens", "resp_0cd5d6b8", (129, 44, 11_904, 0));
    blocked("custom_tool", "resp_09c61436", (64, 148, 0, 0));
    blocked("conversation", "resp_0c9f1f05", (48, 116, 0, 0));
    blocked("single_injected_tool", "resp_012db006", (227, 75, 6_144, 0));
    let streamed = |name: &str, id, tokens| {
        check(
            &format!("openai/responses/streaming/{name}"),
            streaming,
            id,
            tokens,
        );
    };
    streamed("simple", "resp_0f9c4b2f", (11, 18, 0, 0));
    streamed("builtin_tool", "resp_0c3fb28c", (58, 18, 0, 0));
    streamed("commentary_builtin_tool", "resp_", (58, 30, 0, 0));
    streamed(
        "cached_input_tokens",
        "resp_05080461",
        (1_165, 54, 15_744, 0),
    );
    streamed("custom_tool", "resp_0c26996b", (64, 340, 0, 0));
    streamed("codex_example", "resp_0e172b76", (4_006, 13, 0, 0));
    streamed("single_injected_tool", "resp_016595fe", (6_269, 18, 0, 0));
    let second = "non-streaming/tool-call";
    let anthropic = "anthropic/single_injected_tool";
    check(anthropic, blocking, "msg_01FwkWU2", (7_545, 75, 0, 0));
    check(anthropic, second, "msg_01Sr5BnP", (7_763, 129, 0, 0));
    let chat = "openai/chatcompletions/single_injected_tool";
    check(chat, blocking, "chatcmpl-C1XAKDTV", (4_862, 45, 0, 0));
    check(chat, second, "chatcmpl-C1XANLwd", (185, 60, 4_864, 0));
    let copilot = "openai/chatcompletions/streaming_injected_tool_no_preamble";
    check(copilot, "streaming/tool-call", "", (25_989, 85, 0, 0));
    let tool = "openai/chatcompletions/single_builtin_tool";
    check(tool, blocking, "chatcmpl-BwkyFElD", (60, 15, 0, 0));
    let blocked = "openai/responses/blocking/single_injected_tool";
    check(blocked, second, "resp_012db006", (612, 231, 6_144, 0));
    let failing = "openai/responses/blocking/single_injected_tool_error";
    check(failing, blocking, "resp_06e2afba", (233, 119, 6_144, 0));
    check(failing, second, "resp_06e2afba", (395, 144, 6_144, 0));
    let streamed = "openai/responses/streaming/single_injected_tool";
    check(
        streamed,
        "streaming/tool-call",
        "resp_0bc5f54f",
        (319, 182, 6_144, 0),
    );
}

#[test]
fn tools_are_recorded_with_what_they_were_given() {
    let Some(fixtures) = recorded() else { return };
    let check = |name: &str, section: &str, kind: &str, call_id: &str, tool: &str, input: &str| {
        let seen = Recording::read(&fixtures, name).seen(section);
        let [call] = &seen.tool_calls[..] else {
            panic!("{name} {section}: {:?}", seen.tool_calls);
        };
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::from(text));
        let found = (call.kind.to_string(), call.name.as_str());
        assert_eq!(found, (kind.to_owned(), tool), "{name} {section}");
        // The whole id stands in the recording only.
        assert!(call.call_id.starts_with(call_id), "{name} {section}");
        assert_eq!(json(&call.input), json(input), "{name} {section}");
    };
    let (streaming, blocking) = ("streaming", "non-streaming");
    let file = ["{\"file_path\": \"/t", "mp/blah/foo\"}"].concat();
    let read = "anthropic/single_builtin_tool";
    check(read, streaming, "function", "toolu_01RX68we", "Read", &file);
    check(read, blocking, "function", "toolu_01AusGgY", "Read", &file);
    let readme = r#"{"path":"README.md"}"#;
    let chat = "openai/chatcompletions/single_builtin_tool";
    check(
        chat,
        streaming,
        "function",
        "call_HjeqP7Ye",
        "read_file",
        readme,
    );
    check(
        chat,
        blocking,
        "function",
        "call_KjzAbhiZ",
        "read_file",
        readme,
    );
    let copilot = "openai/chatcompletions/streaming_injected_tool_no_preamble";
    let workspaces = "bmcp_coder_coder_list_workspaces";
    let me = r#"{"owner": "me"}"#;
    check(
        copilot,
        streaming,
        "function",
        "toolu_vrtx_01CvBi1d",
        workspaces,
        me,
    );
    let sum = r#"{"a":3,"b":5}"#;
    let add = "openai/responses/blocking/single_builtin_tool";
    check(add, blocking, "function", "call_CJSaa2u5", "add", sum);
    let add = "openai/responses/streaming/builtin_tool";
    check(add, streaming, "function", "call_7VaiUXZY", "add", sum);
    let print = r#"print("hello world")"#;
    let custom = "openai/responses/blocking/custom_tool";
    check(
        custom,
        blocking,
        "custom",
        "call_haf8njtw",
        "code_exec",
        print,
    );
    let custom = "openai/responses/streaming/custom_tool";
    check(
        custom,
        streaming,
        "custom",
        "call_2gSnF58I",
        "code_exec",
        print,
    );
}

#[test]
fn reasoning_is_recorded_with_its_source() {
    let Some(fixtures) = recorded() else { return };
    let check = |name: &str, section: &str, source: &str, beginning: &str| {
        let seen = Recording::read(&fixtures, name).seen(section);
        let [thought] = &seen.thoughts[..] else {
            panic!("{name} {section}: {:?}", seen.thoughts);
        };
        assert_eq!(thought.source.as_str(), source, "{name} {section}");
        assert!(
            thought.content.starts_with(beginning),
            "{name}: {}",
            thought.content
        );
    };
    let (streaming, blocking) = ("streaming", "non-streaming");
    let classic = "This is a classic philosophical question about medieval scholasticism";
    check("anthropic/simple", streaming, "thinking", classic);
    check("anthropic/simple", blocking, "thinking", classic);
    let read = "The user wants me to read a file called \"foo\". Let me find and read it.";
    check("anthropic/single_builtin_tool", streaming, "thinking", read);
    check("anthropic/single_builtin_tool", blocking, "thinking", read);
    let summary = "reasoning_summary";
    let add = "openai/responses/blocking/single_builtin_tool";
    check(add, blocking, summary, "The user wants to add 3 and 5.");
    check(
        "openai/responses/streaming/builtin_tool",
        streaming,
        summary,
        "The user wants to add",
    );
    let codex = "openai/responses/streaming/codex_example";
    check(codex, streaming, summary, "**Preparing simple response");
    let prime = "Checking whether 3 + 5 is prime by calling the add function first.";
    let blocked = "openai/responses/blocking/commentary_builtin_tool";
    check(blocked, blocking, "commentary", prime);
    let streamed = "openai/responses/streaming/commentary_builtin_tool";
    check(streamed, streaming, "commentary", prime);
}

#[test]
fn failures_in_mid_stream_are_failures() {
    let Some(fixtures) = recorded() else { return };
    let check = |name: &str, error_type: &str, message: &str, measured: Option<bool>| {
        let seen = Recording::read(&fixtures, name).seen("streaming");
        let AnswerEnd::Failed {
            error_type: found,
            message: text,
        } = &seen.end
        else {
            panic!("{name}: {:?}", seen.end);
        };
        assert_eq!(found, error_type, "{name}");
        assert!(text.contains(message), "{name}: {text}");
        let is_measured = seen.usage.map(|usage| {
            assert!(!usage.is_final, "{name}");
            usage.is_estimated
        });
        assert_eq!(is_measured, measured, "{name}");
    };
    check(
        "anthropic/stream_error",
        "api_error",
        "Overloaded",
        Some(false),
    );
    let chat = "openai/chatcompletions/stream_error";
    // What was told of it is measured.
    check(chat, "server_error", "The server had an error", Some(true));
    let lost = "openai/responses/streaming/conversation";
    check(lost, "invalid_request_error", "not found", Some(true));
    let flat = "openai/responses/streaming/stream_error";
    check(flat, "ERR_SOMETHING", "Something went wrong", Some(true));
}

#[test]
fn refusals_of_providers_are_read() {
    let Some(fixtures) = recorded() else { return };
    let check = |name: &str, section: &str, message: &str| {
        let recording = Recording::read(&fixtures, name);
        let (_, body) = recording.sections[section].split_once("\n\n").unwrap();
        let error = read_error(body.as_bytes()).unwrap();
        assert!(error.message.contains(message), "{name}: {}", error.message);
        assert!(!error.error_type.is_empty(), "{name}");
    };
    check(
        "anthropic/non_stream_error",
        "streaming",
        "prompt is too long: 205429 tokens",
    );
    let chat = "openai/chatcompletions/non_stream_error";
    check(
        chat,
        "non-streaming",
        "Input tokens exceed the configured limit",
    );
    check("openai/responses/blocking/http_error", "non-streaming", "");
    check("openai/responses/streaming/http_error", "streaming", "");
}
