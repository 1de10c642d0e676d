//! A request, as far as deciding about it needs to know it.

/// What admission must know of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The model, where the body names one. A batch is known by the first of its requests.
    pub model: Option<String>,
    /// Every other model that the body names (of a batch, or as a fallback): a client must be
    /// allowed them too.
    pub other_models: Vec<String>,
    /// The answer is asked for as a stream.
    pub stream: bool,
    /// How big it is.
    pub size: RequestSize,
    /// Fingerprint of the conversation: system prompt, tools and first message.
    pub affinity: Option<u64>,
    /// Fingerprint of the name that the client gives its conversation (`prompt_cache_key`).
    pub session: Option<u64>,
    /// Hard references: names of files, containers, earlier responses, and of sealed reasoning that
    /// the body quotes, which only the account that made them knows or can read. What is given in
    /// full, id and all, is not among them. Of sealed pieces the newest come, last.
    pub references: Vec<String>,
    /// The provider will keep the answer, to be asked for by its id.
    pub stored: bool,
}

/// How big a request is, before anybody knows its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestSize {
    /// Bytes of text that become input tokens (base64 of images and documents left out).
    pub text_bytes: u64,
    /// Tokens of images and documents, by the dialect's own rule.
    pub media_tokens: u64,
    /// The client's cap on output (`max_tokens` and its like).
    pub output_max: Option<u64>,
}

/// The class a request waits in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before all others.
    High,
    /// The default.
    #[default]
    Normal,
    /// After all others, but aged, so that it still moves.
    Low,
}

impl Priority {
    /// The name in the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// Tokens a provider said it charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input, as it was told: with what was read from the cache or without it, and so do the provider's
    /// limits count.
    pub input: Option<u64>,
    /// Input that was read from the prompt cache.
    pub cache_read: Option<u64>,
    /// Which `input` has in it. (Anthropic's and Bedrock's has not.)
    pub cache_within: bool,
    /// Input, within `input`, that was written to the prompt cache.
    pub cache_write: Option<u32>,
    /// Of that, what is to stay there for an hour.
    pub cache_write_1h: Option<u32>,
    /// Output.
    pub output: Option<u64>,
    /// At what rates, if it was told.
    pub tier: Option<Tier>,
}

impl Usage {
    /// As Anthropic tells it: what was read from the cache beside the input. What is told of a request is of
    /// this form, whoever served it; a pool's budgets go by what was told.
    #[must_use]
    pub fn apart(self) -> Self {
        let within = self.cache_read.filter(|_| self.cache_within);
        Self {
            input: self
                .input
                .map(|input| input.saturating_sub(within.unwrap_or_default())),
            cache_within: false,
            ..self
        }
    }

    /// No tokens are told of.
    pub fn is_empty(&self) -> bool {
        let counts = Self {
            tier: None,
            cache_within: false,
            ..*self
        };
        counts == Self::default()
    }
}

/// The rates at which a provider served a request, as far as prices know of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The list's.
    Usual,
    /// Those of batches, which are `OpenAI`'s for flex processing, too.
    Batch,
}
