//! Anthropic's models on Amazon Bedrock.
//!
//! Callers speak Anthropic's Messages API; Bedrock takes the same bodies with a few differences and
//! answers streams in messages of its own. A request is changed by edits of single members, so
//! everything else keeps its bytes, integers included. What differs from model to model, and
//! changes with each of them, is the tables of [`rules`].
//!
//! The names are those of Bedrock's API reference for `InvokeModel` and
//! `InvokeModelWithResponseStream`.

mod answer;
mod failure;
mod profile;
mod request;
mod rules;
mod thinking;

pub use self::answer::{BedrockEvent, bedrock_event};
pub use self::failure::{bedrock_exception, bedrock_failure};
pub use self::profile::{bedrock_profile_model, bedrock_profile_path};
pub use self::request::{BedrockRequest, bedrock_request};

/// A model as Bedrock knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BedrockModel {
    /// What requests name: a model, or an inference profile.
    pub id: String,
    /// The foundation model behind it, by which rules are chosen. The same as `id`, unless that is
    /// a profile whose name does not tell.
    pub foundation: String,
}

impl BedrockModel {
    /// A model whose id tells what it is.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            foundation: id.to_owned(),
        }
    }

    /// Whether the id is that of an application inference profile, which does not tell the model
    /// behind it, and nobody has.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        self.foundation.contains(":application-inference-profile/")
    }
}

/// The models that an operator has chosen. Callers do not choose: what they ask for only decides
/// between the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BedrockModels<M = BedrockModel> {
    /// For everything that is not small.
    pub model: M,
    /// For requests for a model of the Haiku class, which agents use in the background.
    pub small_fast: M,
}

impl<M> BedrockModels<M> {
    /// The model for a request that asks for this one.
    #[must_use]
    pub fn choose(&self, asked: &str) -> &M {
        if asked.contains("haiku") {
            &self.small_fast
        } else {
            &self.model
        }
    }
}
