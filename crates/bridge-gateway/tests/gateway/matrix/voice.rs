//! What is said in each dialect: requests, whole answers, streams, errors.

use bridge_api::DialectId;

/// How a caller asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Blocking,
    Streaming,
}

impl Manner {
    pub(super) const ALL: [Self; 2] = [Self::Blocking, Self::Streaming];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Blocking => "blocking",
            Self::Streaming => "streaming",
        }
    }
}

/// One dialect, as a provider and its callers speak it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice {
    pub(super) dialect: DialectId,
    /// The word for it in the table.
    pub(super) name: &'static str,
    pub(super) provider_type: &'static str,
    /// What the base address ends with.
    pub(super) base: &'static str,
    /// The path below the provider's name.
    pub(super) path: &'static str,
    asked: [&'static str; 2],
    /// A whole answer: 5 tokens in, 4 out.
    pub(super) answer: &'static str,
    /// The events of a stream: one that begins it, one with text, the rest with the figures.
    pub(super) events: [&'static str; 3],
    pub(super) error_event: &'static str,
    /// What an error says that stands where an answer should.
    pub(super) error: &'static str,
}

pub(super) const VOICES: [Voice; 3] = [
    Voice {
        dialect: DialectId::AnthropicMessages,
        name: "messages",
        provider_type: "anthropic",
        base: "/",
        path: "/v1/messages",
        asked: [
            r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}"#,
            r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hello"}]}"#,
        ],
        answer: r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi there"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":4}}"#,
        events: [
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi there\"}}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":4}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ],
        error_event: "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"too much\"}}\n\n",
        error: r#"{"type":"error","error":{"type":"some_error","message":"too much"}}"#,
    },
    Voice {
        dialect: DialectId::OpenAiChat,
        name: "chat",
        provider_type: "openai",
        base: "/v1/",
        path: "/v1/chat/completions",
        asked: [
            r#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hello"}]}"#,
        ],
        answer: r#"{"id":"c_1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9}}"#,
        events: [
            "data: {\"id\":\"c_1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
            "data: {\"id\":\"c_1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi there\"}}]}\n\n",
            "data: {\"id\":\"c_1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id\":\"c_1\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":4,\"total_tokens\":9}}\n\ndata: [DONE]\n\n",
        ],
        error_event: "data: {\"error\":{\"message\":\"too much\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n",
        error: r#"{"error":{"message":"too much","type":"some_error","param":null,"code":null}}"#,
    },
    Voice {
        dialect: DialectId::OpenAiResponses,
        name: "responses",
        provider_type: "openai",
        base: "/v1/",
        path: "/v1/responses",
        asked: [
            r#"{"model":"m","input":"hello"}"#,
            r#"{"model":"m","stream":true,"input":"hello"}"#,
        ],
        answer: r#"{"id":"resp_1","object":"response","status":"completed","output":[{"type":"message","id":"m_1","role":"assistant","content":[{"type":"output_text","text":"hi there"}]}],"usage":{"input_tokens":5,"output_tokens":4,"total_tokens":9}}"#,
        events: [
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"output\":[]}}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"m_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"hi there\"}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":5,\"output_tokens\":4,\"total_tokens\":9}}}\n\n",
        ],
        error_event: "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"too much\",\"param\":null}\n\n",
        error: r#"{"error":{"message":"too much","type":"some_error","param":null,"code":null}}"#,
    },
];

impl Voice {
    /// What a caller sends.
    pub(super) fn request(&self, manner: Manner) -> &'static [u8] {
        let [blocking, streaming] = self.asked;
        match manner {
            Manner::Blocking => blocking.as_bytes(),
            Manner::Streaming => streaming.as_bytes(),
        }
    }

    /// Everything that a provider says to it when nothing is wrong.
    pub(super) fn whole(&self, manner: Manner) -> String {
        match manner {
            Manner::Blocking => self.answer.to_owned(),
            Manner::Streaming => self.events.concat(),
        }
    }
}
