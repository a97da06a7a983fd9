//! What Bedrock takes, as tables. A new model is a new line here.
//!
//! A model is recognised by a part of its id: regions stand before it (`us.`, `global.`) and
//! versions behind it.

/// Versions of Anthropic's API as bodies name them.
pub(super) const VERSION: &[u8] = b"\"bedrock-2023-05-31\"";

/// The flag with which `output_config` is understood.
const EFFORT: &str = "effort-2025-11-24";
/// The flag with which `context_management` is understood.
const CONTEXT_MANAGEMENT: &str = "context-management-2025-06-27";

/// Beta flags that Bedrock knows, and the models to which a flag is limited. Others make it refuse
/// a request, so they are left out.
const FLAGS: [(&str, Models); 10] = [
    ("computer-use-2025-01-24", Models::All),
    ("token-efficient-tools-2025-02-19", Models::All),
    ("interleaved-thinking-2025-05-14", Models::All),
    ("output-128k-2025-02-19", Models::All),
    ("dev-full-thinking-2025-05-14", Models::All),
    ("context-1m-2025-08-07", Models::All),
    (
        CONTEXT_MANAGEMENT,
        Models::With(&["anthropic.claude-sonnet-4-5", "anthropic.claude-haiku-4-5"]),
    ),
    (EFFORT, Models::With(&["anthropic.claude-opus-4-5"])),
    ("tool-search-tool-2025-10-19", Models::All),
    ("tool-examples-2025-10-29", Models::All),
];

/// Models that decide themselves how much they think. The older ones are given a budget in place
/// of `thinking.type: "adaptive"`.
const ADAPTIVE: Models = Models::With(&[
    "anthropic.claude-opus-4-6",
    "anthropic.claude-sonnet-4-6",
    "anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8",
    "anthropic.claude-opus-5",
    "anthropic.claude-sonnet-5",
    "anthropic.claude-haiku-5",
    "anthropic.claude-fable",
    "anthropic.claude-mythos",
]);

/// Models that know `output_config` without a flag. It is the only means to tell those that refuse
/// a budget how much to think.
const EFFORT_UNFLAGGED: Models = Models::With(&[
    "anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8",
    "anthropic.claude-opus-5",
    "anthropic.claude-sonnet-5",
    "anthropic.claude-haiku-5",
    "anthropic.claude-fable",
    "anthropic.claude-mythos",
]);

/// Members that Bedrock refuses, and when it does not.
const REFUSED: [(&str, Unless); 6] = [
    ("metadata", Unless::Never),
    ("service_tier", Unless::Never),
    ("container", Unless::Never),
    ("inference_geo", Unless::Never),
    ("output_config", Unless::Flag(EFFORT, EFFORT_UNFLAGGED)),
    (
        "context_management",
        Unless::Flag(CONTEXT_MANAGEMENT, Models::With(&[])),
    ),
];

/// Some of the models.
#[derive(Clone, Copy)]
enum Models {
    All,
    /// Those whose id has one of these parts.
    With(&'static [&'static str]),
}

/// When a member may stay.
#[derive(Clone, Copy)]
enum Unless {
    Never,
    /// With this flag, or for these models.
    Flag(&'static str, Models),
}

impl Models {
    fn have(self, model: &str) -> bool {
        match self {
            Self::All => true,
            Self::With(parts) => parts.iter().any(|part| model.contains(part)),
        }
    }
}

/// Whether a beta flag is one for this model.
pub(super) fn is_known_flag(flag: &str, model: &str) -> bool {
    let mut flags = FLAGS.iter();
    flags.any(|(known, models)| *known == flag && models.have(model))
}

/// Whether the model decides itself how much it thinks.
pub(super) fn is_adaptive(model: &str) -> bool {
    ADAPTIVE.have(model)
}

/// The members that a request with these flags may not have.
pub(super) fn refused(model: &str, flags: &[String]) -> impl Iterator<Item = &'static str> {
    let is_kept = |unless: &Unless| match unless {
        Unless::Never => false,
        Unless::Flag(flag, models) => models.have(model) || flags.iter().any(|known| known == flag),
    };
    REFUSED
        .iter()
        .filter(move |(_, unless)| !is_kept(unless))
        .map(|(name, _)| *name)
}
