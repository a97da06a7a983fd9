//! One request to a model: how it is written in each dialect, and how its answer is read.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::dice::Dice;
use crate::digest::sha256;
use crate::gateway::request;
use crate::http1::{self, Head, Received};

/// Which API is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Messages,
    Chat,
    Responses,
}

/// A request that nobody else makes: its mark stands in the prompt and in the session's id.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) mark: String,
    pub(super) dialect: Dialect,
    pub(super) is_stream: bool,
    /// Pieces of text, and milliseconds between two of them.
    pub(super) events: u64,
    pub(super) pace_ms: u64,
    pub(super) calls_tool: bool,
    pub(super) thinks: bool,
    /// What was said before, in bytes.
    pub(super) before_bytes: usize,
}

/// How a request ended for the one who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// There was no connection.
    NotConnected,
    /// The connection ended before the head of an answer.
    Unanswered,
    /// An answer of another status than success.
    Status(u16),
    /// An answer began and did not come to its end.
    Broken,
    /// Everything came: of a stream the event that ends it, of others the whole body.
    Whole,
}

impl Dialect {
    pub(super) const ALL: [Self; 3] = [Self::Messages, Self::Chat, Self::Responses];

    fn path(self) -> &'static str {
        match self {
            Self::Messages => "/anthropic/v1/messages",
            Self::Chat => "/openai/v1/chat/completions",
            Self::Responses => "/openai/v1/responses",
        }
    }

    /// What the last event of a whole stream begins with. Only that event begins so.
    fn last_event(self) -> &'static [u8] {
        match self {
            Self::Messages => b"event: message_stop\n",
            Self::Chat => b"data: [DONE]\n",
            Self::Responses => b"event: response.completed\n",
        }
    }
}

impl Ask {
    /// A request as agents make them: mostly streams, some with a tool's call or a thought.
    pub(super) fn any(mark: String, dice: &mut Dice) -> Self {
        Self {
            mark,
            dialect: dice.pick(&Dialect::ALL).unwrap_or(Dialect::Messages),
            is_stream: !dice.one_in(4),
            events: dice.between(1, 40),
            pace_ms: dice.pick(&[0, 1, 2, 5, 10]).unwrap_or(0),
            calls_tool: dice.one_in(4),
            thinks: dice.one_in(5),
            before_bytes: dice.pick(&[0, 0, 500, 20_000]).unwrap_or(0),
        }
    }

    /// What is asked, with orders for the simulated provider.
    pub(super) fn prompt(&self) -> String {
        let mut text = format!(
            "Tell me of {}. simulate:events={} simulate:bytes=16 simulate:pace={}",
            self.mark, self.events, self.pace_ms
        );
        if self.calls_tool {
            text.push_str(" simulate:tool=look {\"at\":\"the sea\"}");
        }
        if self.thinks {
            text.push_str(" simulate:think");
        }
        text
    }

    /// The prompt as the provider's ledger names it.
    pub(super) fn prompt_sha256(&self) -> String {
        sha256(self.prompt())
    }

    fn head(&self, key: &str) -> Head {
        let bearer = format!("Bearer {key}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("anthropic-version", "2023-06-01"),
            ("user-agent", "chaos/1"),
            ("session-id", &self.mark),
        ];
        request("POST", self.dialect.path(), &headers)
    }

    fn body(&self) -> Value {
        let schema = json!({"type": "object", "properties": {"at": {"type": "string"}}});
        let before = "what was said before weighs ".repeat(self.before_bytes / 28);
        let said = json!([
            {"role": "user", "content": format!("Listen. {before}")},
            {"role": "assistant", "content": "I do."},
            {"role": "user", "content": self.prompt()},
        ]);
        match self.dialect {
            Dialect::Messages => json!({
                "model": "claude-sonnet-4-5", "max_tokens": 1024, "stream": self.is_stream,
                "messages": said,
                "tools": [{"name": "look", "input_schema": schema}],
            }),
            Dialect::Chat => {
                let tool = json!({"name": "look", "parameters": schema});
                let mut body = json!({
                    "model": "gpt-5.5", "stream": self.is_stream, "messages": said,
                    "tools": [{"type": "function", "function": tool}],
                });
                if let (true, Some(body)) = (self.is_stream, body.as_object_mut()) {
                    let options = json!({"include_usage": true});
                    body.insert("stream_options".to_owned(), options);
                }
                body
            }
            Dialect::Responses => json!({
                "model": "gpt-5.5", "stream": self.is_stream, "input": said,
                "tools": [{"type": "function", "name": "look", "parameters": schema}],
            }),
        }
    }

