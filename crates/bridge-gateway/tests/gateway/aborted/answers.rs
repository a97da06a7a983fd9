//! One answer in each dialect, event by event and whole.

/// What every answer here costs, in the provider's figures.
pub(super) const TRUE: (u64, u64, u64) = (5, 7, 60);

pub(super) struct Dialect {
    pub(super) path: &'static str,
    /// The provider tells the input in its first event.
    pub(super) tells_input_early: bool,
    /// With all of them the caller has everything, figures included.
    pub(super) events: &'static [&'static str],
    /// How many events say all that the model wanted to say.
    pub(super) complete: usize,
    pub(super) whole: &'static str,
}

pub(super) const MESSAGES: Dialect = Dialect {
    path: "/anthropic/v1/messages",
    tells_input_early: true,
    events: &[
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":7,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"The file is to be read first.\"}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"I will read the file \\u00fcber.txt and say what it is about.\"}}\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"Read\",\"input\":{}}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"path\\\":\\\"/home/alice/notes/ueber.txt\\\"}\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":60}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ],
    complete: 10,
    whole: r#"{"id":"m","type":"message","content":[{"type":"text","text":"I will read the file."}],"stop_reason":"end_turn","usage":{"input_tokens":5,"cache_read_input_tokens":7,"output_tokens":60}}"#,
};

const CHAT: Dialect = Dialect {
    path: "/openai/v1/chat/completions",
    tells_input_early: false,
    events: &[
        "data: {\"id\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"The file is to be read first.\"},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"I will read the file and say what it is about.\"},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t\",\"function\":{\"name\":\"Read\",\"arguments\":\"{\\\"path\\\":\"}}]},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\\\"/home/alice/notes\\\"}\"}}]},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
        "data: {\"id\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"prompt_tokens_details\":{\"cached_tokens\":7},\"completion_tokens\":60}}\n\n",
        "data: [DONE]\n\n",
    ],
    complete: 6,
    whole: r#"{"id":"m","choices":[{"index":0,"message":{"content":"I will read the file."},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"prompt_tokens_details":{"cached_tokens":7},"completion_tokens":60}}"#,
};

const RESPONSES: Dialect = Dialect {
    path: "/openai/v1/responses",
    tells_input_early: false,
    events: &[
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"m\",\"usage\":null}}\n\n",
        "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"id\":\"r\",\"summary\":[]}}\n\n",
        "event: response.reasoning_summary_text.delta\ndata: {\"type\":\"response.reasoning_summary_text.delta\",\"item_id\":\"r\",\"output_index\":0,\"summary_index\":0,\"delta\":\"The file is to be read first.\"}\n\n",
        "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"output_index\":1,\"item\":{\"type\":\"message\",\"id\":\"t\",\"content\":[]}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"t\",\"output_index\":1,\"delta\":\"I will read the file and say what it is about.\"}\n\n",
        "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"output_index\":2,\"item\":{\"type\":\"function_call\",\"id\":\"f\",\"call_id\":\"c\",\"name\":\"Read\",\"arguments\":\"\"}}\n\n",
        "event: response.function_call_arguments.delta\ndata: {\"type\":\"response.function_call_arguments.delta\",\"item_id\":\"f\",\"output_index\":2,\"delta\":\"{\\\"path\\\":\\\"/home/alice/notes\\\"}\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"m\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":12,\"input_tokens_details\":{\"cached_tokens\":7},\"output_tokens\":60}}}\n\n",
    ],
    complete: 8,
    whole: r#"{"id":"m","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"I will read the file."}]}],"usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":7},"output_tokens":60}}"#,
};

pub(super) const DIALECTS: [&Dialect; 3] = [&MESSAGES, &CHAT, &RESPONSES];
