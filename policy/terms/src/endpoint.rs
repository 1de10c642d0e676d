//! The kinds of things that are asked for.

/// What kind of thing is asked for. Providers keep budgets of their own for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A model produces something.
    Inference,
    /// Counting tokens without a model's answer.
    CountTokens,
    /// Batches: creating, watching, cancelling, fetching results.
    Batches,
    /// Uploaded files.
    Files,
    /// The list of models.
    Models,
    /// A client that asks whether anybody is there; the gateway answers by itself.
    Probe,
    /// Everything else that is served.
    Other,
}

impl Endpoint {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 7] = [
        Self::Inference,
        Self::CountTokens,
        Self::Batches,
        Self::Files,
        Self::Models,
        Self::Probe,
        Self::Other,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Position in arrays that hold one thing per endpoint.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name used in metrics and logs; a bounded set.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inference => "inference",
            Self::CountTokens => "count_tokens",
            Self::Batches => "batches",
            Self::Files => "files",
            Self::Models => "models",
            Self::Probe => "probe",
            Self::Other => "other",
        }
    }
}
