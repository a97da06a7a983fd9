//! An answer in which the model calls every tool of the gateway that it was offered.

use serde_json::{Value, json};

use super::mishaps::Request;

/// The injected tools that a body offers. None when it bears results already.
pub(super) fn tools(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    let results = [
        "\"tool_result\"",
        "\"tool_call_id\"",
        "\"function_call_output\"",
    ];
    if results.iter().any(|it| text.contains(it)) {
        return Vec::new();
    }
    let names = text.split("\"bmcp_").skip(1);
    let names = names.filter_map(|rest| rest.split('"').next());
    names.map(|name| format!("bmcp_{name}")).collect()
}

pub(super) fn answer(request: &Request) -> String {
    let body = match &*request.path {
        path if path.contains("/messages") || path.contains("/model/") => return messages(request),
        path if path.contains("/responses") => return responses(request),
        _ => chat(request),
    };
    match request.wants_stream {
        true => format!("data: {body}\n\ndata: [DONE]\n\n"),
        false => body.to_string(),
    }
}

fn event(data: &Value) -> String {
    let name = data["type"].as_str().unwrap();
    format!("event: {name}\ndata: {data}\n\n")
}

fn messages(request: &Request) -> String {
    let usage = json!({"input_tokens": 3, "output_tokens": 1});
    let block = |(at, name): (usize, &String)| json!({"type": "tool_use", "id": format!("toolu_{at}"), "name": name, "input": {}});
    let blocks: Vec<_> = request.tools.iter().enumerate().map(block).collect();
    if !request.wants_stream {
        let message = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "content": blocks,
            "stop_reason": "tool_use", "usage": usage,
        });
        return message.to_string();
    }
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "content": [], "usage": usage,
    });
    let mut stream = event(&json!({"type": "message_start", "message": message}));
    for (index, block) in blocks.iter().enumerate() {
        let start = json!({"type": "content_block_start", "index": index, "content_block": block});
        stream += &event(&start);
        stream += &event(&json!({"type": "content_block_stop", "index": index}));
    }
    let delta = json!({"stop_reason": "tool_use"});
    stream += &event(&json!({"type": "message_delta", "delta": delta, "usage": usage}));
    stream + &event(&json!({"type": "message_stop"}))
}

fn chat(request: &Request) -> Value {
    let call = |(at, name): (usize, &String)| {
        let function = json!({"name": name, "arguments": "{}"});
        json!({"index": at, "id": format!("call_{at}"), "type": "function", "function": function})
    };
    let calls: Vec<_> = request.tools.iter().enumerate().map(call).collect();
    let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
    let said = if request.wants_stream {
        "delta"
    } else {
        "message"
    };
    json!({
        "id": "chatcmpl-1",
        "choices": [{"index": 0, said: message, "finish_reason": "tool_calls"}],
    })
}

fn responses(request: &Request) -> String {
    let item = |(at, name): (usize, &String)| {
        json!({
            "type": "function_call", "id": format!("fc_{at}"), "call_id": format!("call_{at}"),
            "name": name, "arguments": "{}", "status": "completed",
        })
    };
    let items: Vec<_> = request.tools.iter().enumerate().map(item).collect();
    let response = json!({
        "id": "resp_1", "object": "response", "status": "completed", "output": items,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    });
    if !request.wants_stream {
        return response.to_string();
    }
    let mut number = 0;
    let mut stream = String::new();
    let mut tell = |mut data: Value| {
        data["sequence_number"] = json!(number);
        number += 1;
        stream += &event(&data);
    };
    tell(json!({"type": "response.created", "response": {"id": "resp_1", "output": []}}));
    for (index, item) in items.iter().enumerate() {
        for name in ["response.output_item.added", "response.output_item.done"] {
            tell(json!({"type": name, "output_index": index, "item": item}));
        }
    }
    tell(json!({"type": "response.completed", "response": response}));
    stream
}