    /// Makes the request on a connection of its own.
    pub(super) fn send(&self, to: SocketAddr, key: &str) -> Ending {
        let body = self.body().to_string();
        match http1::converse(to, &self.head(key), body.as_bytes()) {
            Err(_) => Ending::NotConnected,
            Ok(received) => self.ending(&received),
        }
    }

    fn ending(&self, received: &Received) -> Ending {
        let Some(head) = &received.head else {
            return Ending::Unanswered;
        };
        match head.status() {
            200 if self.is_whole(received) => Ending::Whole,
            200 => Ending::Broken,
            0 => Ending::Unanswered,
            status => Ending::Status(status),
        }
    }

    fn is_whole(&self, received: &Received) -> bool {
        if !self.is_stream {
            return received.problem.is_none();
        }
        // A client of a stream acts on the last event, whatever becomes of the connection.
        let last = self.dialect.last_event();
        let body = &received.body;
        let found = body.windows(last.len()).rposition(|part| part == last);
        let rest = found.and_then(|at| body.get(at..)).unwrap_or_default();
        rest.windows(2).any(|part| part == b"\n\n")
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn ask(dialect: Dialect, is_stream: bool) -> Ask {
        Ask {
            mark: "mark".to_owned(),
            dialect,
            is_stream,
            events: 3,
            pace_ms: 0,
            calls_tool: true,
            thinks: false,
            before_bytes: 0,
        }
    }

    fn received(status: u16, body: &str, is_cut: bool) -> Received {
        Received {
            head: Some(Head {
                first_line: format!("HTTP/1.1 {status} Said"),
                headers: Vec::new(),
            }),
            body: body.as_bytes().to_vec(),
            problem: is_cut.then(|| io::Error::other("cut")),
        }
    }

    #[test]
    fn endings() {
        let check = |dialect, is_stream, got: Received, wanted: Ending| {
            assert_eq!(ask(dialect, is_stream).ending(&got), wanted, "{got:?}");
        };
        check(
            Dialect::Chat,
            false,
            Received::default(),
            Ending::Unanswered,
        );
        check(
            Dialect::Chat,
            false,
            received(503, "", false),
            Ending::Status(503),
        );
        check(
            Dialect::Chat,
            false,
            received(200, "{", true),
            Ending::Broken,
        );
        check(
            Dialect::Chat,
            false,
            received(200, "{}", false),
            Ending::Whole,
        );
        let done = "data: {}\n\ndata: [DONE]\n\n";
        check(
            Dialect::Chat,
            true,
            received(200, done, true),
            Ending::Whole,
        );
        let torn = "data: {}\n\ndata: [DONE]\n";
        check(
            Dialect::Chat,
            true,
            received(200, torn, true),
            Ending::Broken,
        );
        check(
            Dialect::Chat,
            true,
            received(200, "data: {}\n\n", false),
            Ending::Broken,
        );
        let stop = "event: message_stop\ndata: {}\n\n";
        check(
            Dialect::Messages,
            true,
            received(200, stop, true),
            Ending::Whole,
        );
        check(
            Dialect::Responses,
            true,
            received(200, stop, false),
            Ending::Broken,
        );
    }

    #[test]
    fn prompts_differ_by_their_mark() {
        let one = ask(Dialect::Chat, true);
        let other = Ask {
            mark: "another".to_owned(),
            ..one
        };
        assert_ne!(one.prompt_sha256(), other.prompt_sha256());
        assert!(one.body().to_string().contains("mark"));
    }
}
