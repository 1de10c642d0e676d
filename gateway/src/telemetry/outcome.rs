//! How requests end, as metrics and the access log name it.

/// How a request ended; a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A provider answered it well, to the end.
    Answered,
    /// A provider's error was its answer.
    PassedThrough,
    /// The gateway refused it.
    Refused,
    /// The client left before the end.
    ClientLeft,
    /// The answer broke after its beginning had reached the client.
    Broken,
}

impl Outcome {
    pub(crate) const ALL: [Self; 5] = [
        Self::Answered,
        Self::PassedThrough,
        Self::Refused,
        Self::ClientLeft,
        Self::Broken,
    ];
    pub(crate) const COUNT: usize = Self::ALL.len();

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::PassedThrough => "passed_through",
            Self::Refused => "refused",
            Self::ClientLeft => "client_left",
            Self::Broken => "broken",
        }
    }
}
