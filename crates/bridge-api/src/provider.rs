//! Kinds of providers and the format families they speak.

/// A family of wire formats with the routes that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Anthropic's API.
    Anthropic,
    /// OpenAI's API, and everything compatible with it. Its base address ends with the version.
    OpenAi,
    /// GitHub Copilot's API.
    Copilot,
}

impl Format {
    /// The word for it in records and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Copilot => "copilot",
        }
    }
}

/// What an operator may say a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderType {
    /// Anthropic.
    Anthropic,
    /// OpenAI.
    OpenAi,
    /// GitHub Copilot.
    Copilot,
    /// Azure's endpoint in OpenAI's format.
    Azure,
    /// Google's endpoint in OpenAI's format.
    Google,
    /// OpenRouter.
    OpenRouter,
    /// Vercel's gateway.
    Vercel,
    /// Anything else in OpenAI's format.
    OpenAiCompat,
    /// Anthropic's models on Amazon Bedrock.
    Bedrock,
    /// ChatGPT's subscriptions; each caller brings their own.
    ChatGpt,
}

impl ProviderType {
    /// Every type, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Anthropic,
        Self::OpenAi,
        Self::Copilot,
        Self::Azure,
        Self::Google,
        Self::OpenRouter,
        Self::Vercel,
        Self::OpenAiCompat,
        Self::Bedrock,
        Self::ChatGpt,
    ];

    /// The type of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Copilot => "copilot",
            Self::Azure => "azure",
            Self::Google => "google",
            Self::OpenRouter => "openrouter",
            Self::Vercel => "vercel",
            Self::OpenAiCompat => "openai-compat",
            Self::Bedrock => "bedrock",
            Self::ChatGpt => "chatgpt",
        }
    }

    /// The format it speaks.
    #[must_use]
    pub const fn format(self) -> Format {
        match self {
            Self::Anthropic | Self::Bedrock => Format::Anthropic,
            Self::Copilot => Format::Copilot,
            Self::OpenAi
            | Self::ChatGpt
            | Self::Azure
            | Self::Google
            | Self::OpenRouter
            | Self::Vercel
            | Self::OpenAiCompat => Format::OpenAi,
        }
    }

    /// Whether its API takes headers that tell who is asking. Copilot knows by the caller's own
    /// token, and what a request to Bedrock says is signed for AWS and nobody else.
    #[must_use]
    pub const fn takes_actor(self) -> bool {
        match self {
            Self::Copilot | Self::Bedrock => false,
            Self::Anthropic
            | Self::OpenAi
            | Self::ChatGpt
            | Self::Azure
            | Self::Google
            | Self::OpenRouter
            | Self::Vercel
            | Self::OpenAiCompat => true,
        }
    }
}

/// Whether a name can be the first segment of a path: lower-case letters and digits, joined by
/// single hyphens.
#[must_use]
pub fn is_valid_provider_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.split('-').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_their_names() {
        for kind in ProviderType::ALL {
            assert_eq!(ProviderType::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ProviderType::parse("Anthropic"), None);
        assert_eq!(ProviderType::parse(""), None);
    }

    #[test]
    fn names_make_path_segments() {
        for good in ["a", "anthropic", "openai-eu-2", "0"] {
            assert!(is_valid_provider_name(good), "{good}");
        }
        for bad in ["", "-", "a-", "-a", "a--b", "A", "a_b", "a/b", "ä", "a b"] {
            assert!(!is_valid_provider_name(bad), "{bad}");
        }
    }
}
