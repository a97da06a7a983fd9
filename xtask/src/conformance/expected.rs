//! What is to be recorded of each recorded exchange.
//!
//! The figures follow from the exchanges and from one rule: one usage record per answer of the
//! provider, with its last cumulative figures; where those never came, with a quarter of the bytes of
//! what the model had said until then, and marked. Ids are not written down here; they are found in
//! the exchange itself.

/// What is to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    /// `completed` or `failed`.
    pub(super) status: &'static str,
    pub(super) error_type: Option<&'static str>,
    /// The text of the last user turn, without blanks around it.
    pub(super) prompt: Option<&'static str>,
    pub(super) tokens: Option<Tokens>,
    pub(super) tool: Option<Tool>,
    /// Source and beginning of the only thought.
    pub(super) thought: Option<(&'static str, &'static str)>,
}

/// Tokens of the only answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) cache_read: u64,
    pub(super) cache_write: u64,
    /// A part of the output.
    pub(super) reasoning: u64,
    /// Whether the output was measured because the provider's figures did not come.
    pub(super) is_estimated: bool,
}

/// The only tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    /// What the arguments contain, blanks aside.
    pub(super) input: &'static str,
}

const ANGELS: &str = "how many angels can dance on the head of a pin";
const PRIME: &str = "Is 3 + 5 a prime number? Use the add function to calculate the sum.";
const HELLO_WORLD: &str = "Use the code_exec tool to print hello world to the console.";
const PUN: &str = "explain why this is funny.";

const ADD: Tool = Tool {
    name: "add",
    kind: "function",
    input: "{\"a\":3,\"b\":5}",
};
const READ: Tool = Tool {
    name: "Read",
    kind: "function",
    input: "/blah/foo\"}",
};
const READ_FILE: Tool = Tool {
    name: "read_file",
    kind: "function",
    input: "{\"path\":\"README.md\"}",
};
const READ_NOTES: Tool = Tool {
    name: "read_file",
    kind: "function",
    input: "{\"path\":\"notes.txt\"}",
};
const CODE_EXEC: Tool = Tool {
    name: "code_exec",
    kind: "custom",
    input: "print(\"helloworld\")",
};

const ADDING: (&str, &str) = ("reasoning_summary", "The user wants to add 3 and 5.");
const CHECKING: (&str, &str) = (
    "commentary",
    "Checking whether 3 + 5 is prime by calling the add function first.",
);
const READING: (&str, &str) = ("thinking", "The user wants me to read");
const SIMPLE: (&str, &str) = ("reasoning_summary", "**Preparing simple response");
const CLASSIC: (&str, &str) = ("thinking", "This is a classic philosophical question");

/// What is to be recorded of an exchange, if the table knows it.
pub(super) fn of(name: &str, is_streaming: bool) -> Option<Expected> {
    let expected = match (name, is_streaming) {
        ("anthropic/simple", true) => asked(ANGELS).tokens(18, 240, 0, 0).thought(CLASSIC),
        ("anthropic/simple", false) => asked(ANGELS).tokens(18, 254, 0, 0).thought(CLASSIC),
        ("anthropic/single_builtin_tool", true) => asked("read the foo file")
            .tokens(2, 61, 13_993, 22)
            .tool(READ)
            .thought(READING),
        ("anthropic/single_builtin_tool", false) => asked("read the foo file")
            .tokens(5, 84, 23_490, 0)
            .tool(READ)
            .thought(READING),
        ("anthropic/simple_bedrock", _) => asked("Hello.").tokens(10, 10, 0, 0),
        // It broke off after its first figures.
        ("anthropic/stream_error", true) => asked("yo").tokens(18, 1, 0, 0).failed("server_error"),
        ("anthropic/non_stream_error", _) => refused("bad_request"),
        ("openai/chatcompletions/simple", true) => asked(ANGELS).tokens(19, 238, 0, 0),
        ("openai/chatcompletions/simple", false) => asked(ANGELS).tokens(19, 200, 0, 0),
        ("openai/chatcompletions/single_builtin_tool", _) => {
            asked("how large is the README.md file in my current path")
                .tokens(60, 15, 0, 0)
                .tool(READ_FILE)
        }
        ("openai/chatcompletions/stream_error", true) => {
            asked(ANGELS).estimated(4).failed("server_error")
        }
        ("openai/chatcompletions/non_stream_error", _) => refused("bad_request"),
        (name, is_streaming) => {
            return of_responses(name).or_else(|| of_written(name, is_streaming));
        }
    };
    Some(expected)
}

