//! Patterns for model names: text in which `*` stands for anything.
//!
//! Nothing else is special. Model names are full of dots, slashes and colons, which is why these
//! are not regular expressions; and characters that other pattern languages give a meaning to are
//! refused, because whoever writes `claude-[34]` would otherwise get a pattern that never matches.
//!
//! A match takes time in proportion to the name, whatever the pattern: each piece between stars is
//! found once, at its leftmost place.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Longest pattern accepted, in bytes.
const LEN_MAX: usize = 256;

/// Characters that mean something in other pattern languages and stand in no model's name.
const FOREIGN: &str = "?[]{}()|^$\\`\"'";

/// A pattern for model names. `*` stands for any text, also none; all else is itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelPattern {
    text: String,
}

/// Why a text is no [`ModelPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It would match nothing.
    #[error("a model pattern may not be empty")]
    Empty,
    /// It is longer than any model's name.
    #[error("a model pattern has at most {LEN_MAX} bytes")]
    TooLong,
    /// It has a character that only other pattern languages know.
    #[error("a model pattern may not have '{0}': only * has a meaning")]
    Foreign(char),
    /// It has a space or a control character, which no model's name has.
    #[error("a model pattern may not have spaces or control characters")]
    Space,
}

impl ModelPattern {
    /// Whether `model` fits.
    pub fn matches(&self, model: &str) -> bool {
        if self.is_any() {
            return true;
        }
        let Some((first, rest)) = self.text.split_once('*') else {
            return self.text == model;
        };
        let Some(model) = model.strip_prefix(first) else {
            return false;
        };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        let Some(mut model) = model.strip_suffix(last) else {
            return false;
        };
        for piece in middle.split('*') {
            let Some(at) = model.find(piece) else {
                return false;
            };
            model = &model[at + piece.len()..];
        }
        true
    }

    fn is_any(&self) -> bool {
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
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > LEN_MAX {
            return Err(PatternError::TooLong);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(PatternError::Space);
        }
        match text.chars().find(|c| FOREIGN.contains(*c)) {
            Some(foreign) => Err(PatternError::Foreign(foreign)),
            None => Ok(Self { text: text.into() }),
        }
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

    /// These patterns; `None` if there are none.
    pub fn new(patterns: Vec<ModelPattern>) -> Option<Self> {
        (!patterns.is_empty()).then_some(Self(patterns))
    }

    /// Whether every model matches.
    pub fn is_any(&self) -> bool {
        self.0.iter().any(ModelPattern::is_any)
    }

    /// Whether one of them matches `model`.
    pub fn matches(&self, model: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(model))
    }

    /// Names the set: the same whatever the order of its patterns is, and however often one is said.
    pub fn set(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(ModelPattern::as_str).collect();
        as_set(&names.join(","))
    }

    /// The patterns, as ordered in the file.
    pub fn iter(&self) -> impl Iterator<Item = &ModelPattern> {
        self.0.iter()
    }
}

/// What names a set of patterns that are `joined` with commas in any order.
pub fn as_set(joined: &str) -> String {
    let names: BTreeSet<&str> = joined.split(',').collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

impl Default for ModelPatterns {
    fn default() -> Self {
        Self::any()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, model: &str) -> bool {
        pattern
            .parse::<ModelPattern>()
            .expect(pattern)
            .matches(model)
    }

    #[test]
    fn star_stands_for_any_text() {
        for (pattern, model, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("**", "anything", true),
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5.1", false),
            ("gpt-5", "GPT-5", false),
            ("claude-opus-4*", "claude-opus-4", true),
            ("claude-opus-4*", "claude-opus-4-1", true),
            ("claude-opus-4*", "claude-sonnet-4", false),
            ("*-mini", "gpt-5-mini", true),
            ("*-mini", "gpt-5-mini-2", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("ab*bc", "abc", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
            ("*a*a*", "a", false),
            ("*a*a*", "xaya", true),
            ("*/llama-*:free", "meta/llama-4:free", true),
            ("*é*", "café-1", true),
        ] {
            assert_eq!(matches(pattern, model), expected, "{pattern} {model}");
        }
    }

    #[test]
    fn other_pattern_languages_are_refused() {
        for (text, error) in [
            ("", PatternError::Empty),
            ("claude-[34]*", PatternError::Foreign('[')),
            ("^gpt", PatternError::Foreign('^')),
            ("gpt-?", PatternError::Foreign('?')),
            ("{a,b}", PatternError::Foreign('{')),
            ("gpt 5", PatternError::Space),
            ("gpt\n", PatternError::Space),
            (&"a".repeat(LEN_MAX + 1), PatternError::TooLong),
        ] {
            assert_eq!(text.parse::<ModelPattern>(), Err(error), "{text}");
        }
    }

    #[test]
    fn one_of_several_patterns_is_enough() {
        let parse = |text: &str| text.parse::<ModelPattern>().expect(text);
        let patterns = ModelPatterns::new(vec![parse("gpt-*"), parse("o3")]).expect("not empty");
        assert!(patterns.matches("o3") && patterns.matches("gpt-5"));
        assert!(!patterns.matches("o3-mini"));
        assert_eq!(ModelPatterns::new(Vec::new()), None);
        assert!(ModelPatterns::any().matches("whatever"));
    }

    /// The definition, in exponential time.
    fn by_definition(pattern: &[u8], model: &[u8]) -> bool {
        match pattern.split_first() {
            None => model.is_empty(),
            Some((b'*', rest)) => (0..=model.len()).any(|at| by_definition(rest, &model[at..])),
            Some((byte, rest)) => model.first() == Some(byte) && by_definition(rest, &model[1..]),
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_definition(pattern in "[ab*]{1,8}", model in "[ab]{0,10}") {
            prop_assert_eq!(
                matches(&pattern, &model),
                by_definition(pattern.as_bytes(), model.as_bytes())
            );
        }
    }
}
