//! What became of one thing that was found.

use std::fmt;

/// How well it could be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rating {
    /// It means the same.
    Exact,
    /// It means nearly the same.
    Approximate,
    /// It is left out.
    Unsupported,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line it stands in, from 1.
    pub line: usize,
    /// How well it could be taken over.
    pub rating: Rating,
    /// What it is, and what has become of it. Never a secret.
    pub words: String,
}

impl Rating {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Approximate => "approximate",
            Self::Unsupported => "unsupported",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.line, self.rating.as_str(), self.words)
    }
}