/// What was written for this project.
fn of_written(name: &str, is_streaming: bool) -> Option<Expected> {
    let expected = match (name.strip_prefix("written/")?, is_streaming) {
        ("copilot_claude_tool", _) => asked("what stands in notes.txt?")
            .tokens(260, 40, 640, 0)
            .tool(READ_NOTES),
        ("bedrock_surgical_edits", _) => asked("caf\u{e9} <&>").tokens(12, 6, 0, 0),
        ("bedrock_small_and_fast", _) => asked("a title").tokens(4, 2, 0, 0),
        ("bedrock_adaptive_stays", _) => asked("think")
            .tokens(5, 9, 0, 0)
            .thought(("thinking", "Thinking it over.")),
        ("bedrock_adaptive_converted", _) => asked("think").tokens(5, 9, 0, 0),
        // Both broke off after their first figures.
        ("bedrock_throttled_in_mid_stream", _) => {
            asked("go on").tokens(7, 1, 0, 0).failed("rate_limited")
        }
        ("bedrock_damaged_in_mid_stream", _) => asked("go on").tokens(7, 1, 0, 0).failed("unknown"),
        ("bedrock_refused", _) => refused("bad_request"),
        ("bedrock_mantle", _) => asked("hello").tokens(3, 2, 0, 0),
        ("copilot_messages", _) => asked("say hello").tokens(11, 5, 0, 0),
        ("copilot_unauthorized", _) => refused("unauthorized"),
        ("azure_filter_results", _) => asked("say hello").tokens(21, 3, 0, 0),
        ("azure_rate_limited", _) => refused("rate_limited"),
        ("google_usage_in_each_chunk", _) => asked("count to two").tokens(6, 4, 0, 0),
        ("google_refused", _) => refused("bad_request"),
        ("openrouter_comments_and_reasoning", _) => asked("is 7 prime?")
            .tokens(12, 30, 0, 0)
            .reasoning(22)
            .thought(("reasoning", "Seven has no divisors.")),
        ("openrouter_stream_error", _) => asked("go on").estimated(3).failed("server_error"),
        ("in_house_bare", true) => asked("hi").estimated(2),
        ("in_house_bare", false) => asked("hi"),
        _ => return None,
    };
    Some(expected)
}

fn of_responses(name: &str) -> Option<Expected> {
    let name = name.strip_prefix("openai/responses/")?;
    let expected = match name {
        "blocking/simple" | "streaming/simple" => asked("tell me a joke").tokens(11, 18, 0, 0),
        "blocking/single_builtin_tool" | "streaming/builtin_tool" => {
            asked(PRIME).tokens(58, 18, 0, 0).tool(ADD).thought(ADDING)
        }
        "blocking/commentary_builtin_tool" | "streaming/commentary_builtin_tool" => asked(PRIME)
            .tokens(58, 30, 0, 0)
            .reasoning(10)
            .tool(ADD)
            .thought(CHECKING),
        "blocking/cached_input_tokens" => {
            asked("This was a large input...").tokens(129, 44, 11_904, 0)
        }
        "streaming/cached_input_tokens" => {
            asked("Test cached input tokens.").tokens(1_165, 54, 15_744, 0)
        }
        "blocking/custom_tool" => asked(HELLO_WORLD)
            .tokens(64, 148, 0, 0)
            .reasoning(128)
            .tool(CODE_EXEC),
        "streaming/custom_tool" => asked(HELLO_WORLD)
            .tokens(64, 340, 0, 0)
            .reasoning(320)
            .tool(CODE_EXEC),
        "blocking/conversation" => asked(PUN).tokens(48, 116, 0, 0),
        "streaming/conversation" => asked(PUN).estimated(196).failed("bad_request"),
        "streaming/codex_example" => asked("hello").tokens(4_006, 13, 0, 0).thought(SIMPLE),
        "streaming/stream_error" => asked("hello_stream_error").estimated(2).failed("unknown"),
        "blocking/http_error" => refused("unauthorized"),
        "streaming/http_error" => refused("rate_limited"),
        _ => return None,
    };
    Some(expected)
}

/// A prompt that was answered, with nothing else known yet.
const fn asked(prompt: &'static str) -> Expected {
    Expected {
        status: "completed",
        error_type: None,
        prompt: Some(prompt),
        tokens: None,
        tool: None,
        thought: None,
    }
}

/// A request that the provider refused: nothing was answered, so nothing but its end is recorded.
const fn refused(error_type: &'static str) -> Expected {
    let mut expected = asked("").failed(error_type);
    expected.prompt = None;
    expected
}

impl Expected {
    const fn failed(mut self, error_type: &'static str) -> Self {
        self.status = "failed";
        self.error_type = Some(error_type);
        self
    }

    const fn tokens(mut self, input: u64, output: u64, cache_read: u64, cache_write: u64) -> Self {
        self.tokens = Some(Tokens {
            input,
            output,
            cache_read,
            cache_write,
            reasoning: 0,
            is_estimated: false,
        });
        self
    }

    /// Nothing but what was said is known.
    const fn estimated(self, output: u64) -> Self {
        let mut expected = self.tokens(0, output, 0, 0);
        if let Some(tokens) = &mut expected.tokens {
            tokens.is_estimated = true;
        }
        expected
    }

    const fn reasoning(mut self, reasoning: u64) -> Self {
        if let Some(tokens) = &mut self.tokens {
            tokens.reasoning = reasoning;
        }
        self
    }

    const fn tool(mut self, tool: Tool) -> Self {
        self.tool = Some(tool);
        self
    }

    const fn thought(mut self, thought: (&'static str, &'static str)) -> Self {
        self.thought = Some(thought);
        self
    }
}
