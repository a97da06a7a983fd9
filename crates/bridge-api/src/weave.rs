//! One answer for the client out of several of the provider's.
//!
//! A turn in which the model calls injected tools has several rounds: an answer, the results of the
//! calls, another answer. A [`Weave`] is told the events of every round and says what the client
//! gets: one message, in which nothing of the injected calls can be seen.

mod budget;
mod event;
mod figures;
mod hidden;

use bytes::Bytes;

pub(crate) use self::budget::Budget;
pub(crate) use self::event::write_event;
pub(crate) use self::figures::Figures;
pub use self::hidden::{HiddenTurn, splice};
use crate::tools::is_object;
use crate::{
    DialectId, Envelope, EnvelopeError, InjectedCall, ToolResult, Toolbox, anthropic, openai_chat,
    openai_responses,
};

/// Which tokens the client is told at the end of a turn of several rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageTold {
    /// Those of all rounds together: what was paid for.
    #[default]
    Sum,
    /// Those of the last round, for agents that read the size of their context from them.
    Last,
}

/// How much of one turn is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeaveLimits {
    /// All that the next round needs of the turn's answers, in bytes. Default 16 MiB. Results of
    /// tools are not counted: whoever gives them has limits of their own.
    pub bytes: usize,
    /// How many blocks, items, calls and held events all rounds may have together. Default 4,096.
    pub items: usize,
}

impl Default for WeaveLimits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            items: 4_096,
        }
    }
}

/// How a turn is woven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WeaveConfig {
    /// What the client is told of tokens.
    pub usage: UsageTold,
    /// How much is kept.
    pub limits: WeaveLimits,
}

/// Why a turn cannot go on. It has failed then, and the client is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeaveError {
    /// Its answers are larger than what may be kept.
    #[error("the answers of a turn with injected tools are larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Its answers have more parts than may be kept.
    #[error("the answers of a turn with injected tools have more than {limit} parts")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// A further answer is no JSON object, and tools have run for it.
    #[error("the provider's answer after tools had run is not a JSON object")]
    NotJson,
}

/// What follows a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoundEnd {
    /// Nothing: the turn is over. Injected calls of a round that did not end properly are not to
    /// be made, and the client gets the end as the provider told it.
    Over,
    /// Another round, when these calls have been answered: [`Weave::go_on`].
    Calls(Vec<InjectedCall>),
    /// The model also called tools of the client, whose turn it is now. These calls are made before
    /// it hears the end, and their results kept for its next request: [`Weave::keep`].
    Mixed(Vec<InjectedCall>),
}

/// Makes one answer of the rounds of a turn.
///
/// Each round is told either event by event, with what the client gets written to `out`, or as a
/// whole body. Its end is asked for with [`Weave::end_round`]; after the last one come
/// [`Weave::finish`] or [`Weave::finish_whole`], and [`Weave::hidden_turn`].
///
/// A turn of one round without injected calls goes through unchanged, byte for byte.
#[derive(Debug)]
pub struct Weave {
    kind: Kind,
    /// Whether there was a round before this one.
    is_further: bool,
}

#[derive(Debug)]
enum Kind {
    Messages(Box<anthropic::weave::State>),
    Chat(Box<openai_chat::weave::State>),
    Responses(Box<openai_responses::weave::State>),
}

impl Weave {
    /// For the answer to this request, which has been offered these tools. The request is the
    /// client's own: what [`splice`] adds to it is added afterwards.
    #[must_use]
    pub fn new(
        dialect: DialectId,
        request: &Envelope,
        toolbox: Toolbox,
        config: WeaveConfig,
    ) -> Self {
        let kind = match dialect {
            DialectId::AnthropicMessages => {
                let state = anthropic::weave::State::new(request, toolbox, config);
                Kind::Messages(Box::new(state))
            }
            DialectId::OpenAiChat => {
                let state = openai_chat::weave::State::new(request, toolbox, config);
                Kind::Chat(Box::new(state))
            }
            DialectId::OpenAiResponses => {
                let state = openai_responses::weave::State::new(request, toolbox, config);
                Kind::Responses(Box::new(state))
            }
        };
        Self {
            kind,
            is_further: false,
        }
    }

    /// One event of the round: its name, which may be empty, its data, and all of its bytes up to
    /// and with the blank line behind it. What the client gets of it is appended.
    ///
    /// # Errors
    /// When the turn goes beyond its limits.
    pub fn event(
        &mut self,
        name: &str,
        data: &[u8],
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        match &mut self.kind {
            Kind::Messages(state) => state.event(name, data, raw, out),
            Kind::Chat(state) => state.event(data, raw, out),
            Kind::Responses(state) => state.event(name, data, raw, out),
        }
    }

    /// A round that is no stream. The first may be anything, and goes to the client as it is.
    ///
    /// # Errors
    /// When the turn goes beyond its limits, or a further round is no JSON object: the client would
    /// get it in place of the answer, and do the whole turn again.
    pub fn whole(&mut self, body: Bytes) -> Result<(), WeaveError> {
        if self.is_further && !is_object(&body, usize::MAX) {
            return Err(WeaveError::NotJson);
        }
        match &mut self.kind {
            Kind::Messages(state) => state.whole(body),
            Kind::Chat(state) => state.whole(body),
            Kind::Responses(state) => state.whole(body),
        }
    }

    /// What follows the round. To be asked once, when all of the round has been told.
    pub fn end_round(&mut self) -> RoundEnd {
        match &mut self.kind {
            Kind::Messages(state) => state.end_round(),
            Kind::Chat(state) => state.end_round(),
            Kind::Responses(state) => state.end_round(),
        }
    }

    /// Makes the request of the last round that of the next one, after [`RoundEnd::Calls`]. A call
    /// without a result is answered with an error.
    ///
    /// # Errors
    /// When the request has no place for what has to be added.
    pub fn go_on(
        &mut self,
        request: &mut Envelope,
        results: Vec<ToolResult>,
    ) -> Result<(), EnvelopeError> {
        self.is_further = true;
        match &mut self.kind {
            Kind::Messages(state) => state.go_on(request, results),
            Kind::Chat(state) => state.go_on(request, results),
            Kind::Responses(state) => state.go_on(request, results),
        }
    }

    /// Keeps the results of a mixed turn for the client's next request, after [`RoundEnd::Mixed`].
    pub fn keep(&mut self, results: Vec<ToolResult>) {
        match &mut self.kind {
            Kind::Messages(state) => state.keep(results),
            Kind::Chat(state) => state.keep(results),
            Kind::Responses(state) => state.keep(results),
        }
    }

    /// What was held back of the end of the last round. To be told to the client when the turn is
    /// over, be it mixed or not, and the last round has come to its end.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match &mut self.kind {
            Kind::Messages(state) => state.finish(out),
            Kind::Chat(state) => state.finish(out),
            Kind::Responses(state) => state.finish(out),
        }
    }

    /// The answer of all rounds as a whole body.
    pub fn finish_whole(&mut self) -> Bytes {
        match &mut self.kind {
            Kind::Messages(state) => state.finish_whole(),
            Kind::Chat(state) => state.finish_whole(),
            Kind::Responses(state) => state.finish_whole(),
        }
    }

    /// What the client did not see and its next request will lack, if there is anything.
    pub fn hidden_turn(&mut self) -> Option<HiddenTurn> {
        match &mut self.kind {
            Kind::Messages(state) => state.hidden_turn(),
            Kind::Chat(state) => state.hidden_turn(),
            Kind::Responses(state) => state.hidden_turn(),
        }
    }
}
