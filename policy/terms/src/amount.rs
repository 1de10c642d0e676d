//! Amounts, as providers meter them.

/// What a provider meters. A request needs some of each; a bucket holds one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Calls.
    Requests,
    /// Uncached input tokens (Anthropic ITPM).
    InputTokens,
    /// Produced tokens (Anthropic OTPM).
    OutputTokens,
    /// Input and output in one (OpenAI TPM, and Anthropic's `tokens-*`).
    Tokens,
}

impl Dimension {
    /// All of them, in index order.
    pub const ALL: [Self; 4] = [
        Self::Requests,
        Self::InputTokens,
        Self::OutputTokens,
        Self::Tokens,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Position in arrays that hold one thing per dimension.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name used in metrics, logs and the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Tokens => "tokens",
        }
    }
}

/// What one request takes of an account's buckets: one call, and these many tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Uncached input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
}

impl Need {
    /// The need in one dimension.
    pub const fn of(&self, dimension: Dimension) -> u64 {
        match dimension {
            Dimension::Requests => 1,
            Dimension::InputTokens => self.input,
            Dimension::OutputTokens => self.output,
            Dimension::Tokens => self.input.saturating_add(self.output),
        }
    }
}
