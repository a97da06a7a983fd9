mod ends;
mod history;
mod hostile;
mod next;
mod odd;
mod stream;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    DialectId, Envelope, EnvelopeLimits, Offer, RoundEnd, ToolContent, ToolResult, ToolSpec,
    Toolbox, UsageTold, Weave, WeaveConfig, WeaveError, WeaveLimits, offer,
};

const OURS: &str = "bmcp_srv_look";

fn toolbox() -> Toolbox {
    let spec = |name: &str| ToolSpec::new(name, "Looks.", r#"{"type":"object"}"#).unwrap();
    Toolbox::new(vec![spec(OURS), spec("bmcp_srv_go")])
}

/// One answer in the making, with its request.
struct Loom {
    request: Envelope,
    weave: Weave,
    out: Vec<u8>,
}

impl Loom {
    fn new(request: &Value) -> Self {
        Self::with(request, WeaveConfig::default())
    }

    fn with(request: &Value, config: WeaveConfig) -> Self {
        let body = Bytes::from(request.to_string());
        let mut request = Envelope::parse(body, &EnvelopeLimits::default()).unwrap();
        let dialect = DialectId::OpenAiResponses;
        let Offer::Made(tools) = offer(dialect, &mut request, &toolbox()) else {
            panic!("the tools were not offered");
        };
        let weave = Weave::new(dialect, &request, tools, config);
        let out = Vec::new();
        Self {
            request,
            weave,
            out,
        }
    }

    /// Tells a round, event by event.
    fn told(&mut self, stream: &str) -> Result<RoundEnd, WeaveError> {
        for raw in stream.split_inclusive("\n\n") {
            let field = |name: &str| raw.lines().find_map(|line| line.strip_prefix(name));
            let name = field("event: ").unwrap_or("message");
            let data = field("data: ").unwrap_or_default();
            let (data, raw) = (data.as_bytes(), raw.as_bytes());
            self.weave.event(name, data, raw, &mut self.out)?;
        }
        Ok(self.weave.end_round())
    }

    fn calls(&mut self, stream: &str) -> Vec<crate::InjectedCall> {
        match self.told(stream).unwrap() {
            RoundEnd::Calls(calls) => calls,
            end @ (RoundEnd::Over | RoundEnd::Mixed(_)) => panic!("{end:?}"),
        }
    }

    fn go_on(&mut self, results: &[(&str, &str)]) {
        let results = results.iter().map(|(call_id, text)| said(call_id, text));
        self.weave
            .go_on(&mut self.request, results.collect())
            .unwrap();
    }

    fn finish(mut self) -> String {
        self.weave.finish(&mut self.out);
        String::from_utf8(self.out).unwrap()
    }

    fn member(&self, name: &str) -> Value {
        let value = self.request.get(name).unwrap_or("null");
        serde_json::from_str(value).unwrap()
    }
}

fn said(call_id: &str, text: &str) -> ToolResult {
    ToolResult {
        call_id: call_id.to_owned(),
        content: vec![ToolContent::Text(text.to_owned())],
        is_error: false,
    }
}

/// A round as a provider streams it.
struct Round {
    id: &'static str,
    items: Vec<Value>,
    end: &'static str,
    /// Whether the event that ends it repeats the items.
    is_repeated: bool,
    first_sequence: u64,
    echo: Value,
}

impl Round {
    fn new(id: &'static str, items: Vec<Value>) -> Self {
        let echo = json!([
            {"type": "function", "name": "add"},
            {"type": "function", "name": OURS},
            {"type": "function", "name": "bmcp_srv_go"},
        ]);
        Self {
            id,
            items,
            end: "completed",
            is_repeated: true,
            first_sequence: 0,
            echo,
        }
    }

    fn response(&self, status: &str, output: &[Value]) -> Value {
        let is_end = status != "in_progress";
        let usage = json!({
            "input_tokens": 100, "input_tokens_details": {"cached_tokens": 64},
            "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 7},
            "total_tokens": 120,
        });
        json!({
            "id": self.id, "status": status, "output": output, "tools": self.echo,
            "usage": if is_end { usage } else { Value::Null },
        })
    }

    fn body(&self) -> String {
        let status = self.end;
        serde_json::to_string_pretty(&self.response(status, &self.items)).unwrap()
    }

    fn stream(&self) -> String {
        let mut events = vec![
            json!({"type": "response.created", "response": self.response("in_progress", &[])}),
            json!({"type": "response.in_progress", "response": self.response("in_progress", &[])}),
        ];
        for (index, item) in self.items.iter().enumerate() {
            let mut added = item.clone();
            added["status"] = "in_progress".into();
            let event = |kind: &str, more: Value| {
                let mut event = json!({"type": format!("response.{kind}"), "output_index": index});
                let more = more.as_object().unwrap().clone();
                event.as_object_mut().unwrap().extend(more);
                event
            };
            let id = &item["id"];
            events.push(event("output_item.added", json!({"item": added})));
            match item["type"].as_str().unwrap() {
                "message" => {
                    let part = &item["content"][0];
                    events.push(event(
                        "output_text.delta",
                        json!({"item_id": id, "content_index": 0, "delta": part["text"]}),
                    ));
                }
                "function_call" => events.push(event(
                    "function_call_arguments.delta",
                    json!({"item_id": id, "delta": item["arguments"]}),
                )),
                _ => {}
            }
            events.push(event("output_item.done", json!({"item": item})));
        }
        let output: &[Value] = if self.is_repeated { &self.items } else { &[] };
        let end = self.response(self.end, output);
        let kind = format!("response.{}", self.end);
        events.push(json!({"type": kind, "response": end}));
        let numbered = (self.first_sequence..).zip(events);
        let written = numbered.map(|(sequence, mut event)| {
            event["sequence_number"] = sequence.into();
            let name = event["type"].as_str().unwrap().to_owned();
            format!("event: {name}\ndata: {event}\n\n")
        });
        written.collect()
    }
}

fn text(id: &str, text: &str) -> Value {
    json!({"type": "message", "id": id, "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text}]})
}

fn thought(id: &str, encrypted: &str) -> Value {
    json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": encrypted})
}

fn call(id: &str, name: &str) -> Value {
    json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name,
        "status": "completed", "arguments": r#"{"a":1.50}"#})
}

/// The data of every event.
fn data(stream: &str) -> Vec<Value> {
    let lines = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn hello() -> Value {
    json!({"model": "m", "input": "hello", "stream": true, "tools": [{"type": "function", "name": "add"}]})
}
