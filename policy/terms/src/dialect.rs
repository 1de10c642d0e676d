//! The languages that providers and their clients speak.

/// The language a provider and its clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// The Anthropic API.
    Anthropic,
    /// The OpenAI API and what is compatible with it, Azure's deployments included.
    OpenAi,
    /// Any other HTTP API: everything is passed, and read as far as it is understood.
    Generic,
}

impl Dialect {
    /// The name in the policy file, in metrics and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Generic => "generic",
        }
    }

    /// How this dialect's providers take their key unless the policy file says otherwise.
    pub const fn credential_style(self) -> CredentialStyle {
        match self {
            Self::Anthropic => CredentialStyle::XApiKey,
            Self::OpenAi | Self::Generic => CredentialStyle::Bearer,
        }
    }
}

/// The header that carries a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialStyle {
    /// `x-api-key: SECRET`.
    XApiKey,
    /// `authorization: Bearer SECRET`.
    Bearer,
    /// `api-key: SECRET` (Azure).
    ApiKey,
    /// `x-goog-api-key: SECRET` (Gemini).
    XGoogApiKey,
}

impl CredentialStyle {
    /// The name in the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::XApiKey => "x-api-key",
            Self::Bearer => "bearer",
            Self::ApiKey => "api-key",
            Self::XGoogApiKey => "x-goog-api-key",
        }
    }
}
